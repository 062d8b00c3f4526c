"""A dataset that lies nowhere is downloaded, here from a small server on this machine."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torchvision.datasets import FashionMNIST

from engine.config.data import DataConfig
from engine.data.loading import load
from engine.data.published import FASHION_MNIST
from tests.data.published_files import small_fashion


class _Mirror(BaseHTTPRequestHandler):
    """Serves `packed` files by name; each stops half-way until the reader has told how much it has."""

    packed: Path
    told: threading.Event

    def do_GET(self) -> None:
        content = (self.packed / self.path.lstrip("/")).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        assert self.told.wait(60)
        self.wfile.write(content[len(content) // 2 :])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A small Fashion-MNIST behind a real server on this machine; yields the event that lets the server go on."""
    packed = small_fashion(tmp_path / "mirror", packed=True, train=600) / "FashionMNIST/raw"
    handler = type("Mirror", (_Mirror,), {"packed": packed, "told": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    resources = [(file, hashlib.md5((packed / file).read_bytes()).hexdigest()) for file, _ in FashionMNIST.resources]
    monkeypatch.setattr(FashionMNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(FashionMNIST, "resources", resources)
    yield handler.told
    handler.told.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_is_nowhere_is_downloaded_with_progress_and_found_the_next_time(tmp_path, mirror):
    home, cache, told = tmp_path / "home", tmp_path / "cache", []

    def progress(what: str, done: int, total: int) -> None:
        told.append((what, done, total))
        if done:
            mirror.set()

    config = DataConfig(dataset="fashion_mnist", resolution=8)
    assert len(load(config, [tmp_path / "nothing", home], cache, progress).labels) == 620
    assert ("decode", 620, 620) in told
    assert any(what == "download" and done > 0 for what, done, _ in told)
    assert {path.name for path in (home / FASHION_MNIST.folder).iterdir()} >= set(FASHION_MNIST.files)
    told.clear()
    load(config, [home], tmp_path / "another cache", progress)
    assert {what for what, _, _ in told} == {"decode"}
