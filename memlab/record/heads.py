"""The last edit of each workspace, also kept outside the database, so that a shortened history is found.

    heads/<database>-<workspace>.json    number and hash of the last edit that this home has seen, signed
    heads/key                            the key of the signatures (HMAC-SHA256), made once

The chain of hashes alone cannot show that its end was cut off and the workspace's row set back to fit, or that it was
recomputed. A head is written after its edit is committed, so that after a crash it may lag behind but is never
ahead: `problems` accepts a head that is still in the chain. A head that is no longer in the chain is not overwritten,
so that the problem keeps being reported. Anyone who can change the database, these files and the key can change history
unnoticed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import select

from memlab.errors import RecordError
from memlab.record.database import HEADS, Database
from memlab.record.hash_chain import Problem
from memlab.record.tables import Edit, Workspace

KEY = "key"
KEY_BYTES = 32

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Head:
    """The last edit of a workspace: its number and hash. `created` tells apart workspaces that reused one id."""

    workspace: int
    created: str
    sequence: int
    hash: str

    @staticmethod
    def of(workspace: Workspace) -> Head:
        return Head(workspace.id, workspace.created, workspace.head, workspace.head_hash)


@dataclass(frozen=True)
class Kept:
    """The heads of a database by workspace, and the files that cannot be read or that memlab did not sign."""

    heads: Mapping[int, Head]
    broken: Mapping[int, Path]
    folder: Path
    prefix: str
    shared: bool  # other homes may write the same database

    def problems(self, workspace: Workspace, hashes: Mapping[int, str]) -> list[Problem]:
        """What is wrong, by these heads, with a ledger whose hashes by number are `hashes`."""
        advice = (
            "If an older copy of the database was put back on purpose, delete "
            f"{self.folder / f'{self.prefix}{workspace.id}.json'}."
        )
        if workspace.id in self.broken:
            message = "The file that keeps the last edit was changed, or its key was."
            return [Problem(0, "head", f"{message} {advice}")]
        head = self.heads.get(workspace.id)
        if head is None or (self.shared and head.created != workspace.created):
            return []
        if head.created != workspace.created:
            return [Problem(0, "head", f"The workspace {workspace.name!r} replaced another one. {advice}")]
        if head.sequence == 0 or hashes.get(head.sequence) == head.hash:
            return []
        kind, what = ("changed", "was replaced") if head.sequence in hashes else ("missing", "is missing")
        return [
            Problem(
                head.sequence,
                kind,
                f"Edit {head.sequence} {what}: the history was shortened or rewritten after this home saw it. {advice}",
            )
        ]


class Heads:
    """The heads of a database that its home folder keeps."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folder = database.home / HEADS
        self._shared = not database.in_home
        self._prefix = "home-"
        if self._shared:
            url = database.url.render_as_string(hide_password=True)
            self._prefix = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-"

    def keep(self, head: Head) -> None:
        """Writes the head of a workspace after its edit was committed. Never raises: a head may lag behind."""
        try:
            before = self._read(self._file(head.workspace))
            if before is None or self._continues(before, head):
                self._write(head)
        except (OSError, RecordError, ValueError) as error:
            _log.warning("The last edit could not be noted outside the database: %s", error)

    def drop(self, workspace: int) -> None:
        """Forgets the head of a workspace that is about to be deleted."""
        with suppress(OSError):
            self._file(workspace).unlink(missing_ok=True)

    def kept(self) -> Kept:
        """All heads of the database."""
        heads, broken = {}, {}
        for file in self._folder.glob(f"{self._prefix}*.json"):
            number = file.stem.removeprefix(self._prefix)
            if not number.isdigit():
                continue
            try:
                if (head := self._read(file)) is not None and head.workspace == int(number):
                    heads[int(number)] = head
                    continue
            except (OSError, ValueError):
                pass
            broken[int(number)] = file
        return Kept(heads, broken, self._folder, self._prefix, self._shared)

    def _continues(self, before: Head, head: Head) -> bool:
        """Whether a head follows the kept one, which must still be in the chain, before it."""
        if before.created != head.created:
            return self._shared
        if before.sequence == 0:
            return True
        if before.sequence >= head.sequence:
            return False
        at = select(Edit.hash).where(Edit.workspace_id == head.workspace, Edit.sequence == before.sequence)
        with self._database.reading() as session:
            return session.scalars(at).one_or_none() == before.hash

    def _file(self, workspace: int) -> Path:
        return self._folder / f"{self._prefix}{workspace}.json"

    def _read(self, file: Path) -> Head | None:
        """A head as it was written; None where there is none. Raises ValueError for one that memlab did not write."""
        try:
            text = file.read_text("utf-8")
        except FileNotFoundError:
            return None
        try:
            record = json.loads(text)
            signature = record.pop("signature")
            head = Head(**record)
            if hmac.compare_digest(signature, self._signature(head)):
                return head
        except (KeyError, TypeError, AttributeError, ValueError, OSError):
            pass
        raise ValueError(f"{file} was not written by this home")

    def _write(self, head: Head) -> None:
        self._folder.mkdir(exist_ok=True)
        self._make_key()
        part = self._folder / f".{uuid.uuid4().hex}"
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump({**asdict(head), "signature": self._signature(head)}, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self._file(head.workspace))
        finally:
            part.unlink(missing_ok=True)

    def _signature(self, head: Head) -> str:
        text = json.dumps([self._prefix, *asdict(head).values()])
        return hmac.new((self._folder / KEY).read_bytes(), text.encode(), hashlib.sha256).hexdigest()

    def _make_key(self) -> None:
        """A key that only the owner may read, unless there is one; the first of several processes wins."""
        key = self._folder / KEY
        if key.exists():
            return
        part = self._folder / f".{uuid.uuid4().hex}"
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(part, key)
            except FileExistsError:
                pass
            except OSError:  # a disk without links
                os.replace(part, key)
        finally:
            part.unlink(missing_ok=True)
