"""Batches that were asked in a workspace, and what a person noted about prompts: both survive a reload."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, select

from memlab.corpus.door import checked_text
from memlab.errors import InputError, NotFound, RecordError
from memlab.record.database import Database
from memlab.record.ledger import find_workspace
from memlab.record.new_rows import now
from memlab.record.tables import Batch, PromptNote
from memlab.results.batch_summary import RowSummary

KEPT = 40  # batches of a workspace; older ones are deleted
NOTE_LIMIT = 2000  # characters


@dataclass(frozen=True)
class AskedBatch:
    """What was asked in a batch.

    Args:
        lines: as they were typed or uploaded, one for each line of the text. expected: name of the column of answers.
        how: the arguments of `Lab.ask_many`, as the person gave them. name: of the file, "" for what was pasted.
    """

    lines: tuple[str, ...]
    expected: str | None
    how: Mapping[str, Any]
    name: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {"lines": list(self.lines), "expected": self.expected, "how": dict(self.how), "name": self.name}


@dataclass(frozen=True)
class KeptBatch:
    """A batch as it was asked, with its rows; `title` is one line about it."""

    id: int
    created: str
    title: str
    asked: AskedBatch
    rows: tuple[RowSummary, ...]


@dataclass(frozen=True)
class Note:
    """What a person noted about a prompt."""

    starred: bool = False
    note: str = ""


class Batches:
    """The batches and notes of one workspace."""

    def __init__(self, database: Database, workspace: str) -> None:
        self._database, self.workspace = database, workspace

    def keep(self, fingerprint: str, title: str, asked: AskedBatch, rows: Sequence[RowSummary]) -> int:
        """Stores a batch, replacing one of the same fingerprint; deletes the oldest beyond `KEPT`. Returns its number.

        Raises:
            NotFound: no such workspace. RecordError: the database cannot be written.
        """
        content = {
            "created": now(),
            "title": title,
            "asked": asked.to_dict(),
            "rows": [row.to_dict() for row in rows],
        }
        with self._database.writing() as session:
            workspace = find_workspace(session, self.workspace, lock=True)
            own = select(Batch).where(Batch.workspace_id == workspace.id)
            found = session.scalars(own.where(Batch.fingerprint == fingerprint)).one_or_none()
            if found is None:
                found = Batch(workspace_id=workspace.id, fingerprint=fingerprint)
                session.add(found)
            for name, value in content.items():
                setattr(found, name, value)
            session.flush()
            number = found.id
            newest = (
                select(Batch.id)
                .where(Batch.workspace_id == workspace.id)
                .order_by(Batch.created.desc(), Batch.id.desc())
            )
            old = session.scalars(newest.offset(KEPT)).all()
            if old:
                session.execute(delete(Batch).where(Batch.id.in_(old)))
        return number

    def titles(self) -> dict[int, str]:
        """Number -> title and time of every batch, the newest first."""
        with self._database.reading() as session:
            workspace = find_workspace(session, self.workspace)
            own = select(Batch.id, Batch.title, Batch.created).where(Batch.workspace_id == workspace.id)
            found = session.execute(own.order_by(Batch.created.desc(), Batch.id.desc())).all()
        return {number: f"{title}, {_minute(created)}" for number, title, created in found}

    def get(self, number: int) -> KeptBatch:
        """A batch by its number. Raises NotFound."""
        with self._database.reading() as session:
            workspace = find_workspace(session, self.workspace)
            batch = session.get(Batch, number)
            if batch is None or batch.workspace_id != workspace.id:
                raise NotFound(
                    f"There is no batch {number} in the workspace {self.workspace!r}. The last {KEPT} are kept; ask it again."
                )
            return _kept(batch, self.workspace)

    def find(self, fingerprint: str) -> KeptBatch | None:
        """The batch of that fingerprint; None without one."""
        with self._database.reading() as session:
            workspace = find_workspace(session, self.workspace)
            own = select(Batch).where(Batch.workspace_id == workspace.id, Batch.fingerprint == fingerprint)
            found = session.scalars(own).one_or_none()
            return None if found is None else _kept(found, self.workspace)

    def notes(self, prompts: Iterable[str] | None = None) -> dict[str, Note]:
        """Prompt -> what was noted; of all prompts, or of some."""
        with self._database.reading() as session:
            workspace = find_workspace(session, self.workspace)
            rows = session.scalars(select(PromptNote).where(PromptNote.workspace_id == workspace.id)).all()
            found = {row.prompt: Note(row.starred, row.note) for row in rows}
        return found if prompts is None else {prompt: found[prompt] for prompt in prompts if prompt in found}

    def note(self, prompt: str, note: Note) -> None:
        """Stores a note on a prompt, replacing the one before; an empty note without a star removes it.

        Raises:
            InputError: a note that is too long or cannot be stored. NotFound: no such workspace.
        """
        text = checked_text(note.note, "The note").strip()
        if len(text) > NOTE_LIMIT:
            raise InputError(f"The note has {len(text)} characters; at most {NOTE_LIMIT} are kept.")
        named = hashlib.sha256(checked_text(prompt, "The prompt").encode()).hexdigest()
        with self._database.writing() as session:
            workspace = find_workspace(session, self.workspace, lock=True)
            own = select(PromptNote).where(PromptNote.workspace_id == workspace.id, PromptNote.prompt_hash == named)
            found = session.scalars(own).one_or_none()
            if not text and not note.starred:
                if found is not None:
                    session.delete(found)
                return
            if found is None:
                found = PromptNote(workspace_id=workspace.id, prompt_hash=named, prompt=prompt)
                session.add(found)
            found.starred, found.note, found.changed = note.starred, text, now()


def _minute(created: str) -> str:
    return f"{created[:16].replace('T', ' ')} UTC"


def fingerprint(asked: AskedBatch, *state: Any) -> str:
    """SHA-256 of what was asked and of the state that it was asked in (versions, the last edit)."""
    content = json.dumps([asked.to_dict(), *state], sort_keys=True, default=str)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _kept(batch: Batch, workspace: str) -> KeptBatch:
    """The batch of a row; its answers name the workspace as it is called now."""
    try:
        given: dict[str, Any] = {**batch.asked, "lines": tuple(batch.asked["lines"])}
        asked = AskedBatch(**given)
        rows = (RowSummary.from_dict(row) for row in batch.rows)
        named = tuple(row if row.workspace is None else replace(row, workspace=workspace) for row in rows)
        return KeptBatch(batch.id, batch.created, batch.title, asked, named)
    except (TypeError, KeyError) as error:
        raise RecordError(f"The batch {batch.id} cannot be read: it was changed from outside ({error!r}).") from None
