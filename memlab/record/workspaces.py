"""Workspaces: named states of the memory, each with its own ledger. "default" is always there."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from memlab.errors import InputError, MemlabError, RecordError
from memlab.outside import check_file
from memlab.record.archive import is_archive, open_archive, write_archive
from memlab.record.database import Database
from memlab.record.files import files_locked, keep_delta, put, sweep, temporary_file
from memlab.record.hash_chain import GENESIS, EditRow
from memlab.record.heads import Head, Heads
from memlab.record.kept import Kept, keep, kept_by
from memlab.record.ledger import Ledger, find_workspace
from memlab.record.names import DEFAULT
from memlab.record.new_rows import extend, now
from memlab.record.tables import Batch, Edit, PromptNote, Workspace

LENGTH = 60  # characters of a name


@dataclass(frozen=True)
class WorkspaceInfo:
    """A workspace; `edits` counts the rows of its ledger, `base` says where it came from (None: created empty).

    `instead_of` is the name that it should have got and that was taken; given only right after an import.
    """

    name: str
    created: str
    base: str | None
    edits: int
    instead_of: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Workspaces:
    """What can be done with whole workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heads = Heads(database)

    def list(self) -> Sequence[WorkspaceInfo]:
        """All workspaces by name, "default" first."""
        with self._database.reading() as session:
            found = [_info(workspace) for workspace in session.scalars(select(Workspace))]
        return sorted(found, key=lambda info: (info.name != DEFAULT, str(info.name)))

    def create(self, name: str) -> WorkspaceInfo:
        """Makes an empty workspace. Raises InputError: a bad name, or one that is taken."""
        with self._database.writing() as session:
            workspace = _add(session, _usable(session, name), None, [])
            info, head = _info(workspace), Head.of(workspace)
        self._heads.keep(head)
        return info

    def rename(self, name: str, new: str) -> WorkspaceInfo:
        """Gives a workspace another name. Raises NotFound, or InputError as `create` and for "default"."""
        _not_default(name, "renamed")
        with self._database.writing() as session:
            workspace = find_workspace(session, name, lock=True)
            workspace.name = _usable(session, new)
            return _info(workspace)

    def copy(self, name: str, new: str | None = None, as_of: int | None = None) -> WorkspaceInfo:
        """Makes a workspace with the same edits (up to number `as_of`) under new ids, in a new hash chain, and the same
        batches (without those asked with later edits), notes and stars.

        Args:
            new: by default "<name> copy", or the first free name after it.

        Raises:
            NotFound: no such workspace.
            InputError: as `create`, or a number outside 0 to the last edit.
            RecordError: its record is damaged.
        """
        ledger = Ledger(self._database, name)
        rows = ledger.rows(as_of)
        if broken := ledger.verify():  # a copy gets a new hash chain, and would look intact
            raise RecordError(f"The record of {name!r} is damaged: {broken[0].message} It cannot be copied.")
        with self._database.writing() as session:
            free = _free(session, f"{name[: LENGTH - 5].rstrip()} copy") if new is None else _usable(session, new)
            kept = kept_by(session, find_workspace(session, name)).up_to(len(rows))
            workspace = _add(session, free, f"{name} at edit {len(rows)}", rows, kept)
            info, head = _info(workspace), Head.of(workspace)
        self._heads.keep(head)
        return info

    def delete(self, name: str, repeated: str) -> None:
        """Removes a workspace, its edits, batches and notes for good.

        Args:
            repeated: the name once more, as the person typed it.

        Raises:
            NotFound: no such workspace.
            InputError: the names differ, or it is "default".
        """
        _not_default(name, "deleted")
        if repeated != name:
            raise InputError(
                f"Deleting cannot be taken back. To delete the workspace {name!r}, repeat its name exactly."
            )
        with self._database.writing() as session:
            workspace = find_workspace(session, name, lock=True)
            self._heads.drop(workspace.id)  # first: a head without its workspace would be a false alarm
            for table in (Edit, Batch, PromptNote):
                session.execute(delete(table).where(table.workspace_id == workspace.id))
            session.delete(workspace)
        sweep(self._database.home)

    def export(self, name: str, path: Path) -> Path:
        """Writes a workspace, with its batches and notes, to one file (see `archive`), whole or not at all, replacing
        an exported workspace at `path`.

        Raises:
            NotFound: no such workspace.
            InputError: something else is at `path`.
            RecordError: weights that it needs are missing or were changed.
            HomeError: the file cannot be written.
        """
        home, target = self._database.home, path.absolute()
        check_file(target, is_archive)
        with files_locked(home), temporary_file(home) as written:
            rows = Ledger(self._database, name).rows()
            with self._database.reading() as session:
                kept = kept_by(session, find_workspace(session, name)).up_to(len(rows))
            write_archive(written, home, name, rows, kept)
            put(written, target)
        return target

    def import_(self, path: Path, name: str | None = None) -> WorkspaceInfo:
        """Makes a workspace from an exported file: edits under new ids in a new hash chain, batches, notes and stars;
        all of it or nothing.

        Args:
            name: by default the one that it was exported under, or the first free one after it.

        Raises:
            InputError: the file is refused (see `archive.open_archive`), or the name is bad or taken.
        """
        home = self._database.home
        try:
            with files_locked(home), open_archive(path) as archive, ExitStack() as unpacked:
                deltas = []
                for sha256 in archive.deltas:
                    deltas.append(unpacked.enter_context(temporary_file(home)))
                    archive.unpack_delta(sha256, deltas[-1])
                with self._database.writing() as session:
                    chosen = _usable(session, name) if name is not None else _free(session, archive.workspace)
                    base = f"{archive.workspace} at edit {len(archive.rows)}, from {path.name}"
                    workspace = _add(session, chosen, base, archive.rows, archive.kept)
                    for delta in deltas:
                        keep_delta(home, delta)
                    taken = name is None and chosen != archive.workspace
                    info, head = _info(workspace, archive.workspace if taken else None), Head.of(workspace)
            self._heads.keep(head)
            return info
        except MemlabError:
            sweep(home)
            raise


