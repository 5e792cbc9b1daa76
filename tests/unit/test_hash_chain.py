"""The hash chain: whatever is changed, taken out, put in or moved is found and named."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.errors import InputError
from memlab.record.hash_chain import GENESIS, EditRow, digest, plain, problems, seal

Rows = list[EditRow]


def chain(n: int) -> Rows:
    rows: Rows = []
    for sequence in range(1, n + 1):
        row = EditRow("w", f"id{sequence}", sequence, "2026", "ann", "teach", f"edit {sequence}", {"n": sequence})
        rows.append(seal(replace(row, previous=rows[-1].hash if rows else GENESIS)))
    return rows


def kinds(rows: Rows, whole: Rows) -> list[tuple[int, str]]:
    return [(p.sequence, p.kind) for p in problems(rows, len(whole), whole[-1].hash if whole else GENESIS)]


@given(st.integers(0, 6))
def test_an_untouched_chain_has_no_problems(n: int) -> None:
    assert kinds(chain(n), chain(n)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "other"),
        ("time", "2027"),
        ("author", "bob"),
        ("kind", "forget"),
        ("summary", ""),
        ("parameters", {"n": 2.5}),
        ("inverse", {"target": 1}),
        ("delta", "0" * 64),
        ("before", {}),
        ("after", {"p": 1}),
        ("previous", GENESIS),
        ("hash", "1" * 64),
    ],
)
@pytest.mark.parametrize("position", [0, 2, 4])
def test_a_change_in_any_field_is_found(field: str, value: Any, position: int) -> None:
    whole = chain(5)
    if field == "previous" and position == 0:
        value = "1" * 64
    touched = [replace(row, **{field: value}) if i == position else row for i, row in enumerate(whole)]
    assert (position + 1, "changed") in kinds(touched, whole)


@pytest.mark.parametrize("position", [0, 2, 4])
def test_a_row_that_was_written_anew_with_a_fitting_hash_is_found(position: int) -> None:
    whole = chain(5)
    touched = whole.copy()
    touched[position] = seal(replace(whole[position], author="bob"))
    assert "changed" in {kind for _, kind in kinds(touched, whole)}


@pytest.mark.parametrize("position", range(5))
def test_a_missing_row_is_found_also_at_the_end(position: int) -> None:
    whole = chain(5)
    assert kinds(whole[:position] + whole[position + 1 :], whole) == [(position + 1, "missing")]


def test_an_added_row_is_found() -> None:
    longer = chain(4)
    assert kinds(longer, longer[:3]) == [(4, "added")]


@given(st.data())
def test_swapped_rows_are_found_and_their_old_places_are_named(data: st.DataObject) -> None:
    whole = chain(6)
    a, b = sorted(data.draw(st.permutations(range(6)))[:2])
    touched = whole.copy()
    touched[a], touched[b] = replace(whole[b], sequence=a + 1), replace(whole[a], sequence=b + 1)
    assert kinds(touched, whole) == [(a + 1, "reordered"), (b + 1, "reordered")]
    assert problems(touched, 6, whole[-1].hash)[0].message == f"Edit {a + 1} was edit {b + 1} before."


def test_the_hash_does_not_depend_on_the_workspace_s_name_or_the_order_of_keys() -> None:
    row = replace(chain(1)[0], parameters={"a": 1, "b": [2]})
    assert digest(row) == digest(replace(row, workspace="renamed", parameters={"b": [2], "a": 1}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_plain_json_is_kept_as_it_is(value: Any) -> None:
    assert plain(value, "parameters") == value


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, math.nan, [math.inf], {(1, 2): 3}])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="The scores cannot be recorded"):
        plain(value, "scores")
