"""The file of an SQLite database: created whole or not at all, opened with or without a write-ahead log.

A write-ahead log needs shared memory and locks that most network drives do not have. SQLite then fails with "locking
protocol", "unable to open" or an I/O error of its shared memory; such a file is set to a rollback journal instead.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import uuid
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from memlab.errors import RecordError

SMALLEST = 512  # bytes of the smallest database that SQLite writes
OWN = ("tmp",)  # what a new home contains beside the database and its locks

_WITHOUT_LOG = {
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR_SHMMAP,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
}

_log = logging.getLogger(__name__)


def has_content(file: Path) -> bool:
    """Whether there is a file that can be a database."""
    try:
        return file.stat().st_size >= SMALLEST
    except OSError:
        return False


def refuse_emptied(file: Path, home: Path) -> None:
    """Raises RecordError for a file that is too short to be a database, where the home was used before.

    In a new home an empty file (made by a tool that reserves names) is removed, so that a database can be made.
    """
    if not file.exists() or has_content(file):
        return
    size = file.stat().st_size
    used = [path for path in home.iterdir() if path.name not in OWN and not path.name.startswith((".", file.name))]
    if size or used or (file.parent != home and any(file.parent.glob(f"{file.name}-*"))):
        raise RecordError(
            f"The database {file} is damaged: it has {size} bytes. Put back a copy, or move it away (with its -wal "
            "and -shm files) to begin with an empty one; exported workspaces can be imported there."
        )
    file.unlink()


def make_file(file: Path) -> None:
    """Makes an empty database, whole or not at all, with a write-ahead log where the disk allows one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    try:
        with closing(sqlite3.connect(part)) as connection:
            connection.execute("VACUUM")  # writes the first page whatever the journal mode
        if not _set_log(part):
            _warn(file)
        os.replace(part, file)
    finally:
        for left in (part, *part.parent.glob(f"{part.name}-*")):
            with suppress(OSError):
                left.unlink()


def opens(file: Path) -> bool:
    """Whether a file can be read with its present journal mode; errors with other causes do not count."""
    try:
        with closing(connected(file)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return not _is_about_the_log(error)
    return True


def without_log(file: Path) -> None:
    """Sets a database to a rollback journal, under an exclusive lock, and logs a warning. Raises sqlite3.Error."""
    with closing(connected(file)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # else even changing the journal needs shared memory
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
        connection.execute("PRAGMA locking_mode=NORMAL")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    _warn(file)


def connected(file: Path, mode: str = "rw", wait: float = 30.0) -> sqlite3.Connection:
    """A connection that never creates the file."""
    address = f"file:{quote(os.fsencode(file))}?mode={mode}"
    return sqlite3.connect(address, wait, isolation_level=None, check_same_thread=False, uri=True)


def _set_log(file: Path) -> bool:
    """Turns the write-ahead log on; False where the disk does not allow one."""
    try:
        with closing(connected(file)) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return str(mode) == "wal"
    except sqlite3.Error as error:
        if not _is_about_the_log(error):
            raise
    with closing(connected(file)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    return False


def _is_about_the_log(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    return code in _WITHOUT_LOG or code & 0xFF == sqlite3.SQLITE_PROTOCOL


def _warn(file: Path) -> None:
    _log.warning(
        "%s is on a disk without the locks of a write-ahead log (a network drive?): it is used with a rollback journal, "
        "so that readers and writers wait for each other.", file,
    )  # fmt: skip
