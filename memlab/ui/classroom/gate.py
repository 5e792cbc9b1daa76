"""Access control of a shared server: tells the lecturer and guests apart, and refuses everybody else.

The lecturer connects over localhost and holds the lecturer's cookie; guests connect over the shared address and hold
a seat. An address with a token in its path sets the cookie and redirects at once to one without, so that no token
stays in the address line. Pages read the role from headers that the gate sets and that no browser can send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import unquote, urlsplit

from memlab.ui.classroom.passes import TRIES_EVERY, Full, Passes, Seat, TooMany

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

ROLE, NUMBER = "x-memlab-role", "x-memlab-guest"  # headers for the pages
LECTURER, GUEST = "lecturer", "guest"
JOIN, LEAD = "/join/", "/lead/"  # paths that take a token
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
STREAM = "/_stcore/stream"
# What a guest's browser may fetch: the page and its parts. Not among them: uploads, metrics, files of the app.
GUEST_PATHS = ("/static/", "/media/", "/component/", "/_stcore/bidi-components/")
GUEST_FILES = ("/", "/favicon.png", "/manifest.json", "/_stcore/health", "/_stcore/host-config")
LARGEST = 64 << 10  # bytes of one message of a guest's browser; a guess has a few hundred


class Gate:
    """Answers the lecturer and guests of one class, each over its own address, and refuses everything else."""

    def __init__(self, app: Asgi, passes: Passes, address: str, port: int) -> None:
        self._app, self._passes, self._address = app, passes, address
        self._cookies = {role: f"memlab_{port}_{role}" for role in (LECTURER, GUEST)}  # ports share cookies

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        role = self._role(scope)
        if role is None:
            await refuse(scope, receive, send, 403, "memlab answers only to its own address.")
        elif scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith((JOIN, LEAD)):
            await self._join(role, scope, receive, send)
        elif role == LECTURER:
            await self._lecturer(scope, receive, send)
        else:
            await self._guest(scope, receive, send)

    def _role(self, scope: Message) -> str | None:
        """The role by the address on which the request arrived; None where it asks for another host."""
        arrived, name = str((scope.get("server") or ("",))[0]), _host(scope)
        if arrived == self._address:
            return GUEST if name == self._address else None
        local = arrived in LOCAL_NAMES and str((scope.get("client") or ("",))[0]) in LOCAL_NAMES
        return LECTURER if local and name in LOCAL_NAMES else None

    async def _join(self, role: str, scope: Message, receive: Receive, send: Send) -> None:
        way = LEAD if role == LECTURER else JOIN
        token = unquote(scope["path"].removeprefix(way)) if scope["path"].startswith(way) else ""
        client = str((scope.get("client") or ("",))[0])
        try:
            if role == LECTURER:
                cookie = self._passes.lecturer(token, client)
            else:
                cookie = self._passes.guest(token.strip().lower(), client, self._cookie(scope, GUEST))
        except Full:
            said = (
                f"The class is full: {self._passes.seats} guests are here. "
                "A seat becomes free a minute after somebody leaves."
            )
            await refuse(scope, receive, send, 503, said)
        except TooMany:
            said = f"Too many wrong tokens from this address. Try again in {TRIES_EVERY:.0f} seconds."
            await refuse(scope, receive, send, 429, said)
        else:
            if cookie is None:
                await refuse(scope, receive, send, 403, "This is not the token of this class. Scan the code again.")
            else:
                await _redirect(send, f"{self._cookies[role]}={cookie}; Path=/; HttpOnly; SameSite=Lax")

    async def _lecturer(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._passes.is_lecturer(self._cookie(scope, LECTURER)):
            await self._app(_stamped(scope, {ROLE: LECTURER}), receive, send)
        else:
            said = (
                "This memlab is shared with a class. Open the lecturer's address, which `memlab serve --share` printed."
            )
            await refuse(scope, receive, send, 403, said)

    async def _guest(self, scope: Message, receive: Receive, send: Send) -> None:
        seat = self._passes.seat(self._cookie(scope, GUEST))
        if seat is None:
            await refuse(scope, receive, send, 403, "To take part, scan the code that the lecturer shows.")
            return
        stamped = _stamped(scope, {ROLE: GUEST, NUMBER: str(seat.number)})
        if scope["type"] == "websocket" and scope["path"] == STREAM:
            await self._window(seat, stamped, receive, send)
        elif scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and _for_guests(scope["path"]):
            await asyncio.sleep(seat.files.delay())
            await self._app(stamped, receive, send)
        elif scope["type"] == "http" and scope["method"] == "GET" and "." not in scope["path"]:
            await _redirect(send)  # the address of a page that guests do not have
        else:
            await refuse(scope, receive, send, 403, "Guests of a class cannot do this.")

    async def _window(self, seat: Seat, scope: Message, receive: Receive, send: Send) -> None:
        """One web socket of a guest: few at a time, limited in the size and rate of its messages."""
        if not self._passes.open_window(seat):
            await refuse(scope, receive, send, 403, "Too many windows.")
            return

        async def limited() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                if len(message.get("bytes") or message.get("text") or b"") > LARGEST:
                    return {"type": "websocket.disconnect", "code": 1009}
                await asyncio.sleep(seat.messages.delay())
            return message

        try:
            await self._app(scope, limited, send)
        finally:
            self._passes.close_window(seat)

    def _cookie(self, scope: Message, role: str) -> str:
        jar: SimpleCookie = SimpleCookie()
        for line in _values(scope, b"cookie"):
            try:
                jar.load(line)
            except CookieError:
                return ""
        found = jar.get(self._cookies[role])
        return found.value if found is not None else ""


async def refuse(scope: Message, receive: Receive, send: Send, status: int, text: str) -> None:
    """Refuses a request with one line of text; a web socket by closing it before it is accepted."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before it is accepted: status 403
        return
    body = f"{text}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _redirect(send: Send, cookie: str | None = None) -> None:
    """Redirects to the first page, with a cookie or without; no page learns the address with the token."""
    headers = [(b"location", b"/"), (b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer")]
    headers += [(b"set-cookie", cookie.encode())] if cookie else []
    await send({"type": "http.response.start", "status": 303, "headers": [*headers, (b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def _for_guests(path: str) -> bool:
    return path in GUEST_FILES or (path.startswith(GUEST_PATHS) and ".." not in path)


def _stamped(scope: Message, stamps: Mapping[str, str]) -> Message:
    """The request with these headers, and without any that it came with under their names."""
    own = [(name.encode(), value.encode()) for name, value in stamps.items()]
    brought = [(n, v) for n, v in scope["headers"] if n.lower().decode("latin-1") not in (ROLE, NUMBER)]
    return {**scope, "headers": [*brought, *own]}


def _values(scope: Message, header: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == header]


def _host(scope: Message) -> str | None:
    """The host name that a request asks for, without port; None unless there is exactly one."""
    hosts = _values(scope, b"host")
    try:
        name = urlsplit(f"//{hosts[0]}").hostname if len(hosts) == 1 else None
    except ValueError:
        return None
    return name.rstrip(".") if name else None
