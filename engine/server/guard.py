"""Who may speak to our own routes: Streamlit's checks do not cover them. Refuses foreign hosts (DNS rebinding) and origins."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

# The server listens on this machine alone, so no other name can rightly stand in a request.
LOCAL = ("127.0.0.1", "localhost", "::1")


def allowed(connection: HTTPConnection) -> bool:
    """Whether the request names a host that is ours and comes from a page of that host (or from no page)."""
    origin = connection.headers.get("origin")
    try:
        host = urlsplit(f"//{connection.headers.get('host', '')}")
        return host.hostname in LOCAL and (origin is None or urlsplit(origin).netloc == host.netloc)
    except ValueError:
        return False  # brackets that close nothing
