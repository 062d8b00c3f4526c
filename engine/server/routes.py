"""The door's other half: what `app.py` hands to Streamlit. Opens the store once, starts the supervisor, serves four routes."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from engine import __version__
from engine.errors import AthanorError
from engine.jobs.launch import ensure_supervisor, supervisor_version
from engine.server.curves import curves
from engine.server.feed import live
from engine.server.guard import allowed
from engine.store.connect import open_store
from engine.store.home import Home

# A year, in seconds: who asks names the version in the address.
ASSET_LIFE = 31_536_000


def health(request: Request) -> Response:
    """`/health`: is the server up, which version, is a supervisor there."""
    if not allowed(request):
        return PlainTextResponse("unknown host", status_code=400)
    found = supervisor_version(open_store(Home.find()))
    state = {"state": "absent" if found is None else "alive", "version": found}
    return JSONResponse({"ok": True, "version": __version__, "supervisor": state})


def asset(request: Request) -> Response:
    """`/assets/<name>`: one of ours by name; nothing a visitor types becomes a path."""
    found = ASSETS.get(request.path_params["name"])
    if found is None or not allowed(request):
        return PlainTextResponse("not here", status_code=404)
    path, media_type = found
    return FileResponse(path, media_type=media_type, headers={"Cache-Control": f"public, max-age={ASSET_LIFE}"})


# The drawing library as the installed plotly package carries it, and the text font (SIL Open Font License, beside it).
ASSETS = {
    "plotly.min.js": (Path(str(files("plotly") / "package_data" / "plotly.min.js")), "text/javascript"),
    "inter.woff2": (Path(__file__).parent / "fonts" / "inter.woff2", "font/woff2"),
}
ROUTES: list[BaseRoute] = [
    Route("/health", health),
    Route("/assets/{name}", asset),
    Route("/curves", curves),
    WebSocketRoute("/live", live),
]


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Open the store, wake the supervisor so that its spare is warm at the first Start, and freeze what start-up made.

    Without the freeze Streamlit spends about 100 ms of garbage collection on every rerun.
    """
    with suppress(OSError, AthanorError):  # the pages say what is wrong and try again
        ensure_supervisor(open_store(Home.find()))
    gc.collect()
    gc.freeze()
    yield
