"""The fold of a ledger: undo is an identity, redo takes it back, and an edit can be left out of the middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.errors import RecordError
from memlab.record.fold import CHANGES, Mark, dependents, fold
from memlab.record.hash_chain import EditRow


@st.composite
def histories(draw: st.DrawFn) -> list[Mark]:
    """Ledgers in which every undo and redo is about an edit that it can be about."""
    marks: list[Mark] = []
    active: set[int] = set()
    undone: set[int] = set()
    for sequence in range(1, draw(st.integers(0, 25)) + 1):
        possible = ["change", *(["undo"] if active else []), *(["redo"] if undone else [])]
        kind = draw(st.sampled_from(possible))
        if kind == "change":
            marks.append(Mark(sequence, draw(st.sampled_from(CHANGES))))
            active.add(sequence)
        else:
            leaves, enters = (active, undone) if kind == "undo" else (undone, active)
            target = draw(st.sampled_from(sorted(leaves)))
            leaves.remove(target)
            enters.add(target)
            marks.append(Mark(sequence, kind, target))
    return marks


@given(histories())
def test_a_change_is_active_unless_the_last_step_about_it_is_an_undo(marks: list[Mark]) -> None:
    last = {mark.target: mark.kind for mark in marks if mark.target}
    changes = [mark.sequence for mark in marks if mark.kind in CHANGES]
    assert fold(marks).active == tuple(n for n in changes if last.get(n) != "undo")


@given(histories())
def test_active_and_undone_share_the_changes_between_them(marks: list[Mark]) -> None:
    state = fold(marks)
    assert sorted(state.active + state.undone) == [mark.sequence for mark in marks if mark.kind in CHANGES]


@given(histories(), st.data())
def test_undo_of_a_change_made_just_now_is_the_identity(marks: list[Mark], data: st.DataObject) -> None:
    n = len(marks) + 1
    there_and_back = [*marks, Mark(n, "teach"), Mark(n + 1, "undo", n)]
    assert fold(there_and_back).active == fold(marks).active


@given(histories(), st.data())
def test_redo_after_undo_is_the_identity(marks: list[Mark], data: st.DataObject) -> None:
    state = fold(marks)
    if state.active:
        target, n = data.draw(st.sampled_from(state.active)), len(marks) + 1
        undone = [*marks, Mark(n, "undo", target)]
        assert fold(undone).undone[-1] == target
        assert fold([*undone, Mark(n + 1, "redo", target)]).active == state.active


@given(histories(), st.data())
def test_the_order_of_two_undos_does_not_matter_for_what_is_active(marks: list[Mark], data: st.DataObject) -> None:
    state = fold(marks)
    if len(state.active) > 1:
        a, b = data.draw(st.permutations(state.active))[:2]
        n = len(marks)
        one = fold([*marks, Mark(n + 1, "undo", a), Mark(n + 2, "undo", b)])
        other = fold([*marks, Mark(n + 1, "undo", b), Mark(n + 2, "undo", a)])
        assert one.active == other.active


@pytest.mark.parametrize(
    "marks",
    [
        [Mark(1, "undo", 1)],
        [Mark(1, "teach"), Mark(2, "undo", 1), Mark(3, "undo", 1)],
        [Mark(1, "teach"), Mark(2, "redo", 1)],
        [Mark(1, "teach"), Mark(2, "undo", None)],
        [Mark(1, "teach"), Mark(2, "undo", 2)],
    ],
)
def test_steps_that_make_no_sense_are_a_damaged_ledger(marks: list[Mark]) -> None:
    with pytest.raises(RecordError, match="makes no sense"):
        fold(marks)


def test_a_kind_that_nobody_knows_is_active_until_it_is_undone() -> None:
    assert fold([Mark(1, "burn"), Mark(2, "teach")]).active == (1, 2)
    assert fold([Mark(1, "burn"), Mark(2, "undo", 1)]).undone == (1,)


def test_a_damaged_ledger_can_be_folded_as_far_as_it_makes_sense() -> None:
    senseless = [Mark(1, "teach"), Mark(2, "undo", 7), Mark(3, "undo", None), Mark(4, "undo", 1), Mark(5, "redo", 9)]
    assert fold(senseless, strict=False).active == ()
    assert fold(senseless[:3], strict=False).active == (1,)


def edit(sequence: int, *sources: str) -> EditRow:
    forgotten = {"forgotten": [{"source": source, "spans": [{"text": "a"}]} for source in sources]}
    return EditRow("w", str(sequence), sequence, "", "", "forget", "", forgotten)


def test_dependents_are_found_through_each_other() -> None:
    rows = [edit(1), edit(2, "base"), edit(3, "edit:1"), edit(4, "edit:11", "edit:2"), edit(5, "base", "edit:3")]
    assert [row.sequence for row in dependents(rows, 1)] == [3, 5]
    assert [row.sequence for row in dependents(rows, 2)] == [4]
    assert dependents(rows, 5) == []
