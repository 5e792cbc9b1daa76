"""Admission: two tokens, the cookies they are exchanged for, the seats of guests and their limits.

Tokens and cookies are random, compared in constant time, kept in this process only, and never logged.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

SEATS = 40  # guests at one time, unless `memlab serve --seats` says otherwise
MOST_SEATS = 200
WINDOWS = 2  # open windows of one guest: a reload opens the second before the first is gone
AWAY = 60.0  # seconds without an open window after which a seat can be given to somebody else
BURST, PER_SECOND = 15.0, 3.0  # messages of one guest's browser: at once, and per second after that
FILES, FILES_PER_SECOND = 400.0, 20.0  # files of the page that it fetches, likewise
TRIES, TRIES_EVERY = 10, 60.0  # wrong tokens allowed from one address, within this many seconds
ADDRESSES = 10_000  # addresses whose wrong tokens are remembered
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without look-alikes such as l and 1


def new_token() -> str:
    """A token that can be typed on a phone: three groups of four characters, 59 bits."""
    characters = [secrets.choice(LETTERS) for _ in range(12)]
    return "-".join("".join(characters[n : n + 4]) for n in (0, 4, 8))


def same(given: str, known: str) -> bool:
    """Whether two secrets are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode("utf-8", "replace"))


class Bucket:
    """A token bucket: `burst` at once, then `per_second`."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float]) -> None:
        self._burst, self._rate, self._clock = burst, per_second, clock
        self._left, self._at = burst, clock()

    def delay(self) -> float:
        """Takes one, if need be in advance. Returns the seconds until it is due."""
        self._refill()
        self._left -= 1
        return max(0.0, -self._left / self._rate)

    def take(self) -> float:
        """Takes one and returns 0 if one is left; else takes nothing and returns the seconds until there is one."""
        self._refill()
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0.0

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now


@dataclass
class Seat:
    """One guest: number, when last seen, rate limits of the browser, number of open windows."""

    number: int
    seen: float
    messages: Bucket
    files: Bucket
    windows: int = 0


class Full(Exception):
    """All seats are taken."""


class TooMany(Exception):
    """Too many wrong tokens from one address."""


@dataclass
class Passes:
    """The tokens of one class and the seats of its guests; safe between threads.

    Args:
        guest_token: what the QR code holds. lecturer_token: what only the lecturer's terminal shows.
        seats: guests at one time.
    """

    guest_token: str = field(default_factory=new_token, repr=False)
    lecturer_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    seats: int = SEATS
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def __post_init__(self) -> None:
        self._lecturer_cookie = secrets.token_urlsafe(32)
        self._taken: dict[str, Seat] = {}  # sha256 of a guest's cookie -> seat
        self._wrong: dict[str, list[float]] = {}  # address -> times of wrong tokens
        self._last = 0
        self._lock = threading.Lock()

    # Admission

    def lecturer(self, token: str, address: str) -> str | None:
        """The lecturer's cookie for the lecturer's token; None for a wrong one. Raises TooMany."""
        return self._lecturer_cookie if self._right(token, self.lecturer_token, address) else None

    def guest(self, token: str, address: str, cookie: str = "") -> str | None:
        """A guest's cookie for the token of the QR code; None for a wrong one.

        Args:
            cookie: the guest's earlier one, if any; it keeps its seat.

        Raises:
            Full: no seat is free. TooMany: too many wrong tokens from this address.
        """
        if not self._right(token, self.guest_token, address):
            return None
        with self._lock:
            if cookie and _digest(cookie) in self._taken:
                return cookie
            if len(self._taken) >= self.seats:
                self._free_one()
            self._last += 1
            fresh = secrets.token_urlsafe(32)
            messages, files = Bucket(BURST, PER_SECOND, self.clock), Bucket(FILES, FILES_PER_SECOND, self.clock)
            self._taken[_digest(fresh)] = Seat(self._last, self.clock(), messages, files)
            return fresh

    def is_lecturer(self, cookie: str) -> bool:
        """Whether it is the lecturer's cookie."""
        return same(cookie, self._lecturer_cookie)

    def seat(self, cookie: str) -> Seat | None:
        """The seat that a cookie holds, now marked as seen; None for an unknown cookie."""
        with self._lock:
            found = self._taken.get(_digest(cookie)) if cookie else None
            if found is not None:
                found.seen = self.clock()
            return found

    # Presence

    def open_window(self, seat: Seat) -> bool:
        """Counts an open window; False if the guest has too many."""
        with self._lock:
            if seat.windows >= WINDOWS or seat not in self._taken.values():
                return False
            seat.windows += 1
            return True

    def close_window(self, seat: Seat) -> None:
        """Counts a closed window."""
        with self._lock:
            seat.windows -= 1
            seat.seen = self.clock()

    def present(self) -> int:
        """How many guests have a window open."""
        with self._lock:
            return sum(seat.windows > 0 for seat in self._taken.values())

    def _free_one(self) -> None:
        """Frees the seat whose guest has been gone longest. Raises Full."""
        gone = {key: seat for key, seat in self._taken.items() if not seat.windows}
        key = min(gone, key=lambda key: gone[key].seen, default=None)
        if key is None or self.clock() - gone[key].seen < AWAY:
            raise Full
        del self._taken[key]

    def _right(self, token: str, known: str, address: str) -> bool:
        with self._lock:
            now = self.clock()
            wrong = [at for at in self._wrong.get(address, []) if now - at < TRIES_EVERY]
            if len(wrong) >= TRIES:
                raise TooMany
            if same(token, known):
                return True
            if len(self._wrong) >= ADDRESSES:
                self._wrong.pop(next(iter(self._wrong)))
            self._wrong[address] = [*wrong, now]
            return False


def _digest(cookie: str) -> str:
    """The key of a seat: a hash, so that the time of a lookup reveals nothing about the cookie."""
    return sha256(cookie.encode("utf-8", "replace")).hexdigest()
