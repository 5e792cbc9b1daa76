"""Damage behind memlab's back: verify reports it and never fails, history shows the rest, the others say which row."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from memlab.cli import main
from memlab.errors import MemlabError, RecordError
from memlab.record.database import FILE, Database, open_database
from memlab.record.hash_chain import Problem, seal
from memlab.record.jobs import Jobs
from memlab.record.ledger import Ledger
from memlab.record.memory_edits import teaching
from memlab.record.memory_kinds import MEMORY
from memlab.record.showing import shown_history
from memlab.record.workspaces import Workspaces

SCORES = {"efficacy": {"questions": 2, "before": 0.0, "after": 0.5, "score": 0.5, "preferred": None}, "harmonic": None}


@pytest.fixture
def taught(ledger: Ledger) -> Ledger:
    for n in range(1, 5):
        ledger.append("teach", f"fact {n}", teaching(f"Fact {n} is here."), "ann", after=SCORES)
    ledger.undo(1)
    return ledger


def one_line_or_nothing(act: Callable[[], object]) -> str | None:
    """What an expected error says; anything else is raised."""
    try:
        act()
    except MemlabError as error:
        return str(error)
    return None


def sql(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / FILE)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


DAMAGE = {
    "parameters are null": "UPDATE edits SET parameters = 'null' WHERE sequence = 2",
    "parameters are no JSON": "UPDATE edits SET parameters = '{\"teaches\"' WHERE sequence = 2",
    "parameters are a number": "UPDATE edits SET parameters = 7 WHERE sequence = 2",
    "parameters hold NaN": "UPDATE edits SET parameters = '{\"teaches\": NaN}' WHERE sequence = 2",
    "inverse is a list": "UPDATE edits SET inverse = '[1]' WHERE sequence = 2",
    "a key is renamed": "UPDATE edits SET parameters = replace(parameters, 'teaches', 'teachez') WHERE sequence = 2",
    "a text is another one": "UPDATE edits SET parameters = replace(parameters, 'Fact', 'Tact') WHERE sequence = 2",
    "a bit is flipped": "UPDATE edits SET summary = CAST(x'66616374ff' AS TEXT) WHERE sequence = 2",
    "a bit is flipped in JSON": "UPDATE edits SET parameters = CAST(x'7b22ff' AS TEXT) WHERE sequence = 2",
    "scores are lists": "UPDATE edits SET after = '{\"efficacy\": [[]]}' WHERE sequence = 2",
    "scores are text": "UPDATE edits SET after = '\"high\"' WHERE sequence = 2",
    "time is no time": "UPDATE edits SET time = 'yesterday' WHERE sequence = 2",
    "the summary is a blob": "UPDATE edits SET summary = x'00ff' WHERE sequence = 2",
    "the hash is a number": "UPDATE edits SET hash = 7 WHERE sequence = 2",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_verify_reports_the_row_and_history_shows_the_rest(home: Path, taught: Ledger, statement: str) -> None:
    before = shown_history(taught)
    sql(home, statement)
    assert 2 in {problem.sequence for problem in taught.verify()}
    shown = shown_history(taught)
    assert len(shown) == 5
    assert [shown[n] for n in (0, 2, 3, 4)] == [before[n] for n in (0, 2, 3, 4)]
    json.dumps([edit.to_dict() for edit in shown], ensure_ascii=False).encode()  # can be printed as it is
    if shown[1].damaged:
        assert shown[1].to_dict()["damaged"]
    with pytest.raises(RecordError, match=r"Edit 2 of workspace 'default' is damaged: it .*history --verify"):
        taught.state(MEMORY)
    for _ in range(2):  # a damaged edit can be left out, and everything works again
        taught.undo(2)
        assert [t.seq for t in taught.state(MEMORY).taught] == [3, 4]
        assert taught.append("teach", "one more", teaching("One more.")).kind == "teach"
        taught.undo()
        taught.redo(2)


def test_damaged_scores_are_shown_as_damaged(home: Path, taught: Ledger) -> None:
    sql(home, DAMAGE["scores are lists"])
    assert "'efficacy' has another form" in (shown_history(taught)[1].damaged or "")


WORSE = {
    "a number is text": ("UPDATE edits SET sequence = 'abc' WHERE sequence = 2", {0, 2}),
    "undo of nothing": ("UPDATE edits SET inverse = '{\"target\": 77}' WHERE sequence = 5", {5}),
    "undo of a list": ("UPDATE edits SET inverse = '{\"target\": []}' WHERE sequence = 5", {5}),
    "undo without a target": ("UPDATE edits SET inverse = NULL WHERE sequence = 5", {5}),
    "a row is gone": ("DELETE FROM edits WHERE sequence = 3", {3}),
    "the number of edits is text": ("UPDATE workspaces SET head = 'many'", {0}),
    "the number of edits is huge": ("UPDATE workspaces SET head = 1000000000000", {1000000000000}),
    "the last hash is no text": ("UPDATE workspaces SET head_hash = x'00'", {0}),
    "edits are gone": ("DROP TABLE edits", {0}),
}


@pytest.mark.parametrize(("statement", "numbers"), WORSE.values(), ids=WORSE)
def test_what_nothing_can_be_folded_from_is_reported(
    home: Path, taught: Ledger, statement: str, numbers: set[int]
) -> None:
    sql(home, statement)
    assert numbers <= {problem.sequence for problem in taught.verify()}
    for act in (lambda: taught.state(MEMORY), lambda: shown_history(taught), taught.rows, taught.undo, taught.active):
        said = one_line_or_nothing(act)
        assert said is None or "\n" not in said


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM edits WHERE sequence = 5", "Edit 5 .* is missing"),
        ("DELETE FROM edits WHERE sequence > 2", "Edit 3 .* is missing"),
        ("DELETE FROM edits", "Edit 1 .* is missing"),
        ("UPDATE workspaces SET head = 3", "Edit 5 .* is there, but the workspace ends with 3"),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_nothing_is_answered_from_a_ledger_with_another_end(
    statement: str, said: str, later: bool, home: Path, taught: Ledger
) -> None:
    if later:  # all but the last were read before
        taught.state(MEMORY)
        taught.append("teach", "fact 6", teaching("Fact 6 is here."))
        statement, said = statement.replace("= 5", "= 6"), said.replace("Edit 5", "Edit 6")
    sql(home, statement)
    if (later and "> 2" in statement) or statement == "DELETE FROM edits":
        said = r"Edit \d .* is missing"
    with pytest.raises(RecordError, match=said):
        taught.state(MEMORY)


@pytest.mark.parametrize("statement", [*DAMAGE.values(), *(sql for sql, _ in WORSE.values())], ids=[*DAMAGE, *WORSE])
def test_the_command_line_verifies_whatever_happened(home: Path, taught: Ledger, statement: str) -> None:
    taught._database.close()
    sql(home, statement)
    for arguments in (["history", "--verify"], ["history", "--verify", "--json"], ["history"], ["undo"]):
        result = CliRunner().invoke(main, [*arguments, "--home", str(home)])
        assert result.exception is None or isinstance(result.exception, SystemExit), arguments
        if "--verify" in arguments:
            assert result.exit_code == 1
            assert "problem: " in result.stdout or json.loads(result.stdout)["problems"]
        assert result.stderr.count("\n") <= 1
    open_database(home).close()


@pytest.mark.parametrize("table", ["workspaces", "edits", "jobs", "memlab_version"])
def test_a_dropped_table_is_named_in_one_line(home: Path, taught: Ledger, database: Database, table: str) -> None:
    taught._database.close()
    sql(home, f"DROP TABLE {table}")

    def use() -> None:
        opened = open_database(home)
        Workspaces(opened).list()
        Ledger(opened, "default").rows()
        Jobs(opened).list()

    said = one_line_or_nothing(use) or ""
    assert (table if table != "memlab_version" else "lost the version") in said
    assert "Put back a copy" in said
    assert "\n" not in said
    result = CliRunner().invoke(main, ["history", "--verify", "--json", "--home", str(home)])
    assert result.exit_code == (0 if table == "jobs" else 1)
    if table != "jobs":
        assert json.loads(result.stdout)["verified"] is False
    if table != "memlab_version":
        open_database(home).close()


def test_bits_flipped_anywhere_in_the_file_are_no_traceback(home: Path, taught: Ledger) -> None:
    taught._database.close()
    sql(home, "PRAGMA wal_checkpoint(TRUNCATE)")
    whole = (home / FILE).read_bytes()
    rng = random.Random(5)
    found: list[list[Problem]] = []
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 8, 200])):
            damaged[rng.randrange(100, len(damaged))] ^= 1 << rng.randrange(8)
        for left in home.glob(f"{FILE}-*"):
            left.unlink()
        (home / FILE).write_bytes(damaged)

        def look() -> None:
            with closing(open_database(home)) as database:
                ledger = Ledger(database, "default")
                found.append(ledger.verify())
                shown_history(ledger)
                ledger.state(MEMORY)

        assert "\n" not in (one_line_or_nothing(look) or "")
    assert any(found)


def test_jobs_whose_rows_are_damaged_are_listed(home: Path, database: Database) -> None:
    jobs = Jobs(database)
    good = jobs.submit("build", "Building", lambda progress, stop: 1, here=True)
    bad = jobs.submit("build", "Building", lambda progress, stop: 1, here=True)
    sql(home, f"UPDATE jobs SET fraction = 'half', title = x'ff', state = x'07' WHERE id = '{bad}'")
    listed = {job.id: job for job in jobs.list()}
    assert (listed[good].state, listed[good].error) == ("done", None)
    assert (listed[bad].state, listed[bad].fraction) == ("failed", 0.0)
    assert "row of this job is damaged (title, state, fraction)" in (listed[bad].error or "")
    sql(home, f"UPDATE jobs SET state = 'running', pid = 'x', heartbeat = 'now' WHERE id = '{good}'")
    assert jobs.get(good).state == "interrupted"
    jobs.remove(bad)


class TestHeads:
    """The end of the chain is kept once more outside the database."""

    CUT = (
        "UPDATE workspaces SET head = 4, head_hash = (SELECT previous FROM edits WHERE sequence = 5)",
        "DELETE FROM edits WHERE sequence = 5",
    )

    def test_a_shortened_chain_is_found(self, home: Path, taught: Ledger) -> None:
        assert taught.verify() == []
        sql(home, *self.CUT)
        (found,) = taught.verify()
        assert (found.sequence, found.kind) == (5, "missing")
        assert "shortened or rewritten" in found.message
        taught.append("teach", "over it", teaching("Over it."))
        taught.append("teach", "over it", teaching("Over it."))
        assert [p.kind for p in taught.verify()] == ["changed"]  # the finding stays

    def test_a_chain_that_was_computed_anew_is_found(self, home: Path, taught: Ledger, database: Database) -> None:
        rows, previous = taught.rows(), "0" * 64
        for row in rows:
            new = seal(type(row)(**{**row.to_dict(), "author": "eve", "previous": previous, "hash": ""}))
            previous = new.hash
            sql(
                home,
                f"UPDATE edits SET author='eve', previous='{new.previous}', hash='{new.hash}' WHERE sequence={row.sequence}",
            )
        sql(home, f"UPDATE workspaces SET head_hash = '{previous}'")
        assert [(p.sequence, p.kind) for p in taught.verify()] == [(5, "changed")]

    def test_only_both_changes_together_are_not_seen(self, home: Path, taught: Ledger) -> None:
        sql(home, *self.CUT)
        (file,) = (home / "heads").glob("home-1.json")
        told = json.loads(file.read_text())
        file.write_text(json.dumps({**told, "sequence": 4}))
        assert [p.kind for p in taught.verify()] == ["head"]
        file.write_text("{}")
        assert [p.kind for p in taught.verify()] == ["head"]
        file.unlink()
        assert taught.verify() == []

    def test_a_head_may_lag_behind(self, home: Path, taught: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        """As after a kill between the commit and the file."""
        monkeypatch.setattr(taught._heads, "keep", lambda head: None)
        taught.append("teach", "unseen", teaching("Unseen."))
        taught.append("teach", "unseen", teaching("Unseen."))
        assert taught.verify() == []
        monkeypatch.undo()
        taught.append("teach", "seen", teaching("Seen."))
        assert json.loads((home / "heads/home-1.json").read_text())["sequence"] == 8
        assert taught.verify() == []

    def test_a_head_that_cannot_be_written_stops_no_edit(self, home: Path, taught: Ledger) -> None:
        for file in (home / "heads").iterdir():
            file.unlink()
        (home / "heads").rmdir()
        (home / "heads").touch()
        assert taught.append("teach", "more", teaching("More.")).sequence == 6
        assert taught.verify() == []

    def test_workspaces_come_and_go_without_an_alarm(self, home: Path, taught: Ledger, database: Database) -> None:
        workspaces = Workspaces(database)
        workspaces.copy("default", "copied")
        workspaces.rename("copied", "renamed")
        Ledger(database, "renamed").undo()
        assert Ledger(database, "renamed").verify() == []
        workspaces.delete("renamed", "renamed")
        workspaces.create("after it")  # has the same row id
        Ledger(database, "after it").append("teach", "x", teaching("X is here."))
        assert Ledger(database, "after it").verify() == []
        assert sorted(file.name for file in (home / "heads").glob("*.json")) == ["home-1.json", "home-2.json"]

    def test_a_new_database_in_place_of_one_moved_away_is_no_alarm(self, home: Path, taught: Ledger) -> None:
        taught._database.close()
        for file in home.glob(f"{FILE}*"):
            file.unlink()
        fresh = open_database(home)
        assert Ledger(fresh, "default").verify() == []
        fresh.close()

    def test_the_key_is_the_owner_s_alone(self, home: Path, taught: Ledger) -> None:
        key = home / "heads/key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert len(key.read_bytes()) == 32

    def test_another_url_has_heads_of_its_own_in_the_home(
        self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MEMLAB_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
        database = open_database(home)
        ledger = Ledger(database, "default")
        ledger.append("teach", "x", teaching("X is here."))
        ledger.append("teach", "y", teaching("Y is here."))
        with closing(sqlite3.connect(tmp_path / "elsewhere.db")) as connection:
            connection.execute("UPDATE workspaces SET head=1, head_hash=(SELECT previous FROM edits WHERE sequence=2)")
            connection.execute("DELETE FROM edits WHERE sequence=2")
            connection.commit()
        assert [p.kind for p in ledger.verify()] == ["missing"]
        database.close()


def emptied(home: Path, content: bytes) -> None:
    for left in home.glob(f"{FILE}-*"):
        left.unlink()
    (home / FILE).write_bytes(content)


@pytest.mark.parametrize("content", [b"", b"x"])
def test_an_emptied_database_in_a_used_home_is_refused(home: Path, taught: Ledger, content: bytes) -> None:
    taught._database.close()
    emptied(home, content)
    with pytest.raises(RecordError, match=f"is damaged: it has {len(content)} bytes"):
        open_database(home)
    assert (home / FILE).read_bytes() == content


def test_an_empty_file_in_a_new_home_is_made_a_database(home: Path) -> None:
    (home / FILE).touch()
    database = open_database(home)
    assert Ledger(database, "default").head() == 0
    database.close()


@pytest.fixture
def refusing_log(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """SQLite as on a drive whose locks cannot carry a write-ahead log."""

    class Drive(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "PRAGMA journal_mode=WAL":
                error = sqlite3.OperationalError("locking protocol")
                error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_PROTOCOL, "SQLITE_PROTOCOL"
                raise error
            return super().execute(statement, *values)

    connect = sqlite3.connect

    def patch() -> None:
        monkeypatch.setattr(sqlite3, "connect", lambda *args, **how: connect(*args, **{"factory": Drive, **how}))

    return patch


def test_without_locks_for_a_log_the_database_has_a_rollback_journal_and_says_so(
    home: Path, refusing_log: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    refusing_log()
    database = open_database(home)
    ledger = Ledger(database, "default")
    ledger.append("teach", "x", teaching("X is here."))
    ledger.undo()
    assert ledger.verify() == []
    assert [r.message for r in caplog.records if "rollback journal" in r.message]
    database.close()
    with closing(sqlite3.connect(home / FILE)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_database_with_a_log_that_came_to_such_a_drive_is_set_right(
    home: Path, taught: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite's `unix-none` has no shared memory: a log cannot be opened with it."""
    taught._database.close()
    from memlab.record import database as database_module
    from memlab.record import sqlite_file

    def connected(file: Path, mode: str = "rw", wait: float = 30.0) -> sqlite3.Connection:
        address = f"file:{file}?mode={mode}&vfs=unix-none"
        return sqlite3.connect(address, wait, isolation_level=None, check_same_thread=False, uri=True)

    monkeypatch.setattr(sqlite_file, "connected", connected)
    monkeypatch.setattr(database_module, "connected", connected)
    database = open_database(home)
    ledger = Ledger(database, "default")
    assert ledger.verify() == []
    assert ledger.append("teach", "x", teaching("X is here.")).sequence == 6
    assert [r.message for r in caplog.records if "rollback journal" in r.message]
    database.close()


def test_a_drive_without_any_locks_is_explained(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Drive(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            error = sqlite3.OperationalError("locking protocol")
            error.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
            raise error

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **how: connect(*args, **{"factory": Drive, **how}))
    with pytest.raises(RecordError, match=r"cannot be locked: its disk, perhaps a network drive.*MEMLAB_HOME"):
        open_database(home)
    assert [file.name for file in home.iterdir() if FILE in file.name and not file.name.endswith(".lock")] == []


def test_every_error_of_the_database_is_one_class(database: Database) -> None:
    from sqlalchemy import text

    for statement in ("SELECT * FROM nowhere", "SELEC", "INSERT INTO jobs (id) VALUES (:missing)"):
        with pytest.raises(RecordError) as caught, database.writing() as session:
            session.execute(text(statement))
        assert "\n" not in str(caught.value)
