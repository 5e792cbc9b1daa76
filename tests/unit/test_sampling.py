"""Decoding by hand: temperature, nucleus, and which word a random number draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.declare import checked
from memlab.errors import InputError
from memlab.reading.decoding import Decoding, choose, nucleus

P = np.array([0.1, 0.4, 0.0, 0.3, 0.2])


def test_temperature_0_takes_the_most_probable_word_whatever_the_seed() -> None:
    assert {choose(P, Decoding(0.0, 0.5, seed), position) for seed in range(3) for position in range(9)} == {1}


def test_temperature_1_and_top_p_1_leave_the_distribution_as_it_is() -> None:
    words, q = nucleus(P, Decoding(1.0, 1.0))
    assert words.tolist() == [1, 3, 4, 0]  # a word of probability 0 is never drawn
    assert q == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_temperature_one_half_squares_the_probabilities() -> None:
    _, q = nucleus(P, Decoding(0.5, 1.0))
    assert q == pytest.approx([16 / 30, 9 / 30, 4 / 30, 1 / 30])


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.001, [1.0]), (0.4, [1.0]), (0.41, [4 / 7, 3 / 7]), (0.7, [4 / 7, 3 / 7]), (0.71, [4 / 9, 3 / 9, 2 / 9])]
)  # fmt: skip
def test_the_nucleus_is_the_smallest_set_that_reaches_top_p(top_p: float, kept: list[float]) -> None:
    words, q = nucleus(P, Decoding(1.0, top_p))
    assert words.tolist() == [1, 3, 4, 0][: len(kept)]
    assert q == pytest.approx(kept)


def test_top_p_counts_after_temperature() -> None:
    """At one half the first word alone has 16/30, at 1 it has only 0.4."""
    assert len(nucleus(P, Decoding(0.5, 0.5))[0]) == 1
    assert len(nucleus(P, Decoding(1.0, 0.5))[0]) == 2


def test_words_are_drawn_as_often_as_they_are_probable() -> None:
    drawn = [choose(P, Decoding(1.0, 0.7, 5), position) for position in range(4000)]
    assert set(drawn) == {1, 3}
    assert drawn.count(1) / len(drawn) == pytest.approx(4 / 7, abs=0.03)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=30).filter(lambda p: sum(p) > 0.01),
    st.floats(0.05, 10),
    st.floats(0.001, 1),
    st.integers(0, 999_999),
    st.integers(0, 500),
)
def test_a_draw_is_repeatable_and_of_the_nucleus(
    p: list[float], temperature: float, top_p: float, seed: int, position: int
) -> None:
    whole = np.array(p) / sum(p)
    decoding = Decoding(temperature, top_p, seed)
    words, q = nucleus(whole, decoding)
    assert q.sum() == pytest.approx(1)
    assert (np.diff(q) <= 1e-12).all()
    word = choose(whole, decoding, position)
    assert word == choose(whole, decoding, position)
    assert word in words
    assert whole[word] > 0


@pytest.mark.parametrize("given", [{"top_p": 0}, {"top_p": 2}, {"temperature": -1}, {"seed": -1}, {"seed": 1.5}])
def test_what_cannot_be_decoded_says_what_is_allowed(given: dict[str, float]) -> None:
    name = next(iter(given))
    with pytest.raises(InputError, match=rf"^{name} is .*; allowed is a .*number from"):
        checked(Decoding, given)
