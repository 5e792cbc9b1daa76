"""An answer for every value of its gate: by hand, and as properties."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.figures.live import LiveAnswer, live_answer
from memlab.figures.mixing import tipping, tipping_texts
from memlab.results import Distribution, Gate, GateInfo, Prediction
from memlab.results.gate import NO_GATE
from tests.unit.test_figures import FRANCE, prediction

G = GateInfo(
    "g", "g", "the model's own state", ("the memory alone", "the state alone"), True, "vectors", curve="log-linear"
)


def at(live: LiveAnswer, value: float) -> dict[str, float]:
    return dict(zip(live.words, live.p(live.stops.index(value)), strict=True))


def test_lambda_by_hand() -> None:
    live = live_answer(FRANCE)
    assert live.stops[live.at] == 0.3
    assert live.stops[0] == 0
    assert live.stops[-1] == 1
    assert at(live, 0.3) == pytest.approx({"Lyon": 0.371, "Paris": 0.566, "Nice": 0.063})
    assert at(live, 0.1) == pytest.approx({"Lyon": 0.457, "Paris": 0.462, "Nice": 0.081})
    first = [live.words[live.first[live.stops.index(value)]] for value in (0.0, 0.09, 0.1, 1.0)]
    assert first == ["Lyon", "Lyon", "Paris", "Paris"]  # 0.09 / (0.09 + 0.86) = 0.0947


def test_a_word_that_wins_only_in_between_is_drawn() -> None:
    lm = {"own": 0.5, "both": 0.42, **{f"m{i}": 0.01 for i in range(8)}}
    knn = {"memory": 0.5, "both": 0.42, **{f"k{i}": 0.01 for i in range(8)}}
    live = live_answer(prediction(lm, knn, 0.0), rows=3)
    assert [live.words[i] for i in live.shown] == ["both", "own", "memory"]
    assert live.words[live.first[live.stops.index(0.5)]] == "both"


def test_an_own_value_between_the_hundredths_is_a_stop() -> None:
    live = live_answer(prediction({"a": 1.0}, {"b": 1.0}, 0.425), stops=(0.333,))
    assert live.stops[live.at] == 0.425
    assert 0.333 in live.stops
    assert list(live.stops) == sorted(live.stops)


def vectors(z0: np.ndarray, z1: np.ndarray, g: float, lam: float = 0.0, added: np.ndarray | None = None) -> Prediction:
    """Logits that are mixed, and with `lam` a distribution `added` after the softmax."""

    def soft(z: np.ndarray) -> np.ndarray:
        return np.exp(z - z.max()) / np.exp(z - z.max()).sum()

    words = [f"w{i}" for i in range(len(z0))]
    extra = 0 if added is None else lam * added
    ends = {name: Distribution(np.log((1 - lam) * soft(z) + extra), words) for name, z in (("0", z0), ("1", z1))}
    mixture = Distribution(np.log((1 - lam) * soft((1 - g) * z0 + g * z1) + extra), words)
    lm, knn = Distribution(np.log(soft(z1)), words), Distribution(np.log(soft(z0)), words)
    return dataclasses.replace(
        FRANCE, lm=lm, knn=knn, mixture=mixture, gate=Gate(G, g, lam), counterfactuals=ends, settings={}
    )


@given(
    z=st.lists(st.tuples(st.floats(-8, 8), st.floats(-8, 8)), min_size=2, max_size=12),
    g=st.floats(0.001, 0.999),
    lam=st.sampled_from([0.0, 0.3]),
)
def test_mixed_vectors_follow_from_their_ends(z: list[tuple[float, float]], g: float, lam: float) -> None:
    z0, z1 = np.array(z).T
    added = np.full(len(z), 1 / len(z))
    p = vectors(z0, z1, g, lam, added)
    live = live_answer(p)
    assert live.p(live.at) == pytest.approx([p.mixture.of(i) for i in live.ids], abs=1e-9)
    half = vectors(z0, z1, 0.5, lam, added)
    assert live.p(live.stops.index(0.5)) == pytest.approx([half.mixture.of(i) for i in live.ids], abs=1e-9)
    assert half.mixture.of(live.ids[live.first[live.stops.index(0.5)]]) == pytest.approx(half.mixture[0].p)


@given(
    lm=st.lists(st.floats(0, 1), min_size=30, max_size=30).filter(any),
    knn=st.lists(st.floats(0, 1), min_size=30, max_size=30).filter(any),
    lam=st.integers(0, 100),
)
def test_the_first_word_is_that_of_the_mixture(lm: list[float], knn: list[float], lam: int) -> None:
    sides = [{f"w{i}": p / sum(side) for i, p in enumerate(side)} for side in (lm, knn)]
    p = prediction(sides[0], sides[1], lam / 100)
    live = live_answer(p)
    assert p.mixture.of(live.ids[live.first[live.at]]) == pytest.approx(p.mixture[0].p)
    other = live_answer(prediction(sides[0], sides[1], 0.5))
    assert set(live.shown) <= set(range(len(live.words)))
    assert [live.words[i] for i in live.shown] == [other.words[i] for i in other.shown]


def test_without_memory_there_is_one_stop() -> None:
    p = prediction({"a": 0.6, "b": 0.4}, {"a": 0.6, "b": 0.4}, 0.0)
    live = live_answer(dataclasses.replace(p, gate=Gate(NO_GATE, 0.0, 0.0)))
    assert live.stops == (0.0,)
    assert at(live, 0.0) == pytest.approx({"a": 0.6, "b": 0.4})


def test_the_texts_of_the_tipping_point_are_those_of_every_value() -> None:
    for lam in (0.1, 0.5, 0.9):
        p = prediction({"Lyon": 0.7, "Paris": 0.3}, {"Paris": 1.0}, lam)
        said = tipping_texts(p)
        assert said.start == 0.5
        assert said.at(f"{lam:.2f}", p.answer, lam >= 0.5) == tipping(p)
        assert ("memory decides" in tipping(p)) == (lam >= 0.5)
