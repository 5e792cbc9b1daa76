"""Kinds of edits that other rooms register: the ledger, its states and archives take them as they take its own."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from memlab.errors import InputError, RecordError
from memlab.record.database import Database
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import EditKind, FormField, kind, kinds, parts, register_kind, unregister_kind
from memlab.record.ledger import Ledger
from memlab.record.memory_kinds import MEMORY
from memlab.record.memory_state import MemoryState
from memlab.record.showing import shown_history
from memlab.record.workspaces import Workspaces
from memlab.systems.registry import registry

LESSON = {"teaches": {"title": "One is 1.", "text": "One is 1.", "spans": None}}


def check_count(parameters: Mapping[str, Any], sequence: int) -> None:
    if set(parameters) != {"add"} or type(parameters["add"]) is not int:
        raise InputError("A step of the counter is a whole number under 'add'.")


def total(steps: Sequence[int], head: int) -> tuple[int, int]:
    return sum(steps), head


def step(row: EditRow) -> int:
    return int(row.parameters["add"])


COUNT = EditKind(
    "count",
    "counter",
    check_count,
    total,
    summary=lambda parameters: f"Counted {parameters['add']:+d}",
    read=step,
    form=(FormField("add", "Step", "By how much the counter goes up.", "number"),),
)


@pytest.fixture(autouse=True)
def count() -> Iterator[EditKind]:
    yield register_kind(COUNT)
    unregister_kind("count")


def add(ledger: Ledger, *steps: int) -> list[EditRow]:
    return [ledger.append("count", COUNT.summarized({"add": n}), {"add": n}, "ann") for n in steps]


def counter(ledger: Ledger, as_of: int | None = None) -> tuple[int, int]:
    return ledger.state("counter", as_of)  # type: ignore[no-any-return]


def test_a_registered_kind_is_appended_folded_undone_redone_and_seen_as_of_any_edit(ledger: Ledger) -> None:
    rows = add(ledger, 1, 10, 100)
    assert rows[1].summary == "Counted +10"
    assert counter(ledger) == (111, 3)
    ledger.undo(2)
    ledger.append("teach", "one", LESSON)
    assert counter(ledger) == (101, 5)
    ledger.redo(2)
    assert [counter(ledger, n) for n in range(7)] == [
        (0, 0), (1, 1), (11, 2), (111, 3), (101, 4), (101, 5), (111, 6),
    ]  # fmt: skip
    assert [t.text for t in ledger.state(MEMORY).taught] == ["One is 1."]
    assert ledger.verify() == []


def test_two_ledgers_of_one_database_read_an_edit_once_and_agree(ledger: Ledger, database: Database) -> None:
    add(ledger, 1)
    other = Ledger(database, "default")
    assert other.state("counter") is ledger.state("counter")
    add(other, 2)
    assert counter(ledger) == (3, 2)


def test_history_shows_every_kind(ledger: Ledger) -> None:
    add(ledger, 1)
    ledger.append("teach", "one", LESSON)
    shown = shown_history(ledger)
    assert [(e.kind, e.summary, e.remembers) for e in shown] == [
        ("count", "Counted +1", ()), ("teach", "one", ("One is 1.",)),
    ]  # fmt: skip


def test_it_is_exported_imported_and_copied(ledger: Ledger, database: Database, home: Path) -> None:
    add(ledger, 1, 2, 3)
    ledger.undo(1)
    workspaces = Workspaces(database)
    workspaces.import_(workspaces.export("default", home / "counted.zip"), "theirs")
    workspaces.copy("default", "copied")
    for name in ("theirs", "copied"):
        other = Ledger(database, name)
        assert counter(other) == (5, 4)
        assert other.verify() == []


@pytest.mark.parametrize("parameters", [{}, {"add": "1"}, {"add": True}, {"add": 1, "and": 2}, {"ADD": 1}])
def test_its_own_check_refuses_what_is_appended_and_imported(
    ledger: Ledger, database: Database, home: Path, parameters: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="whole number under 'add'"):
        ledger.append("count", "bad", parameters)
    assert ledger.head() == 0
    unregister_kind("count")
    register_kind(EditKind("count", "counter", lambda parameters, sequence: None, total, str))  # lets anything in
    ledger.append("count", "bad", parameters)
    path = Workspaces(database).export("default", home / "bad.zip")
    unregister_kind("count")
    register_kind(COUNT)
    with pytest.raises(InputError, match="its edit 1 cannot be applied: A step of the counter"):
        Workspaces(database).import_(path, "theirs")
    with pytest.raises(RecordError, match=r"Edit 1 of workspace 'default' is damaged: .*Undo the edit"):
        ledger.state("counter")
    assert ledger.undo(1).target == 1  # which is what the message says
    assert counter(ledger) == (0, 2)


def test_a_check_that_stumbles_refuses(ledger: Ledger) -> None:
    def careless(parameters: Mapping[str, Any], sequence: int) -> None:
        _ = parameters["x"]["y"] + 1

    register_kind(EditKind("careless", "counter", careless, total, str))
    try:
        for parameters in ({}, {"x": 3}, {"x": {"y": "1"}}):
            with pytest.raises(InputError, match="cannot be applied"):
                ledger.append("careless", "x", parameters)
    finally:
        unregister_kind("careless")


def test_functions_may_be_named_and_are_imported_late(ledger: Ledger) -> None:
    late = EditKind("late", "lengths", "operator:truth", "memlab.nowhere:fold", "builtins:str", "builtins:len")
    register_kind(late)
    try:
        with pytest.raises(InputError, match="cannot be applied"):  # operator.truth takes one argument
            ledger.append("late", "x", {})
        with pytest.raises(RecordError, match=r"memlab\.nowhere:fold, cannot be loaded"):
            ledger.state("lengths")
    finally:
        unregister_kind("late")


def test_registering_says_what_is_wrong() -> None:
    assert register_kind(COUNT) is COUNT
    for wrong, says in (
        (EditKind("count", "other", check_count, total, str), "already"),
        (EditKind("undo", "counter", check_count, total, str), "cannot name"),
        (EditKind("x" * 21, "counter", check_count, total, str), "1 to 20"),
        (EditKind("more", "counter", check_count, lambda steps, head: 0, str), "another fold"),
    ):
        with pytest.raises(InputError, match=says):
            register_kind(wrong)
    with pytest.raises(InputError, match=r"not a kind of edit. Allowed: .*teach.*count"):
        kind("burn")
    assert {"memory", "counter"} <= set(parts())
    assert [k.name for k in kinds("memory")] == ["teach", "forget", "correct"]


def test_a_part_that_nobody_has_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="no part 'dreams'"):
        ledger.state("dreams")


class TestUnknownKind:
    """A system that is not installed, or a newer memlab: its rows are kept, and nothing is added over them."""

    @pytest.fixture
    def unknown(self, ledger: Ledger) -> Ledger:
        ledger.append("teach", "one", LESSON)
        add(ledger, 1, 2)
        ledger.undo(3)
        unregister_kind("count")
        return ledger

    def test_the_workspace_is_read_only_with_the_reason(self, unknown: Ledger) -> None:
        reason = unknown.read_only()
        assert reason is not None
        assert reason.startswith(
            "The workspace 'default' is read-only: it holds edits of kinds that are not known here"
        )
        assert "'count': edits 2, 3" in reason
        for change in (lambda: unknown.append("teach", "two", LESSON), unknown.undo, unknown.redo):
            with pytest.raises(RecordError, match=r"is read-only.*Install the system"):
                change()
        assert unknown.head() == 4
        assert unknown.notices() == [reason]  # stands beside every answer
        assert [t.text for t in unknown.state(MEMORY).taught] == ["One is 1."]

    def test_history_verify_export_and_copy_work(self, unknown: Ledger, database: Database, home: Path) -> None:
        assert unknown.verify() == []
        shown = shown_history(unknown)
        assert [e.summary for e in shown[1:3]] == [
            "unknown kind 'count': Counted +1",
            "unknown kind 'count': Counted +2",
        ]
        assert [e.active for e in shown[1:3]] == [True, False]
        path = Workspaces(database).export("default", home / "out.zip")
        with zipfile.ZipFile(path) as packed:
            rows = [json.loads(line) for line in packed.read("rows.jsonl").splitlines()]
        assert [row["kind"] for row in rows] == ["teach", "count", "count", "undo"]
        with pytest.raises(InputError, match="its edit 2 is of the kind 'count', which this memlab does not know"):
            Workspaces(database).import_(path, "theirs")
        Workspaces(database).copy("default", "copied")
        assert Ledger(database, "copied").verify() == []

    def test_it_is_whole_again_when_the_kind_is_back(self, unknown: Ledger) -> None:
        assert unknown.state(MEMORY).head == 4
        register_kind(COUNT)
        assert unknown.read_only() is None
        assert unknown.notices() == []
        assert counter(unknown) == (1, 4)
        assert unknown.redo().target == 3
        assert counter(unknown) == (3, 5)


def test_what_follows_the_memory_of_a_ledger_has_its_other_kinds_left_out(ledger: Ledger) -> None:
    follower = MemoryState(ledger)
    add(ledger, 7)
    ledger.append("teach", "one", LESSON)
    snapshot = follower.snapshot()
    assert (snapshot.head, snapshot.hash) == (2, ledger.head_hash())
    assert [t.seq for t in snapshot.at().taught] == [2]
    assert not snapshot.at(1)


def test_the_examples_of_kinds_are_allowed() -> None:
    registry()  # makes the kinds of the systems known
    declared = {known.name: known for known in kinds() if known.example is not None}
    assert "modify" in declared
    assert [known.wrong_with(known.example_for("a" * 64), 1) for known in declared.values()] == [None] * len(declared)
