"""Files that belong to the record: weight deltas under their hash, and temporary ones.

    deltas/<sha256>.safetensors    changed tensors of one edit
    tmp/                           files being written; what a crash leaves there is removed at the next start

Code that adds files holds `files_locked` from the first file until the rows that name them are committed, so
that `sweep` never removes a file that is about to be named.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import filelock
from sqlalchemy import select

from memlab.errors import HomeError
from memlab.record.database import open_database
from memlab.record.tables import Edit


@contextmanager
def files_locked(home: Path, wait: float = -1) -> Iterator[None]:
    """Holds the lock for adding or sweeping files in this home folder. Raises filelock.Timeout after `wait` seconds."""
    with filelock.FileLock(home / ".files.lock", wait):
        yield


@contextmanager
def temporary_file(home: Path) -> Iterator[Path]:
    """A path in tmp/ to write a file to; what is still there at the end is removed.

    Raises:
        HomeError: the disk is full or the folder cannot be written, for any OSError of the block.
    """
    path = home / "tmp" / uuid.uuid4().hex
    try:
        path.parent.mkdir(exist_ok=True)
        yield path
    except OSError as error:
        where = error.filename2 or error.filename or home
        raise HomeError(f"{where} cannot be written ({error.strerror}). Nothing was changed.") from error
    finally:
        path.unlink(missing_ok=True)


def delta_file(home: Path, sha256: str) -> Path:
    """The path of the weight delta with this hash."""
    return home / "deltas" / f"{sha256}.safetensors"


def wrong_with_delta(home: Path, sha256: str, again: bool = False) -> str | None:
    """What is wrong with the file of a weight delta: "missing" or "changed"; None when nothing is.

    again: reads the file even if it was read before and looks untouched.
    """
    path = delta_file(home, sha256)
    try:
        stamp = path.stat()
        found = file_hash(path) if again else _hash_at(path, stamp.st_mtime_ns, stamp.st_size)
        return None if found == sha256 else "changed"
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "changed"  # and cannot be read


@lru_cache(1024)
def _hash_at(path: Path, modified: int, size: int) -> str:
    """The hash of a file as it was at that time, so that a page need not read it again."""
    return file_hash(path)


def keep_delta(home: Path, written: Path) -> str:
    """Moves a finished file to its place among the deltas and returns its sha256; needs `files_locked`."""
    sha256 = file_hash(written)
    to_disk(written)
    place = delta_file(home, sha256)
    place.parent.mkdir(exist_ok=True)
    os.replace(written, place)
    return sha256


def file_hash(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_disk(path: Path) -> None:
    """Waits until a written file would survive a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def put(written: Path, target: Path) -> None:
    """Moves a finished file to a place that may be on another disk: whole or not at all, replacing what is there."""
    to_disk(written)
    part = written
    if written.stat().st_dev != target.parent.stat().st_dev:
        part = target.with_name(f".{target.name[:80]}.{uuid.uuid4().hex}.part")
        shutil.copyfile(written, part)
        to_disk(part)
    os.replace(part, target)


def sweep(home: Path) -> list[Path]:
    """Removes temporary files and deltas that no edit names; returns them. For the start of the program.

    Does nothing while another process adds files.
    """
    try:
        with files_locked(home, wait=0):
            with open_database(home).reading() as session:
                named = set(session.scalars(select(Edit.delta).where(Edit.delta.is_not(None))))
            deltas = (home / "deltas").glob("*.safetensors")
            orphans = [*(home / "tmp").glob("*"), *(path for path in deltas if path.stem not in named)]
            for path in orphans:
                path.unlink()
            return orphans
    except filelock.Timeout:
        return []
