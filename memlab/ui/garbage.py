"""Garbage of the pages is looked for while they rest.

Streamlit does it after every run of a page, before the browser hears that the run has ended: with the objects of torch and of
the models a fifth of a second (`runner.postScriptGC` in .streamlit/config.toml turns that off). Python looks by itself, too, but
through old objects only when there are many new ones.
"""

from __future__ import annotations

import gc
import threading
from itertools import count

QUIET = 3.0  # seconds in which nothing was made: no page runs, and nobody is about to click
LATEST = 10  # such periods after which it is done even where pages never rest


def collect_at_rest(stop: threading.Event) -> None:
    """Looks for garbage in periods of rest that follow work, until `stop` is set."""
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
    """A number that grows while objects are made: how often the youngest were looked through."""
    return gc.get_stats()[0]["collections"]
