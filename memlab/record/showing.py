"""The history of a workspace as pages and the command line show it: every row, including damaged ones."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

from cachetools import LRUCache

from memlab.record.files import wrong_with_delta
from memlab.record.fold import Mark, all_resting, fold, sources_named
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import MARKS, EditKind, is_known, known_kind
from memlab.record.ledger import Ledger
from memlab.record.memory_edits import edit_of
from memlab.record.row_check import wrong_with
from memlab.record.states import States
from memlab.record.stored import STORED, DamagedRow, Raw, parsed
from memlab.results import Edit

_PARAMETERS = STORED.index("parameters")
WORKSPACES = 8  # whose histories are kept


_lock = threading.Lock()


class _Read(NamedTuple):
    """A row that was read, checked and made a result; reused for as long as the database holds the same values."""

    raw: Raw | DamagedRow
    kind: EditKind | None
    mark: Mark
    sources: set[str]
    delta: str | None
    edit: Edit


_read: LRUCache[tuple[States, str], list[_Read]] = LRUCache(WORKSPACES)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pauses the garbage collector: thousands of new objects, none in a cycle, would start a full collection."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_no_collection()
def shown_history(ledger: Ledger) -> list[Edit]:
    """All edits in order, with what holds now and what rests on what.

    A row that cannot be shown says why in `damaged`; one of a kind that is not known here says so in its summary; one
    whose file of weights is gone or changed says so in `weights`.

    Raises:
        NotFound: no such workspace.
        RecordError: nothing of the history can be read.
    """
    with _lock:
        before = _read.get((ledger.states, ledger.workspace), [])
    known = itertools.chain(before, itertools.repeat(None))
    rows = [
        old if old is not None and old.raw == raw and old.kind is known_kind(old.mark.kind) else _new(raw, ledger)
        for raw, old in zip(ledger.everything_raw(), known, strict=False)
    ]
    with _lock:
        _read[ledger.states, ledger.workspace] = rows
    active = set(fold((row.mark for row in rows), strict=False).active)
    rests = all_resting([(row.mark.sequence, row.sources) for row in rows if row.mark.sequence in active])
    edits = [_current(row, active, rests) for row in rows]
    for n, row in enumerate(rows):
        if row.delta and (wrong := wrong_with_delta(ledger.home, row.delta)) is not None:
            edits[n] = replace(edits[n], weights=wrong)
    return edits


def _new(raw: Raw | DamagedRow, ledger: Ledger) -> _Read:
    row = raw if isinstance(raw, DamagedRow) else parsed(raw, ledger.workspace)
    sources = sources_named(row.parameters) if isinstance(row, EditRow) and _may_name_an_edit(raw) else set[str]()
    delta = row.delta if isinstance(row, EditRow) else None
    return _Read(raw, known_kind(row.kind), _mark(row), sources, delta, shown(row))


def _may_name_an_edit(raw: Raw | DamagedRow) -> bool:
    """Whether the JSON text of the parameters contains "edit:", or an escaped character."""
    text = None if isinstance(raw, DamagedRow) else raw[_PARAMETERS]
    return not isinstance(text, str) or "edit:" in text or "\\u" in text


def _current(row: _Read, active: set[int], rests: dict[int, tuple[int, ...]]) -> Edit:
    """The edit of a row, with whether it holds now and what rests on it."""
    holds = row.mark.kind in MARKS or row.mark.sequence in active
    resting = rests.get(row.mark.sequence, ())
    return row.edit if holds and not resting else replace(row.edit, active=holds, rests_on_it=resting)


def shown(row: EditRow | DamagedRow, active: bool = True, rests: tuple[int, ...] = ()) -> Edit:
    """A row as a result; a damaged one has the reason in `damaged`."""
    reason = row.reason if isinstance(row, DamagedRow) else wrong_with(row)
    if reason is not None or isinstance(row, DamagedRow):
        return _damaged(row, str(reason), active)
    unknown = "" if is_known(row.kind) else f"unknown kind {row.kind!r}: "
    edit = edit_of(row, row.kind, unknown + row.summary, row.parameters, row.author, row.workspace, row.sequence)
    return edit if active and not rests else replace(edit, active=active, rests_on_it=rests)


def _damaged(row: EditRow | DamagedRow, reason: str, active: bool) -> Edit:
    about: dict[str, Any] = {"id": None}
    if isinstance(row, EditRow):
        about |= {"id": row.id, "time": row.time, "target": row.target if isinstance(row.target, int) else None}
    return Edit(
        seq=row.sequence,
        kind=row.kind or "unknown",
        summary=f"damaged: it {reason}",
        author=row.author if isinstance(row, EditRow) else "",
        workspace=row.workspace,
        active=active,
        damaged=reason,
        **about,
    )


def _mark(row: EditRow | DamagedRow) -> Mark:
    return Mark(row.sequence, row.kind, row.target if isinstance(row, EditRow) else None)
