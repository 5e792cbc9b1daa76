"""Rows of a batch by hand: who decided, margins, slices, the map of right and wrong, two batches side by side."""

from __future__ import annotations

import dataclasses

import pytest

from memlab.results import BatchRow, Cause, Repair
from memlab.results.batch import COLUMNS, batch_csv, decided, margin, tally
from memlab.results.batch_summary import SLICES, RowSummary, changes, differences, quadrants
from memlab.results.verdict import verdict
from tests.unit.test_figures import FRANCE, prediction


@pytest.mark.parametrize(
    ("lm", "knn", "lam", "who"),
    [
        ({"a": 0.9, "b": 0.1}, {"b": 1.0}, 0.1, "model"),
        ({"a": 0.9, "b": 0.1}, {"b": 1.0}, 0.9, "memory"),
        ({"a": 0.9, "b": 0.1}, {"a": 1.0}, 0.5, "both"),
        ({"a": 0.5, "c": 0.45, "b": 0.05}, {"b": 0.5, "c": 0.45, "a": 0.05}, 0.5, "neither"),
    ],
)
def test_who_decided(lm: dict[str, float], knn: dict[str, float], lam: float, who: str) -> None:
    assert decided(prediction(lm, knn, lam)) == who


def test_the_margin_is_that_of_the_first_two_words() -> None:
    assert margin(FRANCE) == pytest.approx((0.3 * 0.93 + 0.7 * 0.41) - (0.3 * 0.07 + 0.7 * 0.5))
    assert margin(prediction({"a": 1.0}, {"a": 1.0}, 0.5)) == pytest.approx(1.0)


def row(n: int, expected: str, **more: object) -> RowSummary:
    made = BatchRow(n, f"q{n}", FRANCE, verdict=verdict(FRANCE, [expected])).summary()
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


# Model Lyon, mixture Paris.
HELPED, MISLED, WRONG = row(1, "Paris"), row(2, "Lyon", far=True), row(3, "Nice", margin=0.05)
FAILED = BatchRow(4, "q4", None, "why").summary()
ROWS = (HELPED, MISLED, WRONG, FAILED)


def test_slices_and_the_map_of_right_and_wrong() -> None:
    inside = {name: [r.line for r in ROWS if test(r)] for name, test in SLICES.items()}
    assert inside == {
        "memory changed it": [1, 2, 3],
        "memory misled": [2],
        "memory saved": [1],
        "low margin": [3],
        "far from everything searched": [2],
        "not answered": [4],
    }
    assert quadrants(ROWS) == {(True, True): 0, (True, False): 1, (False, True): 1, (False, False): 1}
    assert tally(ROWS) == {"memory helped": 1, "memory misled": 1, "both wrong": 1}


def test_a_summary_comes_back_from_what_is_kept_of_it() -> None:
    cause = Cause("look-alikes", "Why.", (Repair("lambda", "Ask", True, lam=0.2),))
    for kept in (HELPED, FAILED, dataclasses.replace(WRONG, cause=cause)):
        assert RowSummary.from_dict(kept.to_dict()) == kept


def test_every_setting_is_in_the_csv() -> None:
    head, first, _ = batch_csv([BatchRow(1, "q", FRANCE), BatchRow(2, "r", None, "why")]).splitlines()
    assert head == ",".join((*COLUMNS, "lam"))
    assert first.endswith(",bert-knn,hand,hand,default,0,0.3")


def test_two_batches_side_by_side() -> None:
    a = (HELPED, MISLED, dataclasses.replace(WRONG, prompt="gone"), row(5, "Paris"), FAILED)
    b = (
        dataclasses.replace(HELPED, right=False, answer="Lyon"),
        dataclasses.replace(MISLED, right=True, answer="Lyon"),
        dataclasses.replace(row(5, "Paris"), right=None, answer="Nice"),
        dataclasses.replace(FAILED),
        dataclasses.replace(WRONG, prompt="new"),
    )
    found = [(changed.prompt, changed.what) for changed in changes(a, b)]
    assert found == [
        ("q1", "now wrong"),
        ("q2", "now right"),
        ("q5", "another answer"),
        ("q4", "the same"),
        ("new", "only in B"),
        ("gone", "only in A"),
    ]
    assert [changed.what for changed in changes(a, a)] == ["the same"] * len(a)
    twice = [changed.what for changed in changes((HELPED,), (HELPED, HELPED))]
    assert twice == ["the same", "only in B"]


def test_what_was_asked_otherwise() -> None:
    other = [dataclasses.replace(r, settings={"lam": 0.5, "k": 8}, as_of=2) for r in (HELPED, MISLED)]
    assert differences((HELPED, FAILED), other) == {"as_of": ("0", "2"), "lam": ("0.3", "0.5"), "k": ("none", "8")}
    assert differences(ROWS, ROWS) == {}
