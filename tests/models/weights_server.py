"""A small server on this machine that stands for the one from which torchvision's weights are downloaded."""

import hashlib
import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models import get_model_weights


class WeightsServer:
    """Serves one file. `breaks_after` bytes it hangs up; `asked` counts how often somebody came."""

    def __init__(self, content: bytes, port: int) -> None:
        self.content = content
        self.breaks_after: int | None = None
        self.asked = 0
        self.file = f"tiny-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        self.url = f"http://127.0.0.1:{port}/models/{self.file}"


@contextmanager
def serving(content: bytes) -> Iterator[WeightsServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shop.asked += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(shop.content)))
            self.end_headers()
            self.wfile.write(shop.content[: shop.breaks_after])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop = WeightsServer(content, server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def packed(tensors: Mapping[str, Tensor] | Any) -> bytes:
    """As torchvision's files are: torch's own format, which is a pickle within."""
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


def sell(monkeypatch: pytest.MonkeyPatch, architecture: str, url: str) -> None:
    """Let torchvision's list say that these weights of an architecture lie there."""
    monkeypatch.setattr(get_model_weights(architecture)["DEFAULT"].value, "url", url)
