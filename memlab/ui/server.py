"""The server of the pages: `python -m memlab.ui.server PORT`, which is what `memlab serve` runs.

Streamlit's own server, with two rules of its own in front of it and a clean end behind it:

- Only requests to a name in `server.allowedHosts` are answered, so that a page of another name that resolves to
  this machine (DNS rebinding) gets nothing.
- A web socket is opened only for a page of this very server: same name and same port. Streamlit itself takes any
  port of localhost, where anybody's program may listen.
- When the server ends, jobs that run are asked to stop and marked as interrupted.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.middleware import Middleware
from streamlit import config
from streamlit.starlette import App

from memlab.bundle import bundle

GRACE = 2  # seconds that open connections get when the server ends

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


class OnlyOwnPages:
    """Refuses requests to another host name, and web sockets and posts from pages of another origin."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or may_ask(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: status 403
        else:
            text = b"memlab answers only to its own address on this machine.\n"
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": text})


def may_ask(scope: Message) -> bool:
    """Whether a request comes to an allowed name, and from a page of this server where that matters."""
    hosts = _values(scope, b"host")
    allowed = {_name(host) for host in config.get_option("server.allowedHosts")}
    if len(hosts) != 1 or (name := _name(hosts[0])) is None or name not in allowed:
        return False
    if scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True  # what a page of another origin gets, it cannot read
    return all(urlsplit(origin).netloc.lower() == hosts[0].lower() for origin in _values(scope, b"origin"))


def _values(scope: Message, header: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == header]


def _name(host: str) -> str | None:
    """The name in "name:port", in small letters and without a last dot; None for what is no host."""
    try:
        bare = host if host.startswith("[") or host.count(":") < 2 else f"[{host}]"  # an IPv6 address in a list
        parts = urlsplit(f"//{bare}")
        _ = parts.port  # raises for what is no port
    except ValueError:
        return None
    plain = parts.hostname is not None and "@" not in host and not (parts.path or parts.query or parts.fragment)
    return (parts.hostname or "").rstrip(".") if plain else None


@asynccontextmanager
async def with_a_clean_end(_: App) -> AsyncIterator[None]:
    """Ends the jobs of this process before the server is gone."""
    yield
    await asyncio.to_thread(end_jobs)


def end_jobs() -> bool:
    """Whether no job runs any more; nothing is loaded for it where no page asked for jobs."""
    jobs = sys.modules.get("memlab.record.jobs")
    return jobs is None or bool(jobs.Jobs.end())


def serve(port: int) -> None:
    """Serves the pages on localhost until the process is told to end."""
    app = App(bundle() / "app.py", middleware=[Middleware(OnlyOwnPages)], lifespan=with_a_clean_end)
    megabytes = int(config.get_option("server.maxMessageSize"))
    uvicorn.run(
        app,
        host=str(config.get_option("server.address") or "localhost"),
        port=port,
        log_level="warning",
        access_log=False,
        ws_max_size=megabytes << 20,
        timeout_graceful_shutdown=GRACE,
    )
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads inside a library would end the process with an error of that library


if __name__ == "__main__":
    serve(int(sys.argv[1]))
