"""Who may speak to our own routes: Streamlit's checks do not cover them. Refuses foreign hosts (DNS rebinding) and origins."""

import os
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

# Names under which this server may be reached, besides its own address; `os.pathsep` has no place in host names, so commas.
VARIABLE = "ATHANOR_HOSTS"
LOCAL = ("127.0.0.1", "localhost", "::1")


def allowed(connection: HTTPConnection) -> bool:
    """Whether the request names a host that is ours and comes from a page of that host (or from no page)."""
    host = urlsplit(f"//{connection.headers.get('host', '')}")
    origin = connection.headers.get("origin")
    if host.hostname not in _hosts():
        return False
    return origin is None or urlsplit(origin).netloc == host.netloc


def _hosts() -> tuple[str, ...]:
    return LOCAL + tuple(name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip())
