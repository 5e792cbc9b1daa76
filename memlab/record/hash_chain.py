"""Rows of the ledger and the hash chain that ties them together.

Each row's hash covers all its fields and the hash of the row before it, so that a row that was changed,
removed, inserted or moved is found. The chain does not protect against anyone who can write the
database and recomputes all later hashes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from memlab.errors import InputError

GENESIS = "0" * 64  # the previous hash of the first row
MOST_MISSING = 1_000  # edits that are named one by one when they are missing


@dataclass(frozen=True)
class EditRow:
    """One edit as the ledger holds it.

    `sequence` counts from 1 in each workspace; `id` is a UUID. `parameters` say what was done, in plain
    JSON; `inverse` is {"target": sequence} for undo and redo. `delta` names a file of changed weights
    by its sha256. `before` and `after` hold scores. `previous` is the hash of the row before, `hash`
    this row's own; neither covers the workspace's name, which may change.
    """

    workspace: str
    id: str
    sequence: int
    time: str
    author: str
    kind: str
    summary: str
    parameters: dict[str, Any]
    inverse: dict[str, Any] | None = None
    delta: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    previous: str = GENESIS
    hash: str = ""

    @property
    def source(self) -> str:
        """How neighbors and sources that this edit added name it: "edit:<sequence>"."""
        return f"edit:{self.sequence}"

    @property
    def target(self) -> int | None:
        """Sequence of the edit that an undo or redo refers to."""
        target = (self.inverse or {}).get("target")
        return target if type(target) is int else None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


_HASHED = [field.name for field in fields(EditRow) if field.name not in ("workspace", "hash")]


@dataclass(frozen=True)
class Problem:
    """Something wrong with a ledger: `kind` is changed, missing, reordered, added, delta or head.

    `sequence` is 0 where it is not about a single edit.
    """

    sequence: int
    kind: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def plain(value: Any, what: str) -> Any:
    """`value` as it comes back from JSON (tuples become lists). Raises InputError for what JSON cannot hold."""
    try:
        return json.loads(_canonical(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"The {what} cannot be recorded: {error}. Use plain JSON values only.") from error


def digest(row: EditRow) -> str:
    """sha256 over canonical JSON (sorted keys, no blanks) of every field but `workspace` and `hash`."""
    values = {name: getattr(row, name) for name in _HASHED}
    return hashlib.sha256(_canonical(values).encode()).hexdigest()


def seal(row: EditRow) -> EditRow:
    """The row with its hash."""
    return replace(row, hash=digest(row))


def problems(rows: Sequence[EditRow], head: int, head_hash: str) -> list[Problem]:
    """What is wrong with a ledger whose last edit should be number `head` with hash `head_hash`.

    Args:
        rows: all rows by sequence.
    """
    found = _numbering([row.sequence for row in rows], head)
    place = _places(rows)
    intact = set()
    for row in rows:
        home = place.get(row.hash, row.sequence)
        if digest(row) == row.hash:
            intact.add(row.sequence)
        elif home != row.sequence and digest(replace(row, sequence=home)) == row.hash:
            found.append(Problem(row.sequence, "reordered", f"Edit {row.sequence} was edit {home} before."))
        else:
            found.append(Problem(row.sequence, "changed", f"Edit {row.sequence} was changed after it was recorded."))
    expected = {0: GENESIS} | {row.sequence: row.hash for row in rows if row.sequence in intact}
    for row in rows:
        if row.sequence in intact and row.previous != expected.get(row.sequence - 1, row.previous):
            found.append(Problem(row.sequence, "changed", f"Edit {row.sequence} does not follow the edit before it."))
    if expected.get(head, head_hash) != head_hash:
        found.append(Problem(head, "changed", f"Edit {head} is not the one that the workspace ended with."))
    return sorted(found, key=lambda p: p.sequence)


def _numbering(sequences: Sequence[int], head: int) -> list[Problem]:
    """Numbers that are missing up to the head, or come after it."""
    there = set(sequences)
    missing = [n for n in range(1, min(head, len(there) + MOST_MISSING) + 1) if n not in there]
    extra = [n for n in sequences if not 1 <= n <= head]
    found = [Problem(n, "missing", f"Edit {n} is missing.") for n in missing]
    if head > len(there) + MOST_MISSING:  # a head that was changed by hand
        found.append(Problem(head, "missing", f"The workspace says that it has {head} edits; it has {len(there)}."))
    return found + [Problem(n, "added", f"Edit {n} is there, but the workspace ends with edit {head}.") for n in extra]


def _places(rows: Sequence[EditRow]) -> dict[str, int]:
    """Sequence of each hash when the rows are put in the order that their `previous` fields give."""
    follower = {row.previous: row.hash for row in rows}
    place: dict[str, int] = {}
    at = GENESIS
    while (at := follower.get(at, "")) and at not in place:
        place[at] = len(place) + 1
    return place


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
