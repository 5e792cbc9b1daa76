"""The ledger in the database: what is appended stays, undo and redo are rows, tampering is found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from memlab.errors import InputError, NotFound, RecordError
from memlab.record.database import FILE, Database
from memlab.record.files import delta_file, files_locked, keep_delta, sweep, temporary_file
from memlab.record.hash_chain import EditRow
from memlab.record.ledger import Ledger
from memlab.record.showing import shown_history


def teach(ledger: Ledger, n: int = 1) -> list[EditRow]:
    return [ledger.append("note", f"fact {ledger.head() + 1}", {"text": f"text {i}"}, "ann") for i in range(n)]


def active(ledger: Ledger, as_of: int | None = None) -> list[int]:
    return [row.sequence for row in ledger.active(as_of)]


def tamper(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / FILE)) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_row_comes_back_as_it_was_appended(ledger: Ledger) -> None:
    row = ledger.append("note", "a\n fact", {"spans": (1, 2), "ä": 0.1}, "ann", before={"p": 0.1}, after={"p": 0.9})
    assert (row.sequence, row.summary, row.parameters) == (1, "a fact", {"spans": [1, 2], "ä": 0.1})
    assert (row.workspace, row.source, row.before, row.after) == ("default", "edit:1", {"p": 0.1}, {"p": 0.9})
    assert ledger.rows() == [row]
    assert ledger.edit(row.id) == ledger.edit(1) == ledger.edit("1") == row
    assert ledger.verify() == []


def test_head_and_hash_follow_every_row(ledger: Ledger, database: Database) -> None:
    seen = {ledger.head_hash()}
    for n, row in enumerate([*teach(ledger, 2), ledger.undo(), ledger.redo()], start=1):
        assert row.sequence == n
        seen.add(row.hash)
    assert ledger.head() == 4
    assert Ledger(database, "default").head_hash() == row.hash
    assert len(seen) == 5


def test_undo_and_redo_of_any_edit_in_time(ledger: Ledger) -> None:
    teach(ledger, 3)
    first = ledger.undo(2, "bob")
    assert (first.kind, first.author, first.target, first.parameters) == ("undo", "bob", 2, {})
    assert active(ledger) == [1, 3]
    ledger.undo()
    assert active(ledger) == [1]
    ledger.redo()
    assert active(ledger) == [1, 3]
    ledger.redo(ledger.edit(2).id)
    assert active(ledger) == [1, 2, 3]
    assert [active(ledger, n) for n in range(8)] == [[], [1], [1, 2], [1, 2, 3], [1, 3], [1], [1, 3], [1, 2, 3]]
    assert len(ledger.rows(4)) == 4
    assert ledger.verify() == []


def test_what_cannot_be_undone_or_redone_says_why(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="nothing to undo"):
        ledger.undo()
    teach(ledger, 2)
    with pytest.raises(InputError, match="nothing to redo"):
        ledger.redo()
    with pytest.raises(InputError, match="not undone"):
        ledger.redo(1)
    ledger.undo(1)
    with pytest.raises(InputError, match="undone already"):
        ledger.undo(1)
    with pytest.raises(InputError, match="itself a step of the history"):
        ledger.undo(3)
    for unknown in (0, 4, -1, 10**30, "no such id", "", "'; DROP TABLE edits"):
        with pytest.raises(NotFound, match="There is no edit"):
            ledger.undo(unknown)
    assert ledger.head() == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "undo"}, "not a kind of edit"),
        ({"author": " \n"}, "author has 0 characters"),
        ({"author": "a" * 81}, "1 to 80"),
        ({"author": "a\x00b"}, "control characters"),
        ({"summary": ""}, "summary has 0"),
        ({"summary": "\ud800"}, "control characters or broken"),
        ({"parameters": {"x": object()}}, "plain JSON"),
        ({"after": {"x": float("nan")}}, "plain JSON"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_recorded(ledger: Ledger, change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"kind": "note", "summary": "fact", "parameters": {}, "author": "ann"}
    with pytest.raises(InputError, match=message):
        ledger.append(**{**good, **change})
    assert ledger.head() == 0


def test_markup_and_any_script_are_kept_as_text(ledger: Ledger) -> None:
    row = ledger.append("note", "👩‍🔬 قطة \ud7ff", {"t": "\ud800"}, "<b>Ann</b> & 'co'")
    assert ledger.rows() == [row]
    assert row.author == "<b>Ann</b> & 'co'"


@pytest.mark.parametrize("as_of", [-1, 3, "1", 1.5])
def test_a_time_that_is_not_there_is_refused(ledger: Ledger, as_of: Any) -> None:
    teach(ledger, 2)
    with pytest.raises(InputError, match="Allowed is 0 to 2"):
        ledger.active(as_of)


def test_a_head_that_has_moved_on_is_refused(ledger: Ledger) -> None:
    teach(ledger, 2)
    with pytest.raises(RecordError, match="was at edit 1 and is at edit 2 now"):
        ledger.append("note", "fact", {}, expected_head=1)
    with pytest.raises(RecordError, match="has moved on"):
        ledger.undo(expected_head=1)
    assert ledger.append("note", "fact", {}, expected_head=2).sequence == 3


def test_dependents_are_the_active_ones(ledger: Ledger) -> None:
    teach(ledger)
    ledger.append("note", "it", {"sources": [{"source": "edit:1", "text": "Paris"}]})
    ledger.append("note", "it", {"sources": [{"source": "base"}]})
    assert [row.sequence for row in ledger.dependents(1)] == [2]
    ledger.undo(2)
    assert ledger.dependents(1) == []


def test_an_unknown_workspace_is_refused(database: Database) -> None:
    with pytest.raises(NotFound, match=r"There is no workspace 'nope'. Available: default"):
        Ledger(database, "nope").head()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE edits SET author = 'eve' WHERE sequence = 2", (2, "changed")),
        ('UPDATE edits SET parameters = \'{"text":"text 9"}\' WHERE sequence = 2', (2, "changed")),
        ("UPDATE edits SET parameters = 'no json' WHERE sequence = 2", (2, "changed")),
        ("DELETE FROM edits WHERE sequence = 2", (2, "missing")),
        ("DELETE FROM edits WHERE sequence = 4", (4, "missing")),
        ("UPDATE edits SET sequence = 9 WHERE sequence = 4", (9, "reordered")),
        ("UPDATE workspaces SET head = 3", (4, "added")),
    ],
)
def test_tampering_is_found(home: Path, ledger: Ledger, statement: str, problem: tuple[int, str]) -> None:
    teach(ledger, 3)
    ledger.undo(1)
    assert ledger.verify() == []
    tamper(home, statement)
    assert problem in [(found.sequence, found.kind) for found in ledger.verify()]


def test_a_ledger_whose_undo_lost_its_edit_cannot_be_folded(home: Path, ledger: Ledger) -> None:
    teach(ledger, 2)
    ledger.undo(1)
    tamper(home, "DELETE FROM edits WHERE sequence = 1")
    with pytest.raises(RecordError, match="ledger is damaged"):
        ledger.active()
    with pytest.raises(RecordError, match="ledger is damaged"):
        ledger.undo()


def test_weights_are_verified_by_their_hash_and_swept_when_no_edit_names_them(home: Path, ledger: Ledger) -> None:
    kept = []
    for content in (b"one", b"two", b"three"):
        with files_locked(home), temporary_file(home) as written:
            written.write_bytes(content)
            kept.append(keep_delta(home, written))
            assert sweep(home) == []  # somebody is adding files
    for delta in kept[:2]:
        ledger.append("note", "weights", {}, delta=delta)
    (home / "tmp" / "left over").touch()
    assert set(sweep(home)) == {delta_file(home, kept[2]), home / "tmp" / "left over"}
    assert ledger.verify() == []
    delta_file(home, kept[0]).unlink()
    whole = delta_file(home, kept[1]).read_bytes()
    assert [edit.weights for edit in shown_history(ledger)] == ["missing", None]
    delta_file(home, kept[1]).write_bytes(b"another")
    assert [(p.sequence, p.kind) for p in ledger.verify()] == [(1, "delta"), (2, "delta")]
    shown = shown_history(ledger)
    assert [edit.weights for edit in shown] == ["missing", "changed"]
    assert [edit.to_dict()["weights"] for edit in shown] == ["missing", "changed"]
    delta_file(home, kept[1]).write_bytes(whole)  # put back
    assert [edit.weights for edit in shown_history(ledger)] == ["missing", None]
