"""The database of the record: opening, migrating, reading, writing. SQLite specifics are here and in `sqlite_file`.

`$MEMLAB_DATABASE_URL` (any SQLAlchemy URL), else `memlab.sqlite` in the home folder. Reading and writing
are short sessions that may overlap in any number of threads and processes:

    with database.reading() as session: ...   # one consistent snapshot
    with database.writing() as session: ...   # the only writer; committed at the end, or nothing is

SQLite runs with a write-ahead log, so that readers never wait; a writer takes its lock at the beginning
(BEGIN IMMEDIATE) and waits up to 30 seconds for another one. Where the log cannot work, as on most network drives,
it runs with a rollback journal and logs a warning once. Every error of a database is a RecordError.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import filelock
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    SQLAlchemyError,
)
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from memlab.corpus.door import checked_text
from memlab.errors import RecordError
from memlab.record.sqlite_file import connected, has_content, make_file, opens, refuse_emptied, without_log
from memlab.record.tables import Base

FILE = "memlab.sqlite"
HEADS = "heads"  # folder of the last edits that are kept outside the database (`heads`)
VERSION_TABLE = "memlab_version"
NEWEST = "0002"  # version of the tables; the last of the migrations
WAIT = 30.0  # seconds that a writer waits for another one

_open: dict[tuple[str | None, Path], Database] = {}
_opening = threading.Lock()


def open_database(home: Path) -> Database:
    """The database of a home folder, created and migrated where necessary; the same object at every call.

    Raises:
        RecordError: it is damaged, belongs to something else, was written by a newer memlab, or cannot
            be read; or $MEMLAB_DATABASE_URL is not a URL that can be used.
    """
    named = os.environ.get("MEMLAB_DATABASE_URL") or None
    with _opening:
        if (named, home) not in _open:  # not by the URL of a file: its name need not decode, and then has no hash
            database = Database(named or URL.create("sqlite", database=str(home / FILE)), home)
            database.migrate()
            _open[named, home] = database
        return _open[named, home]


class Database:
    """A database that many threads may read and write; `home` is the folder of its weight deltas."""

    def __init__(self, url: str | URL, home: Path) -> None:
        self.home = home
        try:
            self.url = make_url(url)
            sqlite = self.url.get_backend_name() == "sqlite"
            self.file = _sqlite_file(self.url) if sqlite else None
            self._engine = _sqlite_engine(self.url, self.file) if self.file else _engine(self.url)
        except (ArgumentError, ModuleNotFoundError) as error:
            raise RecordError(
                f"MEMLAB_DATABASE_URL cannot be used: {error}. Give a URL that SQLAlchemy knows and install its "
                "driver, or unset it to use the file memlab.sqlite in the home folder."
            ) from error
        self._writer = self._engine.execution_options(writes=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one consistent state of the database until it ends. Raises RecordError."""
        with self._explained(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is the only writer; committed when the block ends without an error. Raises RecordError."""
        with self._explained(), Session(self._writer) as session, session.begin():
            yield session

    def close(self) -> None:
        """Closes all connections; the next `open_database` opens new ones."""
        self._engine.dispose()
        with _opening:
            for key in [key for key, database in _open.items() if database is self]:
                del _open[key]

    def migrate(self) -> None:
        """Makes the database if it is not there and brings its tables up to date, one process at a time.

        Raises:
            RecordError: see `open_database`.
        """
        with self._explained():
            if self.file is None and self._is_current():
                return
            if self.file is not None and has_content(self.file) and opens(self.file) and self._is_current():
                return
            try:
                with filelock.FileLock(f"{self.file or self.home / 'memlab'}.lock"):
                    if self.file is not None:
                        refuse_emptied(self.file, self.home)
                        if not self.file.exists():
                            make_file(self.file)
                            if self.in_home:
                                _delete_heads(self.home)
                        elif not opens(self.file):
                            without_log(self.file)
                    if not self._is_current():
                        from memlab.record.migrating import upgrade

                        with self._writer.begin() as connection:
                            upgrade(connection)
            except OSError as error:
                raise RecordError(f"{self._name} cannot be made or updated ({error.strerror}).") from error

    def _is_current(self) -> bool:
        """Whether the tables are those of this memlab. Raises RecordError for a newer or foreign database."""
        with self._engine.connect() as connection:
            there = set(inspect(connection).get_table_names())  # before the version: another process may migrate now
            version = _version(connection) if VERSION_TABLE in there else None
        ours = set(Base.metadata.tables)
        if version is None and ours <= there:
            raise RecordError(f"{self._name} lost the version of its tables: it {_DAMAGED}")
        if version is None and there & ours:
            raise RecordError(
                f"{self._name} belongs to something else: it has tables named like memlab's. Set MEMLAB_DATABASE_URL "
                "to another one, or move it away."
            )
        if version in (None, NEWEST):
            return version == NEWEST
        from memlab.record.migrating import known_versions

        if version not in known_versions():
            raise RecordError(
                f"{self._name} was written by a newer memlab (version {version} of its tables; this memlab knows up to "
                f"{NEWEST}). Update memlab, or use another home folder."
            )
        return False

    @property
    def in_home(self) -> bool:
        """Whether it is the home's own file, which no other home writes."""
        return self.file is not None and self.file.absolute() == (self.home / FILE).absolute()

    @property
    def _name(self) -> str:
        return f"The database {self.file or self.url.render_as_string(hide_password=True)}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns every error of the database into a RecordError that says what to do, and text that it cannot hold into an
        InputError."""
        try:
            yield
        except IntegrityError as error:
            raise RecordError(
                f"{self._name} refused a row, probably because another process wrote the same at the same moment "
                f"({error.orig}). Nothing was changed: try again."
            ) from error
        except UnicodeEncodeError as error:
            checked_text(error.object, "A name or text that was given")
            raise
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise RecordError(f"{self._name} {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        origin = error.orig if isinstance(error, DBAPIError) else error
        message = " ".join(str(origin).split())[:200]
        if isinstance(error, DBAPIError) and (lost := _missing_table(message)):
            return f"has no table {lost!r}: it {_DAMAGED}"
        if self.file is None:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                return f"cannot be reached ({message}). Try again, or check MEMLAB_DATABASE_URL."
            return f"cannot be used ({message}). Check MEMLAB_DATABASE_URL, the server and the rights of its user."
        code = getattr(origin, "sqlite_errorcode", 0) & 0xFF  # extended codes keep the primary one in the low byte
        if not self.file.exists() and code not in (sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS):
            return (
                "is gone: it was removed or moved while memlab was running. Put it back, or start memlab again to "
                "begin with an empty one."
            )
        return _REASONS.get(code, f"cannot be used ({message}). If this persists, put back a copy of it.")


_DAMAGED = (
    "is damaged. Put back a copy, or move it away (with its -wal and -shm files) to begin with an empty one; exported "
    "workspaces can be imported there."
)
_NO_ACCESS = "cannot be opened. Check that the file and its folder can be read and written."
_NO_LOCKS = (
    "cannot be locked: its disk, perhaps a network drive, does not support that. Use a home folder on a local disk "
    "(MEMLAB_HOME or --home), or a database server (MEMLAB_DATABASE_URL)."
)
_REASONS = {
    sqlite3.SQLITE_READONLY: "cannot be written: it is read-only. Make the file and its folder writable.",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _NO_ACCESS,
    sqlite3.SQLITE_PERM: _NO_ACCESS,
    sqlite3.SQLITE_FULL: "cannot be written: the disk is full. Free some space and try again.",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reports an error.",
    sqlite3.SQLITE_PROTOCOL: _NO_LOCKS,
    sqlite3.SQLITE_NOLFS: _NO_LOCKS,
    sqlite3.SQLITE_BUSY: f"is in use: another program has been writing for {WAIT:.0f} seconds. Try again.",
}


def _delete_heads(home: Path) -> None:
    """Deletes the heads of a database that is gone: the new one in its place does not continue its edits."""
    for head in (home / HEADS).glob("home-*.json"):
        head.unlink(missing_ok=True)


def _engine(url: URL) -> Engine:
    return create_engine(url, json_deserializer=from_json, pool_pre_ping=True)


def _sqlite_file(url: URL) -> Path:
    """The file of an SQLite URL. Raises RecordError for a database in memory, which threads cannot share."""
    name = url.database or ""
    if name.startswith("file:"):  # sqlite:///file:/folder/name?mode=ro&uri=true
        name = unquote(name.removeprefix("file:"))
    if name in ("", ":memory:"):
        raise RecordError(
            f"MEMLAB_DATABASE_URL {url} names no file, but the record must outlive the process. Name a file."
        )
    return Path(name).absolute()


def _sqlite_engine(url: URL, file: Path) -> Engine:
    """An engine whose connections never create the file, notice when it was replaced, and lock it before they write."""
    mode = str(url.query.get("mode", "rw"))

    def connect() -> sqlite3.Connection:
        connection = connected(file, mode, WAIT)
        connection.text_factory = _as_text
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")  # what was confirmed survives a power cut
        return connection

    engine = create_engine(url, creator=connect, poolclass=QueuePool, max_overflow=-1, json_deserializer=from_json)

    @event.listens_for(engine, "connect")
    def remember(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info["opened"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def check(connection: sqlite3.Connection, entry: ConnectionPoolEntry, proxy: object) -> None:
        if entry.info["opened"] != _identity(file):
            raise DisconnectionError("the file was replaced, or this is another process")  # connects again

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _identity(file: Path) -> tuple[int, ...]:
    """Changes when the file is another one or the process was forked; SQLite connections survive neither."""
    try:
        found = file.stat()
    except OSError:
        return (os.getpid(),)
    return (os.getpid(), found.st_dev, found.st_ino)


def _version(connection: Connection) -> str | None:
    """The version of the tables; None where none is recorded. Raises SQLAlchemyError for several."""
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()


def _missing_table(message: str) -> str | None:
    """The table that an error of any database says is not there."""
    found = re.search(
        r"no such table: (?:main\.)?(\w+)|relation \"(\w+)\" does not exist|Table '(?:\w+\.)?(\w+)' doesn't", message
    )
    return next(filter(None, found.groups()), None) if found else None


def from_json(text: str | bytes) -> Any:
    """A JSON column. What is not JSON was changed from outside: it becomes text, which checks then find."""
    try:
        return _JSON.decode(text) if isinstance(text, str) else json.loads(text, parse_constant=_no_number)
    except (ValueError, TypeError, RecursionError):
        return f"unreadable: {text!s:.40}"


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


# A text column; bytes that are no UTF-8 were changed from outside and are kept for `verify` to find.
_as_text = partial(str, encoding="utf-8", errors="surrogateescape")
_JSON = json.JSONDecoder(parse_constant=_no_number)  # made once: a history has thousands of columns
