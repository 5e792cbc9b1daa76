"""Gates, the continuous cache, and mixing a whole grid: formulas against values worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memlab.errors import InputError, NotFound
from memlab.evaluate.mixtures import grid, interval, mixed, over_models
from memlab.evaluate.token_losses import knn_grid
from memlab.memory.found import Found
from memlab.reading.cache import ContinuousCache
from memlab.reading.gates import (
    GATES,
    Constant,
    HeldOut,
    features_after,
    features_before,
    gate_class,
    read_gate,
)
from memlab.reading.mixing import mix, remember
from memlab.reading.mixture import knn_weights


@pytest.fixture
def data() -> HeldOut:
    """Memory is right exactly where the model is unsure."""
    rng = np.random.default_rng(0)
    entropy = rng.random(2000)
    features = np.stack([entropy, -entropy, rng.random(2000), rng.random(2000)], axis=1)
    return HeldOut(features, np.where(entropy > 0.5, 0.01, 0.9), np.where(entropy > 0.5, 0.8, 0.001))


def test_a_constant_gate_is_the_best_of_its_grid(data: HeldOut) -> None:
    gate = Constant.fit(data)
    assert data.loss(gate.lam) == min(data.loss(lam / 20) for lam in range(20))
    assert gate.weights(data.features).tolist() == [gate.lam] * 2000


@pytest.mark.parametrize("kind", ["learned", "skip"])
def test_a_learned_gate_beats_the_constant_one_and_is_the_same_again(kind: str, data: HeldOut) -> None:
    gate = gate_class(kind).fit(data, seed=3)
    lam = gate.weights(data.features)
    assert data.loss(lam) < data.loss(Constant.fit(data).lam) - 0.1
    assert lam[data.features[:, 0] > 0.6].min() > lam[data.features[:, 0] < 0.4].max()
    assert gate_class(kind).fit(data, seed=3) == gate
    again = read_gate(json.loads(json.dumps(gate.to_dict())))
    np.testing.assert_array_equal(again.weights(data.features), lam)


def test_a_skipping_gate_decides_before_the_search(data: HeldOut) -> None:
    gate = gate_class("skip").fit(data)
    asked = gate.asks(data.features[:, :2])
    assert 0.45 < asked.mean() < 0.55
    assert (gate.weights(data.features)[~asked] == 0).all()
    other = data.features.copy()
    other[:, 2:] = 99.0  # what is known only after the search
    np.testing.assert_array_equal(gate.weights(other), gate.weights(data.features))
    assert gate_class("learned").fit(data).asks(data.features[:, :2]).all()


def test_unknown_and_damaged_gates() -> None:
    with pytest.raises(NotFound, match=r"'lucky'.*constant, learned, skip"):
        gate_class("lucky")
    with pytest.raises(InputError, match="damaged"):
        read_gate({"kind": "learned"})
    assert set(GATES) == {"constant", "learned", "skip"}


def test_features_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [1.0, 1e-9, 1e-9]]))
    before = features_before(logits)
    np.testing.assert_allclose(before[0], [1.5 * np.log(2), np.log(0.5)], rtol=1e-6)
    np.testing.assert_allclose(before[1], [0.0, 0.0], atol=1e-6)
    found = Found(
        np.array([[4, 5, 6], [7, -1, -1], [-1, -1, -1]]),
        np.array([[9, 8, 9], [3, -1, -1], [-1, -1, -1]]),
        np.array([[2.0, 3.0, 4.0], [5.0, np.inf, np.inf], [np.inf] * 3]),
        10,
    )
    np.testing.assert_allclose(
        features_after(found), [[np.log(2), np.log(2)], [np.log(5), 0.0], [0.0, 0.0]], atol=1e-12
    )


def test_continuous_cache_by_hand() -> None:
    """h = 1, 2, 3 with words 7, 8, 7: before the third, weights are e^{theta 3}, e^{theta 6} over their sum."""
    cache = ContinuousCache(10, theta=0.5)
    h, words = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([7, 8, 7])
    said = cache.read(h, words, torch.arange(3))
    a, b = np.exp(1.5), np.exp(3.0)
    np.testing.assert_allclose(said.weights[2], [a / (a + b), b / (a + b), 0.0], rtol=1e-5)
    np.testing.assert_allclose(said.of(words), [0.0, 0.0, a / (a + b)], rtol=1e-5)
    assert said.empty.tolist() == [True, False, False]
    assert float(said.distribution(10)[1, 7]) == 1.0
    more = cache.read(torch.tensor([[0.0]]), torch.tensor([7]), torch.tensor([3]))  # theta h.h_i = 0: all alike
    np.testing.assert_allclose(more.of(torch.tensor([7])), [2 / 3], rtol=1e-5)
    assert more.positions.tolist() == [0, 1, 2, 3]


@given(st.integers(1, 5), st.integers(1, 9))
def test_cache_in_pieces_is_the_cache_at_once(size: int, cut: int) -> None:
    random_ = torch.Generator().manual_seed(1)
    h, words = torch.randn(12, 4, generator=random_), torch.randint(0, 3, (12,), generator=random_)
    at = torch.arange(12)
    whole = ContinuousCache(size, 0.3).read(h, words, at).of(words)
    cache = ContinuousCache(size, 0.3)
    parts = [cache.read(h[a:b], words[a:b], at[a:b]).of(words[a:b]) for a, b in ((0, cut), (cut, 12))]
    torch.testing.assert_close(torch.cat(parts), whole)
    p, empty = ContinuousCache(size).read_grid(h, words, at, torch.tensor([0.1, 0.3]))
    torch.testing.assert_close(p[:, 1], whole)
    assert empty.tolist() == [True] + [False] * 11


def test_a_cache_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="size 0"):
        ContinuousCache(0)


@given(st.integers(0, 2**31))
def test_the_grid_of_one_search_equals_single_mixtures(seed: int) -> None:
    """Every temperature and lambda, against mixing one question at a time."""
    rng = np.random.default_rng(seed)
    n, k, V = 5, 6, 4
    values = rng.integers(0, V, (n, k))
    distances = np.sort(rng.random((n, k)) * 9, axis=1)
    missing = rng.random((n, k)) < 0.2
    missing[:, 0] = False
    values[missing], distances[missing] = -1, np.inf
    logp = np.log(rng.dirichlet(np.ones(V), n))
    targets = rng.integers(0, V, n)
    temperatures, lambdas = (0.5, 2.0, 7.0), (0.1, 0.6)
    found = Found(np.where(missing, -1, 1), values, distances, 99)
    p = knn_grid(found, targets, temperatures)
    losses = grid(logp[np.arange(n), targets], p, lambdas)
    for i, T in enumerate(temperatures):
        for j, lam in enumerate(lambdas):
            single = []
            for row in range(n):
                real = values[row] >= 0
                memory = remember(-distances[row][real] / T, values[row][real], V)
                single.append(-mix(logp[row], memory.logp, lam)[targets[row]])
            assert losses[i, j] == pytest.approx(np.mean(single), rel=1e-9)


def test_mixing_at_the_ends() -> None:
    logp, p = np.log(np.array([0.2, 0.5])), np.array([0.0, 0.3])
    assert mixed(logp, p, 0.0).tolist() == (-logp).tolist()
    np.testing.assert_allclose(mixed(logp, p, 0.25), -np.log([0.15, 0.45]))
    assert np.isinf(mixed(logp, p, 1.0)[0])


def test_weights_of_missing_neighbors_are_zero() -> None:
    w = knn_weights(np.array([[1.0, 3.0, np.inf], [np.inf] * 3]), 2.0)
    e = np.exp(-1.0)
    np.testing.assert_allclose(w, [[1 / (1 + e), e / (1 + e), 0.0], [0.0, 0.0, 0.0]])


def test_intervals_hold_the_perplexity() -> None:
    losses = np.random.default_rng(0).gamma(2.0, 1.0, 5000)
    low, high = interval(losses)
    assert low < np.exp(losses.mean()) < high
    assert interval(losses) == [low, high]
    assert interval(losses[:200]) == [pytest.approx(np.exp(losses[:200].mean()))] * 2  # one block
    assert over_models([10.0, 11.0, 12.0]) == pytest.approx([11 - 4.303 / 3**0.5, 11 + 4.303 / 3**0.5], abs=1e-3)


def test_the_interval_of_blocks_is_a_percentile_bootstrap() -> None:
    """Against drawing the blocks by hand; the last block is shorter and counts by its tokens."""
    losses = np.random.default_rng(3).gamma(2.0, 1.0, 256 * 6 + 40)
    blocks = [losses[at : at + 256] for at in range(0, len(losses), 256)]
    drawn = np.random.default_rng(0).integers(0, 7, (1000, 7))
    means = [np.concatenate([blocks[i] for i in row]).mean() for row in drawn]
    assert interval(losses) == pytest.approx(np.exp(np.quantile(means, [0.025, 0.975])), rel=1e-9)
