"""Callbacks of long work: progress to whoever started it, and its request to stop."""

from __future__ import annotations

from collections.abc import Callable

# Progress(fraction, message): called with the fraction done, in [0, 1], and what is being done. Exceptions abort the work.
Progress = Callable[[float, str], None]
# Tick(fraction): the same for one step of the work, without a message.
Tick = Callable[[float], None]
# Stop(): whether the work was asked to stop.
Stop = Callable[[], bool]


def no_progress(fraction: float, message: str) -> None:
    """Ignores progress."""


def no_tick(fraction: float) -> None:
    """Ignores progress."""


def never_stop() -> bool:
    """No request to stop."""
    return False


def part(progress: Progress, low: float, high: float) -> Progress:
    """Progress of a part of the work, which takes the fractions `low` to `high` of the whole."""
    return lambda fraction, message: progress(low + fraction * (high - low), message)
