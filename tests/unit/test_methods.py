"""kNN-LM and BERT-kNN beside hand-computed values; mixing and the tipping point."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from memlab.errors import NotFound
from memlab.reading.mixing import Memory, envelope, knn_distances, knn_memory, mix, remember, tipping_point
from memlab.results import Distribution
from memlab.systems import bert_knn, knn_lm
from memlab.systems.registry import registry

V = 7
LAMBDAS = st.floats(0.0, 1.0)


def logs(weights: list[float]) -> np.ndarray:
    """Log of a distribution in proportion to the weights, -inf for 0."""
    p = np.array(weights, float)
    with np.errstate(divide="ignore"):
        return np.log(p / p.sum())


def distribution(weights: list[float]) -> Distribution:
    return Distribution(logs(weights), [f"w{i}" for i in range(len(weights))])


# Small whole numbers: ties are as frequent as they are dangerous.
WEIGHTS = st.lists(st.integers(0, 6), min_size=5, max_size=5).filter(any)
PAIRS = st.tuples(WEIGHTS, WEIGHTS)
NEIGHBORS = st.lists(st.tuples(st.floats(0.0, 500.0), st.integers(0, V - 1)), min_size=1, max_size=20)


def test_knn_lm_by_hand() -> None:
    squared, values = np.array([1.0, 2.0, 4.0]), np.array([5, 3, 5])
    distances = knn_distances(knn_lm.METHOD, squared)
    memory = knn_memory(knn_lm.METHOD, squared, values, V, knn_lm.Settings(temperature=2.0))
    e = np.exp([-0.5, -1.0, -2.0])
    assert distances == pytest.approx([1.0, 2.0, 4.0])
    assert memory.weights == pytest.approx(e / e.sum())
    assert np.exp(memory.logp) == pytest.approx([0, 0, 0, e[1] / e.sum(), 0, (e[0] + e[2]) / e.sum(), 0])


def test_knn_lm_with_distances_ln2_apart_halves_the_weight() -> None:
    settings = knn_lm.Settings(temperature=1.0)
    memory = knn_memory(knn_lm.METHOD, np.array([0.0, np.log(2)]), np.array([0, 1]), V, settings)
    assert np.exp(memory.logp[:2]) == pytest.approx([2 / 3, 1 / 3])


def test_bert_knn_by_hand_uses_the_root_of_the_squares() -> None:
    squared, values = np.array([9.0, 36.0, 144.0]), np.array([1, 2, 1])
    distances = knn_distances(bert_knn.METHOD, squared)
    memory = knn_memory(bert_knn.METHOD, squared, values, V, bert_knn.Settings(scale=6.0))
    e = np.exp([-0.5, -1.0, -2.0])
    assert distances == pytest.approx([3.0, 6.0, 12.0])
    assert np.exp(memory.logp) == pytest.approx([0, (e[0] + e[2]) / e.sum(), e[1] / e.sum(), 0, 0, 0, 0])


def test_papers_settings_are_the_defaults() -> None:
    knn, bert = knn_lm.Settings(), bert_knn.Settings()
    assert (knn.k, knn.temperature, knn.lam, knn.key, knn.search) == (1024, 1.0, 0.25, "ffn", "all")
    assert (bert.k, bert.scale, bert.lam, bert.key, bert.search, bert.articles) == (
        128,
        6.0,
        0.3,
        "penultimate",
        "articles",
        3,
    )


def test_unknown_method_lists_the_known() -> None:
    with pytest.raises(NotFound, match=r"no method 'knn'.*bert-knn.*knn-lm.*spalm"):
        registry().method("knn")
    assert registry().method("knn-lm") is knn_lm.METHOD


def test_words_that_nobody_remembers_have_minus_infinity() -> None:
    logp = remember(np.array([-1.0, -2.0]), np.array([0, 3]), V).logp
    assert np.isneginf(logp[[1, 2, 4, 5, 6]]).all()


def test_far_neighbors_do_not_underflow() -> None:
    """exp(-1e6) is 0: the largest score has to be taken off first."""
    memory = remember(np.array([-1e6, -1e6 - 1]), np.array([0, 1]), V)
    assert np.exp(memory.logp[:2]) == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.e)])


@given(NEIGHBORS, st.floats(0.05, 50.0))
def test_memory_is_a_distribution_over_the_values(neighbors: list[tuple[float, int]], temperature: float) -> None:
    squared, values = np.array([d for d, _ in neighbors]), np.array([v for _, v in neighbors])
    for memory in (
        knn_memory(knn_lm.METHOD, squared, values, V, knn_lm.Settings(temperature=temperature)),
        knn_memory(bert_knn.METHOD, squared, values, V, bert_knn.Settings(scale=temperature)),
    ):
        p = np.exp(memory.logp)
        assert p.sum() == pytest.approx(1)
        assert memory.weights.sum() == pytest.approx(1)
        assert set(np.flatnonzero(p)) <= set(values)
        for word in set(values):
            assert p[word] == pytest.approx(memory.weights[values == word].sum())


@given(NEIGHBORS, st.randoms())
def test_order_of_the_neighbors_does_not_matter(neighbors: list[tuple[float, int]], rng: object) -> None:
    def recalled(found: list[tuple[float, int]]) -> Memory:
        distances, values = np.array([d for d, _ in found]), np.array([v for _, v in found])
        return knn_memory(knn_lm.METHOD, distances, values, V, knn_lm.Settings(temperature=50.0))

    shuffled = list(neighbors)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert np.exp(recalled(neighbors).logp) == pytest.approx(np.exp(recalled(shuffled).logp))


def test_mixture_by_hand() -> None:
    lm, knn = np.log([0.41, 0.59]), np.log([0.93, 0.07])
    assert np.exp(mix(lm, knn, 0.3)) == pytest.approx([0.3 * 0.93 + 0.7 * 0.41, 0.3 * 0.07 + 0.7 * 0.59])


@given(PAIRS)
def test_lambda_0_is_the_model_and_1_the_memory_bit_for_bit(pair: tuple[list[float], list[float]]) -> None:
    lm, knn = map(logs, pair)
    assert mix(lm, knn, 0.0).tobytes() == lm.tobytes()
    assert mix(lm, knn, 1.0).tobytes() == knn.tobytes()


@given(PAIRS, LAMBDAS)
def test_mixture_sums_to_1_and_lies_between_the_two(pair: tuple[list[float], list[float]], lam: float) -> None:
    lm, knn = map(logs, pair)
    p = np.exp(mix(lm, knn, lam))
    assert p.sum() == pytest.approx(1)
    assert (p >= np.minimum(np.exp(lm), np.exp(knn)) - 1e-12).all()
    assert (p <= np.maximum(np.exp(lm), np.exp(knn)) + 1e-12).all()


@given(PAIRS, LAMBDAS)
def test_a_word_that_both_exclude_is_excluded_exactly(pair: tuple[list[float], list[float]], lam: float) -> None:
    lm, knn = map(logs, pair)
    mixed = mix(lm, knn, lam)
    neither = np.isneginf(lm) & np.isneginf(knn)
    assert np.isneginf(mixed[neither]).all()
    assert not np.isnan(mixed).any()


def test_tipping_point_by_hand() -> None:
    point = tipping_point(distribution([5, 3, 2]), distribution([1, 8, 1]))
    # D_LM = 0.5 - 0.3, D_kNN = 0.8 - 0.1
    assert point.lam == pytest.approx(0.2 / 0.9)
    assert (point.model_answer, point.memory_answer, point.others) == ("w0", "w1", ())


def test_no_tipping_point_where_both_agree() -> None:
    assert tipping_point(distribution([5, 3, 2]), distribution([8, 1, 1])).lam is None


def test_a_word_that_wins_in_between_is_named_with_its_range() -> None:
    point = tipping_point(distribution([50, 5, 45]), distribution([5, 50, 45]))
    ((word, start, end),) = point.others
    assert word == "w2"
    assert (start, end) == pytest.approx((1 / 9, 8 / 9))
    assert point.lam == pytest.approx(0.5)


@given(PAIRS)
def test_the_pair_changes_places_at_the_tipping_point(pair: tuple[list[float], list[float]]) -> None:
    lm, knn = map(distribution, pair)
    a, b = lm[0].id, knn[0].id
    point = tipping_point(lm, knn)
    assume(point.lam is not None)
    assert point.lam is not None
    assert 0.0 <= point.lam <= 1.0
    for lam in (point.lam - 1e-3, point.lam + 1e-3):
        if not 0.0 <= lam <= 1.0:
            continue
        p = lam * knn.p + (1 - lam) * lm.p
        if lam < point.lam:
            assert p[a] >= p[b] - 1e-12
        else:
            assert p[b] >= p[a] - 1e-12


@given(PAIRS)
def test_envelope_agrees_with_trying_every_lambda(pair: tuple[list[float], list[float]]) -> None:
    lm, knn = (distribution(weights).p for weights in pair)
    segments = envelope(lm, knn)
    assert segments[0][1] == 0.0
    assert segments[-1][2] == 1.0
    assert all(one[2] == two[1] and one[0] != two[0] for one, two in pairwise(segments))
    for lam in np.linspace(0, 1, 101):
        p = lam * knn + (1 - lam) * lm
        for winner, start, end in segments:
            if start <= lam <= end:
                assert p[winner] == pytest.approx(p.max(), abs=1e-9)


@given(PAIRS)
def test_others_are_winners_that_neither_side_puts_first(pair: tuple[list[float], list[float]]) -> None:
    lm, knn = map(distribution, pair)
    a, b = lm[0].token, knn[0].token
    for word, start, end in tipping_point(lm, knn).others:
        assert word not in (a, b)
        assert 0.0 <= start < end <= 1.0
        middle = (start + end) / 2
        p = middle * knn.p + (1 - middle) * lm.p
        assert p[lm.words.index(word)] == pytest.approx(p.max())
