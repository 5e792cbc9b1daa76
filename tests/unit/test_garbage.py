"""Garbage is looked for while pages rest, after work and only then."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator

import pytest

from memlab.ui.app import garbage

QUIET, LONG = 0.02, 5.0  # seconds


class Ring:
    """Refers to itself: only the collector finds that nobody else does."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is collected by itself."""
    monkeypatch.setattr(garbage, "QUIET", QUIET)
    gc.disable()
    yield
    gc.enable()


def old_garbage() -> weakref.ref[Ring]:
    """A ring that has become old, which a look at the youngest objects does not find, and that nobody holds."""
    ring = Ring()
    gc.collect()
    return weakref.ref(ring)


def running() -> tuple[threading.Event, threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=garbage.collect_at_rest, args=(stop,))
    thread.start()
    return stop, thread


def test_old_garbage_goes_once_pages_rest_and_the_thread_ends_when_told(by_hand: None) -> None:
    stop, thread = running()
    lost = old_garbage()
    gc.collect(0)  # as work makes it happen
    until = time.monotonic() + LONG
    while lost() is not None and time.monotonic() < until:
        time.sleep(QUIET)
    stop.set()
    thread.join(LONG)
    assert lost() is None
    assert not thread.is_alive()


def test_without_work_nothing_is_looked_for(by_hand: None) -> None:
    lost = old_garbage()
    stop, thread = running()
    time.sleep(10 * QUIET)
    stop.set()
    thread.join(LONG)
    assert lost() is not None
    gc.collect()
