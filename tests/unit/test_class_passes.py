"""Tokens, seats, limits and the gate of a class: who is answered, and who is not. No server and no browser."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from memlab.cli.share import Invitation, network_address
from memlab.errors import InputError
from memlab.ui.classroom.gate import Gate
from memlab.ui.classroom.passes import (
    AWAY,
    BURST,
    TRIES,
    TRIES_EVERY,
    WINDOWS,
    Bucket,
    Full,
    Passes,
    TooMany,
    new_token,
)

ADDRESS, PORT = "192.168.1.20", 8501


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def passes(clock: Clock) -> Passes:
    return Passes("abcd-efgh-jkmn", "the-lecturers", seats=3, clock=clock)


def coming_in(
    passes: Passes, token: str = "abcd-efgh-jkmn", client: str = "192.168.1.30", cookie: str = ""
) -> str | None:
    return passes.guest(token, client, cookie)


# Passes


def test_tokens_are_random_and_shown_nowhere() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    passes = Passes()
    assert passes.guest_token not in repr(passes)
    assert passes.lecturer_token not in repr(passes)


def test_a_seat_is_kept_by_its_cookie_and_given_up_a_minute_after_its_guest_left(passes: Passes, clock: Clock) -> None:
    cookies = [coming_in(passes) for _ in range(3)]
    assert len({*cookies}) == 3
    assert coming_in(passes, cookie=str(cookies[0])) == cookies[0]
    with pytest.raises(Full):
        coming_in(passes)
    first = passes.seat(str(cookies[0]))
    assert first is not None
    passes.open_window(first)
    clock.now += AWAY
    late = coming_in(passes)  # in the seat of one of the two who have no window open
    assert late not in cookies
    assert passes.seat(str(cookies[0])) is first
    assert [passes.seat(str(cookie)) is None for cookie in cookies].count(True) == 1
    assert passes.seat("") is None
    assert passes.present() == 1


def test_wrong_tokens_are_counted_for_each_address(passes: Passes, clock: Clock) -> None:
    for _ in range(TRIES):
        assert coming_in(passes, "xxxx-xxxx-xxxx", "192.168.1.66") is None
    with pytest.raises(TooMany):
        coming_in(passes, client="192.168.1.66")  # not even with the right one
    assert coming_in(passes) is not None
    clock.now += TRIES_EVERY
    assert coming_in(passes, client="192.168.1.66") is not None
    assert passes.lecturer("abcd-efgh-jkmn", "127.0.0.1") is None  # the guests' token is not the lecturer's
    assert passes.lecturer("thé", "127.0.0.1") is None


def test_a_guest_has_a_few_windows(passes: Passes) -> None:
    seat = passes.seat(str(coming_in(passes)))
    assert seat is not None
    assert [passes.open_window(seat) for _ in range(WINDOWS + 1)] == [True] * WINDOWS + [False]
    passes.close_window(seat)
    assert passes.open_window(seat)


def test_a_rate_is_a_burst_and_then_so_many_a_second(clock: Clock) -> None:
    bucket = Bucket(2, 0.5, clock)
    assert [bucket.delay() for _ in range(4)] == [0, 0, 2, 4]
    clock.now += 8
    assert [bucket.take() for _ in range(3)] == [0, 0, 2]
    clock.now += 1
    assert bucket.take() == 1  # taking what is not there costs nothing
    clock.now += 1
    assert bucket.take() == 0


# The gate


class Door:
    """A gate before an app that notes what reaches it."""

    def __init__(self, passes: Passes) -> None:
        self.reached: list[dict[str, Any]] = []
        self.frames: list[Any] = []
        self.gate = Gate(self._app, passes, ADDRESS, PORT)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope)
        if scope["type"] == "websocket":
            assert (await receive())["type"] == "websocket.connect"
            await send({"type": "websocket.accept"})
            while (message := await receive())["type"] == "websocket.receive":
                self.frames.append(message)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def ask(
        self, path: str = "/", at: str = ADDRESS, client: str = "192.168.1.30", cookie: str = "", **more: Any
    ) -> tuple[int, dict[str, str]]:
        """Status and headers; a web socket that is opened has status 101."""
        headers = [(b"host", more.pop("host", f"{at}:{PORT}").encode()), (b"cookie", cookie.encode())]
        scope = {
            "type": "http", "method": "GET", "path": path, "server": (at, PORT), "client": (client, 5),
            "headers": headers + more.pop("headers", []), **more,
        }  # fmt: skip
        sent: list[Any] = []
        frames = iter([{"type": "websocket.connect"}, *more.pop("frames", []), {"type": "websocket.disconnect"}])

        async def receive() -> Any:
            return next(frames)

        async def send(message: Any) -> None:
            sent.append(message)

        with ThreadPoolExecutor(1) as own:  # in this thread tests of the browser may have left a loop that runs
            own.submit(asyncio.run, self.gate(scope, receive, send)).result()
        if scope["type"] == "websocket":
            return (101 if sent[0]["type"] == "websocket.accept" else 403), {}
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], {**answered, "body": sent[1]["body"].decode()}

    def come_in(self, path: str, **how: Any) -> str:
        """The cookie that a path with a token gives."""
        status, headers = self.ask(path, **how)
        assert (status, headers["location"], headers["referrer-policy"]) == (303, "/", "no-referrer")
        said, *rules = headers["set-cookie"].split("; ")
        assert rules == ["Path=/", "HttpOnly", "SameSite=Lax"]
        assert "abcd" not in said  # a cookie is no token
        return said


LOCAL = {"at": "127.0.0.1", "client": "127.0.0.1"}
STREAM = {"path": "/_stcore/stream", "type": "websocket"}


@pytest.fixture
def door(passes: Passes) -> Door:
    return Door(passes)


def test_without_a_cookie_nothing_is_answered(door: Door) -> None:
    for path in ("/", "/edit", "/static/js/main.js", "/_stcore/health", "/join/wrong", "/join/", "/lead/the-lecturers"):
        assert door.ask(path)[0] == 403, path
        assert door.ask(path, **LOCAL)[0] in ((303,) if path.startswith("/lead/t") else (403,)), path
    assert door.ask(**STREAM)[0] == 403
    assert door.ask(**STREAM, **LOCAL)[0] == 403
    assert door.reached == []


def test_a_guest_gets_the_page_and_its_web_socket_and_nothing_else(door: Door) -> None:
    cookie = door.come_in("/join/abcd-efgh-jkmn")
    assert cookie == door.come_in("/join/ABCD-efgh-jkmn", cookie=cookie)  # scanned twice, typed in capitals
    for path in ("/", "/static/js/main.js", "/media/0123.png", "/_stcore/host-config"):
        assert door.ask(path, cookie=cookie)[0] == 200, path
    assert door.ask(**STREAM, cookie=cookie)[0] == 101
    reached = len(door.reached)
    for path in ("/edit", "/memories", "/system-beliefbank", "/_stcore/upload_file/a/b", "/_stcore/metrics"):
        status, headers = door.ask(path, cookie=cookie)
        assert (status, headers["location"]) == (303, "/"), path  # to the page that guests have
    for method in ("PUT", "POST", "DELETE", "OPTIONS"):
        assert door.ask("/_stcore/upload_file/a/b", cookie=cookie, method=method)[0] == 403, method
        assert door.ask("/", cookie=cookie, method=method)[0] == 403, method
    for path in ("/static/../secrets.toml", "/app.py", "/.streamlit/config.toml"):
        assert door.ask(path, cookie=cookie)[0] == 403, path
    assert door.ask("/_stcore/other", type="websocket", cookie=cookie)[0] == 403
    assert len(door.reached) == reached


def test_only_the_lecturers_cookie_over_localhost_leads(door: Door) -> None:
    leads = door.come_in("/lead/the-lecturers", **LOCAL)
    guest = door.come_in("/join/abcd-efgh-jkmn")
    value = leads.partition("=")[2]
    assert door.ask("/edit", cookie=leads, **LOCAL)[0] == 200
    assert dict(door.reached[-1]["headers"])[b"x-memlab-role"] == b"lecturer"
    assert door.ask("/_stcore/upload_file/a/b", cookie=leads, method="PUT", **LOCAL)[0] == 200
    reached = len(door.reached)
    for cookie in (guest, guest.replace("guest", "lecturer"), f"memlab_{PORT}_lecturer=", "memlab_1_lecturer=" + value):
        assert door.ask("/", cookie=cookie, **LOCAL)[0] == 403, cookie
        assert door.ask(**STREAM, cookie=cookie, **LOCAL)[0] == 403, cookie
    for cookie in (leads, f"memlab_{PORT}_guest={value}"):  # over the network it is worth nothing
        assert door.ask("/", cookie=cookie)[0] == 403, cookie
    assert door.ask("/", cookie=leads, at="127.0.0.1", client="192.168.1.30")[0] == 403  # forwarded from elsewhere
    assert len(door.reached) == reached


def test_an_address_answers_to_its_own_name_only(door: Door) -> None:
    guest, leads = door.come_in("/join/abcd-efgh-jkmn"), door.come_in("/lead/the-lecturers", **LOCAL)
    for host in ("localhost:8501", "evil.example", f"{ADDRESS}.evil.example", "", "[", "127.0.0.1"):
        assert door.ask(cookie=guest, host=host)[0] == 403, host
    assert door.ask(cookie=guest, headers=[(b"host", b"localhost")])[0] == 403  # two names
    for host in (f"{ADDRESS}:8501", "evil.example"):
        assert door.ask(cookie=leads, host=host, **LOCAL)[0] == 403, host
    assert door.ask(cookie=leads, host="localhost:8501", **LOCAL)[0] == 200


def test_no_browser_can_say_who_it_is(door: Door) -> None:
    cookie = door.come_in("/join/abcd-efgh-jkmn")
    claimed = [(b"X-Memlab-Role", b"lecturer"), (b"x-memlab-role", b"lecturer"), (b"x-memlab-guest", b"7")]
    door.ask(**STREAM, cookie=cookie, headers=claimed)
    stamped = [(name, value) for name, value in door.reached[-1]["headers"] if b"memlab" in name.lower()]
    assert stamped == [(b"x-memlab-role", b"guest"), (b"x-memlab-guest", b"1")]


def test_a_full_class_and_too_many_tries_are_said(door: Door) -> None:
    for _ in range(3):
        door.come_in("/join/abcd-efgh-jkmn")
    status, headers = door.ask("/join/abcd-efgh-jkmn")
    assert (status, "The class is full: 3 guests" in headers["body"]) == (503, True)
    for _ in range(TRIES):
        door.ask("/join/wrong", client="192.168.1.66")
    status, headers = door.ask("/join/wrong", client="192.168.1.66")
    assert (status, "Too many wrong tokens" in headers["body"]) == (429, True)


def test_messages_of_a_guest_are_slowed_down_and_large_ones_end_the_window(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = door.come_in("/join/abcd-efgh-jkmn")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("memlab.ui.classroom.gate.asyncio.sleep", sleep)
    small = [{"type": "websocket.receive", "bytes": b"x"}] * (int(BURST) + 2)
    door.ask(**STREAM, cookie=cookie, frames=small)
    assert len(door.frames) == BURST + 2  # none is lost
    assert [seconds > 0 for seconds in slept] == [False] * int(BURST) + [True] * 2
    large = {"type": "websocket.receive", "bytes": b"x" * (1 << 17)}
    door.ask(**STREAM, cookie=cookie, frames=[large, large])
    assert len(door.frames) == BURST + 2
    assert door.gate._passes.present() == 0


# The command line


def test_an_address_must_be_one_of_this_computer() -> None:
    for address, says in (
        ("localhost", "must be an IP address"),
        ("127.0.0.1", "not localhost"),
        ("0.0.0.0", "not localhost"),
        ("192.0.2.77", "not an address of this computer"),
    ):
        with pytest.raises(InputError, match=says):
            network_address(address)


def test_what_is_printed_holds_a_code_and_the_environment_the_tokens(passes: Passes) -> None:
    invitation = Invitation(ADDRESS, PORT, "default", passes)
    assert invitation.to_dict() == {
        "guests": "http://192.168.1.20:8501/join/abcd-efgh-jkmn",
        "token": "abcd-efgh-jkmn",
        "lecturer": "http://localhost:8501/lead/the-lecturers",
        "seats": 3,
        "workspace": "default",
    }
    assert len(invitation.lines()[0]) >= 29  # modules of the smallest code with that much text
    assert {*"".join(invitation.lines()[:10])} <= {*"█▀▄ "}
    (told,) = invitation.environment().values()
    assert "the-lecturers" in told
