"""Whether a row of the ledger can be applied and shown: checks of its fields, and of its parameters by its kind."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from memlab.record.hash_chain import EditRow
from memlab.record.kinds import MARKS, EditKind, known_kind
from memlab.record.parameters import check_fields
from memlab.record.scores import check_size

TEXTS = ("id", "time", "author", "kind", "summary", "previous", "hash")
OBJECTS = ("inverse", "before", "after")

_SHA256 = re.compile("[0-9a-f]{64}")
_BROKEN = re.compile("[\ud800-\udfff]")  # bytes that are not UTF-8, as the database returns them


def wrong_form(values: dict[str, Any]) -> str | None:
    """Which of a row's values, by column, is not of its type ("has ..."); None when all are."""
    if type(values["sequence"]) is not int:
        return f"has the number {str(values['sequence'])[:20]!r}, which is not a whole number"
    for name in TEXTS:
        if not isinstance(value := values[name], str) or (not value.isascii() and _BROKEN.search(value)):
            return f"has a {name} that is not text"
    if not isinstance(values["parameters"], dict):
        return "has parameters that are not a JSON object"
    for name in OBJECTS:
        if (value := values[name]) is not None and not isinstance(value, dict):
            return f"has {name} that is not a JSON object"
    if (delta := values["delta"]) is not None and not (isinstance(delta, str) and _SHA256.fullmatch(delta)):
        return "does not name its weights by a hash"
    return None


def check_edit(row: EditRow) -> None:
    """Raises ValueError where an edit cannot be applied or shown: what is wrong, beginning with "its edit <n>"."""
    try:
        for scores in (row.before, row.after):
            check_size(scores)
        if reason := wrong_with(row):
            raise ValueError(reason)
        if row.kind not in MARKS and known_kind(row.kind) is None:
            raise ValueError(f"is of the kind {row.kind[:20]!r}, which this memlab does not know; update memlab")
    except ValueError as error:
        raise ValueError(f"its edit {row.sequence} {error}") from None


def wrong_with(row: EditRow) -> str | None:
    """Why a row cannot be applied or shown ("has ..."); None when it can, or when its kind is not known here."""
    try:
        datetime.fromisoformat(row.time)
    except ValueError:
        return "has no time"
    if row.kind in MARKS:
        return _wrong_mark(row)
    if row.inverse is not None:
        return "has a target, although it is neither an undo nor a redo"
    kind = known_kind(row.kind)
    return None if kind is None else _wrong_change(row, kind)


def _wrong_change(row: EditRow, kind: EditKind) -> str | None:
    for scores in (row.before, row.after):
        if scores is not None and (reason := kind.wrong_with_scores(scores)):
            return reason
    return kind.wrong_with(row.parameters, row.sequence)


def _wrong_mark(row: EditRow) -> str | None:
    try:
        check_fields(row.parameters, "parameters", {}, {})
        check_fields(row.inverse, "an inverse", {"target": _target}, {}, row.sequence)
    except ValueError as error:
        return str(error)
    return None


def _target(value: Any, sequence: int) -> None:
    if type(value) is not int or not 1 <= value < sequence:
        raise ValueError("does not name an earlier edit as its target")
