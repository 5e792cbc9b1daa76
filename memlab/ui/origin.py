"""Where a passage comes from: an article, or an edit that taught it."""

from __future__ import annotations

import re

_EDIT = re.compile(r"edit:(\d+)")


def number(source: str) -> int | None:
    """The edit that a source of taught text names; None for a text of the collection."""
    found = _EDIT.fullmatch(source)
    return int(found[1]) if found else None


def origin(source: str, title: str) -> str:
    """The title of the article, or the edit."""
    seq = number(source)
    return title if seq is None else f"Taught in edit {seq}"
