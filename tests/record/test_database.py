"""Opening the database: from nothing, and when it cannot be used. Every reason gets a message of its own."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from memlab.errors import RecordError
from memlab.record import database as module
from memlab.record.database import FILE, NEWEST, VERSION_TABLE, Database, open_database
from memlab.record.ledger import Ledger
from memlab.record.tables import Base, Workspace


def sql(home: Path, *statements: str) -> None:
    """Changes the database behind memlab's back."""
    with closing(sqlite3.connect(home / FILE)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write everywhere; file modes hold for anybody else."""
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


def test_migrations_from_nothing_make_the_declared_tables(database: Database) -> None:
    with database.reading() as session:
        context = MigrationContext.configure(session.connection(), opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == NEWEST


def test_the_newest_version_is_the_last_migration() -> None:
    assert ScriptDirectory(str(Path(module.__file__).parent / "migrations")).get_heads() == [NEWEST]


def test_a_database_with_two_versions_is_explained(home: Path) -> None:
    open_database(home).close()
    sql(home, f"INSERT INTO {VERSION_TABLE} VALUES ('0000')")
    with pytest.raises(RecordError, match="Multiple rows were found"):
        open_database(home)


def test_sqlite_is_set_up_for_overlapping_readers_and_writers(database: Database) -> None:
    with database.reading() as session:
        pragmas = {p: session.scalar(text(f"PRAGMA {p}")) for p in ("journal_mode", "foreign_keys", "busy_timeout")}
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_home_has_one_database_object(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(open_database, [home] * 8))
    assert len(set(map(id, opened))) == 1
    opened[0].close()
    again = open_database(home)
    assert again is not opened[0]
    again.close()


def test_processes_that_open_a_new_home_at_once_agree(home: Path) -> None:
    code = "import sys, pathlib, memlab.record.database as d; d.open_database(pathlib.Path(sys.argv[1]))"
    processes = [subprocess.Popen([sys.executable, "-c", code, str(home)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]


def test_a_failed_session_changes_nothing(database: Database) -> None:
    with suppress(ZeroDivisionError), database.writing() as session:
        session.get_one(Workspace, 1).head = 7
        session.flush()
        raise ZeroDivisionError
    assert Ledger(database, "default").head() == 0


def test_a_reader_sees_one_state_while_others_write(database: Database, ledger: Ledger) -> None:
    with database.reading() as session:
        assert session.get_one(Workspace, 1).head == 0
        ledger.append("note", "something", {})
        assert session.scalar(text("SELECT count(*) FROM edits")) == 0
    assert ledger.head() == 1


def test_a_database_of_a_newer_memlab_is_refused(home: Path) -> None:
    open_database(home).close()
    sql(home, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(RecordError, match=r"newer memlab .*9999.* Update memlab"):
        open_database(home)


def test_a_database_of_something_else_is_refused(home: Path) -> None:
    sql(home, "CREATE TABLE jobs (id)")
    with pytest.raises(RecordError, match="belongs to something else"):
        open_database(home)


def test_a_file_that_is_no_database_is_refused(home: Path) -> None:
    (home / FILE).write_text("Dear diary. " * 100)
    with pytest.raises(RecordError, match="is damaged"):
        open_database(home)


def test_damage_that_shows_later_is_explained(home: Path) -> None:
    database = open_database(home)
    Ledger(database, "default").append("note", "something", {"text": "x" * 100_000})
    database.close()
    content = bytearray((home / FILE).read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    (home / FILE).write_bytes(content)
    with pytest.raises(RecordError, match="is damaged"):
        Ledger(open_database(home), "default").rows()


def test_a_database_removed_while_running_is_explained_and_not_made_anew(home: Path, database: Database) -> None:
    ledger = Ledger(database, "default")
    ledger.append("note", "something", {})
    for path in home.glob(f"{FILE}*"):
        path.unlink()
    with pytest.raises(RecordError, match="removed or moved while memlab was running"):
        ledger.head()
    with pytest.raises(RecordError, match="removed or moved"):
        ledger.append("note", "something", {})
    assert not (home / FILE).exists()


def test_a_database_that_was_put_back_is_used_again(home: Path, database: Database, ledger: Ledger) -> None:
    ledger.append("note", "something", {})
    with closing(sqlite3.connect(home / FILE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(home / FILE, home / "copy")
    ledger.append("note", "something", {})
    for path in home.glob(f"{FILE}*"):
        path.unlink()
    (home / "copy").rename(home / FILE)
    assert ledger.head() == 1


def test_a_database_opened_read_only_can_be_read_but_not_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_database(home).close()
    monkeypatch.setenv("MEMLAB_DATABASE_URL", f"sqlite:///file:{home / FILE}?mode=ro&uri=true")
    database = open_database(home)
    ledger = Ledger(database, "default")
    assert ledger.head() == 0
    with pytest.raises(RecordError, match="is read-only"):
        ledger.append("note", "something", {})
    database.close()


@pytest.mark.parametrize("folder_mode", [0o777, 0o555])
def test_a_file_without_write_permission_is_explained(folder_mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMLAB_DATABASE_URL", raising=False)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        open_database(home).close()
        (home / FILE).chmod(0o444)
        home.chmod(folder_mode)
        with as_nobody(), pytest.raises(RecordError, match=r"is read-only|cannot be opened"):
            Ledger(open_database(home), "default").append("note", "something", {})
        home.chmod(0o700)


def test_a_home_that_nobody_may_write_is_explained() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        with as_nobody(), pytest.raises(RecordError, match="cannot be made"):
            open_database(Path(name))
        Path(name).chmod(0o700)


@pytest.mark.parametrize("url", ["nonsense", "nosuch://x", "sqlite://", "sqlite:///:memory:"])
def test_a_bad_url_is_explained(url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMLAB_DATABASE_URL", url)
    with pytest.raises(RecordError, match="MEMLAB_DATABASE_URL"):
        open_database(home)


def test_a_url_names_the_file(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMLAB_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere' / 'my record.db'}")
    database = open_database(home)
    assert Ledger(database, "default").head() == 0
    assert (tmp_path / "elsewhere" / "my record.db").is_file()
    database.close()


def test_a_home_may_have_any_name(home: Path) -> None:
    odd = home / "what? 50% #1 & ä"
    odd.mkdir()
    database = open_database(odd)
    assert Ledger(database, "default").append("note", "something", {}).sequence == 1
    assert (odd / FILE).is_file()
    database.close()


def test_connections_do_not_pass_into_a_forked_process(ledger: Ledger) -> None:
    ledger.append("note", "something", {})
    if not (child := os.fork()):
        try:
            ledger.append("note", "in the child", {})
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    ledger.append("note", "in the parent", {})
    assert [row.summary for row in ledger.rows()] == ["something", "in the child", "in the parent"]
