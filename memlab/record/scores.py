"""The form of the scores that an edit carries: what `results.EditEffects.summary()` returns, and further single numbers.

Pages and the command line show these figures, so their form is checked wherever they come from. The checks raise
ValueError with what is wrong, worded to follow "edit <n>".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from memlab.results.side_effects import GROUPS, GroupScore

LENGTH = 1 << 20  # of the scores of one edit, as JSON
DEEPEST = 20  # levels of nesting
COUNTS = ("moved", "asked")
TEXTS = ("method", "model", "datastore")

_SHARES = ("before", "after", "score")


def check_size(scores: Mapping[str, Any] | None) -> None:
    """Raises ValueError for scores that are nested too deeply or too long."""
    if scores is None:
        return
    if deeper_than(scores, DEEPEST) or len(json.dumps(scores)) > LENGTH:
        raise ValueError(f"has scores that are too large (allowed: {LENGTH >> 20} MiB, {DEEPEST} levels)")


def deeper_than(value: Any, levels: int) -> bool:
    """Whether a JSON value has more levels of nesting."""
    level: list[Any] = [value]
    for _ in range(levels):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return False
    return True


def check_scores(scores: Mapping[str, Any]) -> None:
    """Raises ValueError for figures that could not be shown as those of `results.EditEffects`."""
    if not isinstance(scores, dict):
        raise ValueError("has scores that are not a JSON object")
    for name, value in scores.items():
        if not _form(name)(value):
            raise ValueError(f"has scores whose {name[:40]!r} has another form than memlab writes ({str(value)[:40]})")


def _form(name: str) -> Callable[[Any], bool]:
    """The check of a value of this name; unknown figures must be numbers or texts."""
    if name in GROUPS:
        return _group
    if name in COUNTS:
        return _count
    if name in TEXTS:
        return lambda value: isinstance(value, str)
    if name == "harmonic":
        return lambda value: value is None or _number(value)
    if name == "settings":
        return lambda value: isinstance(value, dict)
    if name == "notes":
        return lambda value: isinstance(value, list) and all(isinstance(note, str) for note in value)
    return lambda value: value is None or isinstance(value, str) or _number(value)


def _group(value: Any) -> bool:
    """The score of a group of questions, one share (as `before` holds it), or none."""
    if value is None or _share(value):
        return True
    names = set(GroupScore.__dataclass_fields__) - {"group"}
    return (
        isinstance(value, dict)
        and set(value) == names
        and _count(value["questions"])
        and all(_share(value[name]) for name in _SHARES)
        and (value["preferred"] is None or _share(value["preferred"]))
    )


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value <= 1


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