def _add(session: Session, name: str, base: str | None, rows: Iterable[EditRow], kept: Kept | None = None) -> Workspace:
    """A new workspace with these edits, batches and notes; its name must be free."""
    workspace = Workspace(name=name, created=now(), base=base, head=0, head_hash=GENESIS)
    session.add(workspace)
    session.flush()
    for row in rows:
        extend(session, workspace, row)
    if kept:
        keep(session, workspace, kept)
    return workspace


def _free(session: Session, wanted: str) -> str:
    """The name, else the first free one of "<name> 2", "<name> 3" and so on. Raises InputError as `_normal`."""
    wanted = _normal(wanted)
    numbered = (f"{wanted[: LENGTH - 1 - len(str(n))].rstrip()} {n}" for n in itertools.count(2))
    return next(name for name in itertools.chain([wanted], numbered) if not _taken(session, name))


def _normal(name: str) -> str:
    """The name in its normal form. Raises InputError when it cannot be used."""
    name = unicodedata.normalize("NFC", name).strip()
    if not re.fullmatch(rf"\w[\w .-]{{0,{LENGTH - 1}}}", name):
        raise InputError(
            f"{name[:80]!r} cannot name a workspace. Use 1 to {LENGTH} letters, digits, blanks, '-', '_' and '.', "
            "beginning with a letter or digit."
        )
    return name


def _taken(session: Session, name: str) -> bool:
    return session.scalars(select(Workspace.id).where(Workspace.name == name)).one_or_none() is not None


def _usable(session: Session, name: str) -> str:
    """The name in its normal form. Raises InputError when it cannot be used or is taken."""
    name = _normal(name)
    if _taken(session, name):
        raise InputError(
            f"There is a workspace {name!r} already. Choose another name, or rename or delete that one first."
        )
    return name


def _not_default(name: str, verb: str) -> None:
    if name == DEFAULT:
        raise InputError(f"The workspace {DEFAULT!r} is always there and cannot be {verb}. Make a copy of it instead.")


def _info(workspace: Workspace, instead_of: str | None = None) -> WorkspaceInfo:
    return WorkspaceInfo(workspace.name, workspace.created, workspace.base, workspace.head, instead_of)
