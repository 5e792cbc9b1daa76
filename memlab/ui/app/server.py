"""The server of the pages: `python -m memlab.ui.app.server PORT`, which is what `memlab serve` runs.

Streamlit's own server, with two checks in front of it and a clean shutdown:

- Only requests to a name in `server.allowedHosts` are answered, so that a page under another name that resolves
  to this machine (DNS rebinding) gets nothing.
- A web socket is opened only for a page of this very server: same name and same port. Streamlit itself accepts any
  port of localhost, where any other program may listen.
- When the server ends, running jobs are asked to stop and marked as interrupted.

With `memlab serve --share` it also listens on an address of the network, for the guests of a class, and
`memlab.ui.classroom.gate` comes after those two checks.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.middleware import Middleware
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.starlette import App

from memlab.bundle import bundle
from memlab.ui.app.garbage import collect_at_rest
from memlab.ui.classroom import room
from memlab.ui.classroom.gate import Gate

LOCAL = ("127.0.0.1", "::1")  # what localhost means
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
    """Whether a request is addressed to an allowed name and, where that matters, comes from a page of this server."""
    hosts = _values(scope, b"host")
    allowed = {_name(host) for host in config.get_option("server.allowedHosts")}
    if len(hosts) != 1 or (name := _name(hosts[0])) is None or name not in allowed:
        return False
    if scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True  # a page of another origin cannot read the response
    return all(urlsplit(origin).netloc.lower() == hosts[0].lower() for origin in _values(scope, b"origin"))


def _values(scope: Message, header: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == header]


def _name(host: str) -> str | None:
    """The name in "name:port", in lower case and without a trailing dot; None if it is not a host."""
    try:
        bare = host if host.startswith("[") or host.count(":") < 2 else f"[{host}]"  # an IPv6 address in a list
        parts = urlsplit(f"//{bare}")
        _ = parts.port  # raises if it is not a port
    except ValueError:
        return None
    plain = parts.hostname is not None and "@" not in host and not (parts.path or parts.query or parts.fragment)
    return (parts.hostname or "").rstrip(".") if plain else None


@asynccontextmanager
async def lifespan(_: App) -> AsyncIterator[None]:
    """Loads the engine while the first browser still fetches the page's own files; at shutdown, ends the jobs of this
    process and deletes the workspace of a class."""
    ended = threading.Event()
    threading.Thread(target=load_engine, daemon=True).start()
    threading.Thread(target=collect_at_rest, args=(ended,), daemon=True).start()
    yield
    ended.set()
    if (classroom := room.present()) is not None:
        await asyncio.to_thread(classroom.end)
    await asyncio.to_thread(end_jobs)


def load_engine() -> None:
    """Imports what pages need: first the modules of the Guide's introduction, then the engine with torch.

    A page that is opened meanwhile waits for this, as it would for its own import.
    """
    gc.disable()  # garbage collection would take a sixth of the import time
    try:
        for name in ("guide", "app.navigation", "app.frame"):
            import_module(f"memlab.ui.{name}")
    finally:
        gc.freeze()
        gc.enable()


def end_jobs() -> bool:
    """Ends this process's jobs; whether none runs any more. Imports nothing where no page has used jobs."""
    jobs = sys.modules.get("memlab.record.jobs")
    return jobs is None or bool(jobs.Jobs.end())


def serve(port: int) -> None:
    """Serves the pages on localhost, and a class on its address of the network, until the process is told to end."""
    PagesManager.uses_pages_directory = False  # every page runs through app.py, even for the very first visitor
    middleware = [Middleware(OnlyOwnPages)]
    classroom = room.from_environment(port)
    if classroom is not None:
        config.set_option("server.allowedHosts", [*config.get_option("server.allowedHosts"), classroom.address])
        middleware.append(Middleware(Gate, passes=classroom.passes, address=classroom.address, port=port))
    app = App(bundle() / "app.py", middleware=middleware, lifespan=lifespan)
    options: dict[str, Any] = {
        "host": str(config.get_option("server.address") or "localhost"),
        "port": port,
        "log_level": "warning",
        "access_log": False,  # addresses that a class uses hold tokens
        "ws_max_size": int(config.get_option("server.maxMessageSize")) << 20,
        "timeout_graceful_shutdown": GRACE,
    }
    if classroom is None:
        uvicorn.run(app, **options)
    else:
        with suppress(KeyboardInterrupt):
            uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=listening((*LOCAL, classroom.address), port))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads inside a library would end the process with an error of that library


def listening(addresses: Iterable[str], port: int) -> list[socket.socket]:
    """A socket for each address; ::1 is skipped where it cannot be used; any other ends the process with a message."""
    found = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            found.append(socket.create_server((address, port), family=family))
        except OSError as error:
            if address != "::1":
                sys.exit(f"memlab cannot listen on {address}, port {port}: {error.strerror}.")
    return found


if __name__ == "__main__":
    serve(int(sys.argv[1]))
