"""What a workspace keeps beside its edits: batches of prompts, and notes on prompts. In an archive, or for a copy.

An archive may come from anywhere, so every field must be there and of its type. An imported batch gets a fingerprint
that no new batch can have, so that asking the same prompts again runs them and never shows what somebody else wrote.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from sqlalchemy import select
from sqlalchemy.orm import Session

from memlab.corpus.door import checked_json
from memlab.record.batches import KEPT, NOTE_LIMIT, AskedBatch
from memlab.record.tables import Batch, PromptNote, Workspace
from memlab.results.batch_summary import RowSummary

TITLE_LIMIT = 1000  # characters
MAX_NOTES = 100_000


@dataclass(frozen=True)
class BatchLine:
    """A batch as an archive holds it; see `tables.Batch`."""

    fingerprint: str
    created: str
    title: str
    asked: AskedBatch
    rows: tuple[RowSummary, ...]


@dataclass(frozen=True)
class NoteLine:
    """A note as an archive holds it; see `tables.PromptNote`."""

    prompt: str
    starred: bool
    note: str
    changed: str


@dataclass(frozen=True)
class Kept:
    """Batches and notes of a workspace, as plain JSON of `BatchLine` and `NoteLine`, the oldest first."""

    batches: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[Mapping[str, Any], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.batches or self.notes)

    def up_to(self, edit: int) -> Kept:
        """Without the batches that were asked with later edits."""
        return Kept(tuple(batch for batch in self.batches if _asked_at(batch) <= edit), self.notes)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def kept_by(session: Session, workspace: Workspace) -> Kept:
    """The batches and notes of a workspace."""
    batches = session.scalars(select(Batch).where(Batch.workspace_id == workspace.id).order_by(Batch.created, Batch.id))
    notes = session.scalars(select(PromptNote).where(PromptNote.workspace_id == workspace.id).order_by(PromptNote.id))
    return Kept(
        tuple({field.name: getattr(batch, field.name) for field in fields(BatchLine)} for batch in batches),
        tuple({field.name: getattr(note, field.name) for field in fields(NoteLine)} for note in notes),
    )


def keep(session: Session, workspace: Workspace, kept: Kept) -> None:
    """Adds them to a workspace that has none."""
    for batch in kept.batches:
        session.add(Batch(workspace_id=workspace.id, **batch))
    for note in kept.notes:
        named = hashlib.sha256(note["prompt"].encode()).hexdigest()
        session.add(PromptNote(workspace_id=workspace.id, prompt_hash=named, **note))
    session.flush()


def from_archive(found: Any, edits: int) -> Kept:
    """What `Kept.to_json` wrote, checked, with fingerprints of its own. Raises ValueError or InputError.

    Args:
        edits: of the archive; no batch may have been asked with a later one.
    """
    if not isinstance(found, dict) or set(found) != {"batches", "notes"}:
        raise ValueError("its batches and notes are malformed")
    checked_json(found, "What it keeps")
    batches, notes = found["batches"], found["notes"]
    if not of_form(batches, tuple[BatchLine, ...]) or not of_form(notes, tuple[NoteLine, ...]):
        raise ValueError("one of its batches or notes is incomplete or malformed")
    if len(batches) > KEPT or len(notes) > MAX_NOTES:
        raise ValueError(f"it is too large (allowed: {KEPT} batches and {MAX_NOTES:,} notes)")
    if len({note["prompt"] for note in notes}) != len(notes):
        raise ValueError("it holds two notes on one prompt")
    for moment in [batch["created"] for batch in batches] + [note["changed"] for note in notes]:
        datetime.fromisoformat(moment)
    if any(len(note["note"]) > NOTE_LIMIT for note in notes) or any(len(b["title"]) > TITLE_LIMIT for b in batches):
        raise ValueError(f"a note has more than {NOTE_LIMIT} characters, or a title more than {TITLE_LIMIT}")
    if any(_asked_at(batch) > edits for batch in batches):
        raise ValueError("one of its batches was asked with an edit that it does not have")
    named = [
        hashlib.sha256(f"imported {n} {batch['fingerprint']}".encode()).hexdigest() for n, batch in enumerate(batches)
    ]
    return Kept(tuple({**batch, "fingerprint": name} for batch, name in zip(batches, named, strict=True)), tuple(notes))


def of_form(value: Any, form: Any) -> bool:
    """Whether a JSON value is of a type: a plain one, a tuple (as a list), a mapping of plain values, or a dataclass
    (as an object; fields with a default may be left out)."""
    origin, inner = get_origin(form), get_args(form)
    if origin in (Union, UnionType):
        return any(of_form(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, list) and all(of_form(one, inner[0]) for one in value)
    if isinstance(form, type) and is_dataclass(form):
        hints, needed = get_type_hints(form), {field.name for field in fields(form) if not _has_default(field)}
        if not isinstance(value, dict) or not needed <= set(value) <= set(hints):
            return False
        return all(of_form(one, hints[name]) for name, one in value.items())
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, dict) and all(_plain(one) for one in value.values())
    if form is float:
        return type(value) in (int, float) and math.isfinite(value)
    return value is None if form is NoneType else type(value) is form


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _plain(value: Any) -> bool:
    return value is None or type(value) in (str, bool) or of_form(value, float)


def _asked_at(batch: Mapping[str, Any]) -> int:
    """The last edit that one of its answers was asked with; 0 where none was answered."""
    rows: Sequence[Mapping[str, Any]] = batch["rows"]
    return max((row.get("as_of") or 0 for row in rows), default=0)
