"""Collects garbage while no page runs.

Streamlit collects after every run of a page, before it tells the browser that the run has ended: with the objects of
torch and of the models this takes a fifth of a second (`runner.postScriptGC` in .streamlit/config.toml turns it off).
Python collects by itself as well, but its oldest generation only when there are many new objects.
"""

from __future__ import annotations

import gc
import threading
from itertools import count

QUIET = 3.0  # seconds without new objects after which pages count as idle
LATEST = 10  # such periods after which it collects even where pages are never idle


def collect_at_rest(stop: threading.Event) -> None:
    """Collects garbage in idle periods that follow work, until `stop` is set."""
    done = _made()
    while True:
        before = _made()
        for waited in count(1):
            if stop.wait(QUIET):
                return
            now = _made()
            if now > done and (now == before or waited >= LATEST):
                break
            before = now
        gc.collect()
        done = _made()


def _made() -> int:
    """A number that grows while objects are created: collections of the youngest generation so far."""
    return gc.get_stats()[0]["collections"]
