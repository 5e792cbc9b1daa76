"""What undo and History read: an edit is read once, and undo reads no parameters of others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from memlab.record import showing, stored
from memlab.record.database import FILE
from memlab.record.hash_chain import EditRow
from memlab.record.ledger import Ledger
from memlab.record.memory_edits import forgetting, teaching
from memlab.record.showing import shown_history
from memlab.results import Edit, Source


class Counted:
    """Stands before a function and counts its calls."""

    def __init__(self, function: Any) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *given: Any) -> Any:
        self.calls += 1
        return self.function(*given)


def fill(ledger: Ledger) -> None:
    for n in range(1, 21):
        ledger.append("teach", f"fact {n}", teaching(f"Fact {n} is here."))
    ledger.append("forget", "a word of it", forgetting([Source("edit", "edit:3", 0, 4, "Fact")]))


def test_history_reads_a_row_again_only_where_the_database_holds_another(
    ledger: Ledger, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger)
    read = Counted(showing._new)
    monkeypatch.setattr(showing, "_new", read)
    first = shown_history(ledger)
    assert read.calls == 21
    assert shown_history(ledger) == first
    assert read.calls == 21
    ledger.undo(20)
    shown = shown_history(ledger)
    assert read.calls == 22
    assert [edit.seq for edit in shown if not edit.active] == [20]
    assert shown[2].rests_on_it == (21,)
    with closing(sqlite3.connect(home / FILE)) as connection:
        connection.execute("UPDATE edits SET parameters = 'null' WHERE sequence = 7")
        connection.commit()
    assert [edit.seq for edit in shown_history(ledger) if edit.damaged] == [7]
    assert read.calls == 23


def test_a_row_that_was_read_quickly_is_the_row_that_its_class_makes(ledger: Ledger) -> None:
    fill(ledger)
    for row in ledger.rows():
        assert EditRow(**vars(row)) == row
        assert vars(EditRow(**vars(row))) == vars(row)
    for edit in shown_history(ledger):
        given = {f.name: getattr(edit, f.name) for f in fields(edit)}
        assert Edit(**given) == edit
        assert replace(edit, active=False).summary == edit.summary


def test_undo_reads_the_edit_and_those_that_name_another(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(ledger)
    read = Counted(stored.parsed)
    monkeypatch.setattr(stored, "parsed", read)
    ledger.undo(1, resting="refuse")
    assert read.calls == 1
    assert ledger.undo(3, resting="undo").target == 3
    assert read.calls == 3  # itself and the one that rests on it
    assert [row.target for row in ledger.rows()[-2:]] == [21, 3]
