"""The smallest set of neighbors that changes the answer, against trying every set."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memlab.reading.removal import first_word, smallest_removal

WORDS = 4


def tried_all(scores: np.ndarray, values: np.ndarray, logp: np.ndarray, lam: float, k: int) -> int:
    """Size of the smallest set by brute force; 0 when there is none that leaves a neighbor."""
    answer = first_word(scores[:k], values[:k], logp, lam)
    for size in range(1, len(scores)):
        for out in combinations(range(min(len(scores), k + size)), size):
            left = np.delete(np.arange(len(scores)), out)[:k]
            if first_word(scores[left], values[left], logp, lam) != answer:
                return size
    return 0


@st.composite
def questions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, int]:
    M = draw(st.integers(1, 7))
    distances = sorted(draw(st.lists(st.floats(0, 6), min_size=M, max_size=M)))
    values = draw(st.lists(st.integers(0, WORDS - 1), min_size=M, max_size=M))
    p = np.array(draw(st.lists(st.floats(0.001, 1), min_size=WORDS, max_size=WORDS)))
    lam = draw(st.sampled_from([0.0, 0.2, 0.5, 0.75, 1.0]))
    return -np.array(distances), np.array(values), np.log(p / p.sum()), lam, draw(st.integers(1, M))


@given(questions())
def test_the_set_is_as_small_as_any(question: tuple[np.ndarray, np.ndarray, np.ndarray, float, int]) -> None:
    scores, values, logp, lam, k = question
    found = smallest_removal(scores, values, logp, lam, k, most=len(scores))
    assert len(found.removed) == tried_all(scores, values, logp, lam, k)
    if found.removed:
        left = np.delete(np.arange(len(scores)), found.removed)[:k]
        assert first_word(scores[left], values[left], logp, lam) != first_word(scores[:k], values[:k], logp, lam)


def test_by_hand() -> None:
    """Three votes for 0 of 4, 2 and 1, one for 1 of 2; memory alone. Without the 4 it is 3 to 2, without 4 and 2 1 to 2."""
    scores, values = np.log([4.0, 2.0, 2.0, 1.0]), np.array([0, 0, 1, 0])
    found = smallest_removal(scores, values, np.log([0.5, 0.5]), lam=1.0, k=4, most=4)
    assert (found.removed, found.tried) == ((0, 1), 2)


def test_what_moves_up_counts() -> None:
    """Of two neighbors one is forgotten, and a third, of another word, moves up and decides."""
    scores, values = np.array([0.0, -0.1, -0.2, -0.3]), np.array([0, 0, 1, 1])
    logp = np.log([0.2, 0.8])
    assert smallest_removal(scores, values, logp, lam=0.5, k=2, most=3).removed == (0,)
    assert smallest_removal(scores[:2], values[:2], logp, lam=0.5, k=2, most=2).removed == ()


def test_a_size_that_was_refuted_is_skipped() -> None:
    scores, values = np.zeros(6), np.array([0, 0, 0, 1, 1, 2])
    logp = np.log(np.full(3, 1 / 3))
    sizes = [len(smallest_removal(scores, values, logp, 1.0, 6, 6, least=n).removed) for n in (1, 2, 3)]
    assert sizes == [2, 2, 3]


def test_what_double_precision_cannot_weigh_is_said() -> None:
    scores, values = np.array([0.0, -900.0, -901.0]), np.array([0, 1, 1])
    assert not smallest_removal(scores, values, np.log([0.5, 0.5]), 0.9, 3, 3).exact
