"""From states and neighbors to the distributions of all sides, for every answer of every method.

A `Mixture` holds, at each position of a question, a passage or a generation, the model's distribution, the memory's,
and their mixture. `Ask` shows one row of it in double precision (`answer`); `Read`, `Generate` and perplexities go
through many rows in the precision of the model (`sides`).

Methods that mix distributions, after the softmax, are a `KnnMixture`:

    p = lambda p_kNN + (1 - lambda) [ lambda_c p_cache + (1 - lambda_c) p_LM ]

Methods that mix differently define their own `Mixture`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from memlab.lm.model import LanguageModel
from memlab.memory.found import Found
from memlab.reading.cache import SPREAD, Attended, ContinuousCache
from memlab.reading.gates import FEATURES, KnnGate, features_after, features_before
from memlab.reading.mixing import mix, remember
from memlab.reading.states import PIECE, States
from memlab.results.gate import NO_GATE, GateInfo

_FAINT = 1e-37  # probabilities below this are rounded in 32 bits


@dataclass(frozen=True)
class MixtureInputs:
    """What was read and found at N positions: what every mixture is computed from.

    lm: the model that answers. states: its own at these positions. words: number of words V', the model's and memory's.
    found: (N, k) neighbors with squared distances; None where long-term memory is switched off.
    cached: p_cache at each predicted row, or None. lam_cache: its weight.
    """

    lm: LanguageModel
    states: States
    words: int
    found: Found | None = None
    cached: Attended | None = None
    lam_cache: float = 0.0

    def with_distances(self, distances: np.ndarray) -> MixtureInputs:
        """The same neighbors with other distances (N, k)."""
        assert self.found is not None
        return replace(self, found=replace(self.found, distances=distances))


@dataclass(frozen=True)
class Sides:
    """The predictions of every side before n tokens: probabilities (n, V') over the model's words and memory's.

    knn, cache: None where there is none. gate: (n,) lambda, or the weight of the model's state. weights: (n, k) share
    of each neighbor. log_lm: (n, V) log-probabilities of `lm`. log_model: (n, V) those of the model's part of the
    mixture, whose weight is e^log_share (n,): a word whose probability rounds to 0 in 32 bits still has a finite loss.
    """

    lm: Tensor
    knn: Tensor | None
    cache: Tensor | None
    mixture: Tensor
    gate: np.ndarray
    weights: np.ndarray
    log_lm: Tensor
    log_model: Tensor
    log_share: np.ndarray

    def losses(self, targets: np.ndarray) -> np.ndarray:
        """(n,) -ln p of one word each, in nats; infinite where every side gives it probability 0."""
        return _nats(self.mixture, targets, self.log_model, self.log_share)

    def losses_of_lm(self, targets: np.ndarray) -> np.ndarray:
        """The same of the model alone."""
        return _nats(self.lm, targets, self.log_lm, np.zeros(len(targets)))


def _nats(p: Tensor, targets: np.ndarray, log_model: Tensor, log_share: np.ndarray) -> np.ndarray:
    """(n,) -ln p; where p (n, V') is beyond 32 bits, from the log-probabilities of the model (n, V) and its weight."""
    rows, words = torch.arange(len(targets)), torch.as_tensor(targets)
    rounded = p[rows, words].double().numpy()
    faint = (rounded < _FAINT) & (np.asarray(targets) < log_model.shape[1])
    model = log_model[rows, words.clamp_max(log_model.shape[1] - 1)].double().numpy() + log_share
    with np.errstate(divide="ignore"):
        return np.where(faint, -model, -np.log(rounded))


@dataclass(frozen=True)
class Answer:
    """The predictions of every side at one position: float64 log-probabilities (V',) of the model's words and memory's.

    knn: None where there is no memory. gate: its value, NaN without memory. weights: (k,) share of each neighbor that
    takes part, nearest first. knn_weight: weight of p_kNN in the mixture.
    """

    lm: np.ndarray
    knn: np.ndarray | None
    cache: np.ndarray | None
    mixture: np.ndarray
    gate: float
    weights: np.ndarray
    knn_weight: float


class Mixture(ABC):
    """Distributions of positions that were read.

    words: number of words, the model's and memory's. gate: what the gate is.
    """

    words: int
    gate: GateInfo

    @abstractmethod
    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        """All sides before the tokens at `rows`; `force` sets the gate to one value."""

    def answer(self, row: int, force: float | None = None) -> Answer:
        """Complete log-probabilities of all sides at one position."""
        s = self.sides(np.array([row]), force)

        def log(p: Tensor | None) -> np.ndarray | None:
            if p is None or not bool((p[0] > 0).any()):
                return None
            with np.errstate(divide="ignore"):
                return np.log(p[0].double().numpy())

        lm, mixture = log(s.lm), log(s.mixture)
        assert lm is not None
        assert mixture is not None
        lam = 0.0 if self.gate.mixes != "distributions" or np.isnan(s.gate[0]) else float(s.gate[0])
        return Answer(lm, log(s.knn), log(s.cache), mixture, float(s.gate[0]), s.weights[0], lam)

    def chunks(self, rows: np.ndarray, size: int = 256) -> Iterator[tuple[np.ndarray, Sides]]:
        """All sides of many rows, some at a time."""
        for at in range(0, len(rows), size):
            part = rows[at : at + size]
            yield part, self.sides(part)

    def losses(self, ids: Sequence[int], rows: np.ndarray) -> np.ndarray:
        """(N,) loss of each token in nats, NaN outside `rows`."""
        out = np.full(len(ids), np.nan)
        targets = np.asarray(ids)
        for part, sides in self.chunks(rows):
            out[part] = sides.losses(targets[part])
        return out

    def losses_of_memory(self, ids: Sequence[int], rows: np.ndarray) -> np.ndarray | None:
        """(N,) loss of each token under the memory's distribution alone; None where the memory has none of its own."""
        return None


@dataclass(frozen=True)
class KnnMixture(Mixture):
    """p_kNN and the continuous cache over the states of a model; without both it is the model alone.

    Args:
        inputs: with distances as the method uses them (squared or not).
        lam: (N,) weight of the long-term memory of each token; None without memory. temperature: divides the distances.
    """

    inputs: MixtureInputs
    lam: np.ndarray | None = None
    temperature: float = 1.0
    gate: GateInfo = NO_GATE  # pyrefly: ignore[bad-override]

    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        given = self.inputs
        logp = given.states.scores_at(given.lm, rows).log_softmax(-1)
        lm = padded(logp, given.words)
        mixture, cache, log_share = lm, None, np.zeros(len(rows))
        if given.cached is not None:
            at = torch.from_numpy(np.searchsorted(given.states.rows, rows))
            own = Attended(given.cached.weights[at], given.cached.words, given.cached.positions)
            cache = own.distribution(given.words)
            mixture, log_share = mixed(lm, cache, np.where(own.empty.numpy(), 0.0, given.lam_cache))
        if given.found is None or self.lam is None:
            none = np.full(len(rows), np.nan), np.zeros((len(rows), 0))
            return Sides(lm, None, cache, mixture, *none, logp, logp, log_share)
        weights = knn_weights(given.found.distances[rows], self.temperature)
        knn = knn_probabilities(weights, given.found.values[rows], given.words, lm.dtype)
        lam = self.lam[rows] if force is None else np.full(len(rows), force)
        lam = np.where(weights.sum(1) > 0, lam, 0.0)  # nothing found: the model alone
        mixture, rest = mixed(mixture, knn, lam)
        return Sides(lm, knn, cache, mixture, lam, weights, logp, logp, log_share + rest)

    def answer(self, row: int, force: float | None = None) -> Answer:
        """Computed in logarithms, so that lambda 0 and 1 give exactly the numbers of one side."""
        given = self.inputs
        if given.cached is not None:
            return super().answer(row, force)
        logp = given.states.logp_at(given.lm, row)
        lm = np.concatenate([logp, np.full(given.words - len(logp), -np.inf)]) if given.words > len(logp) else logp
        if given.found is None or self.lam is None or not (given.found.entries[row] >= 0).any():
            return Answer(lm, None, None, lm, np.nan if self.lam is None else 0.0, np.zeros(0), 0.0)
        real = given.found.entries[row] >= 0
        memory = remember(
            -given.found.distances[row][real] / self.temperature, given.found.values[row][real], given.words
        )
        weights = np.zeros(len(real))
        weights[real] = memory.weights
        lam = float(self.lam[row]) if force is None else force
        return Answer(lm, memory.logp, None, mix(lm, memory.logp, lam), lam, weights, lam)

    def losses_of_memory(self, ids: Sequence[int], rows: np.ndarray) -> np.ndarray | None:
        if self.inputs.found is None:
            return None
        out = np.full(len(ids), np.nan)
        with np.errstate(divide="ignore"):
            out[rows] = -np.log(knn_of(self.inputs.found, rows, np.asarray(ids)[rows], self.temperature))
        return out


def knn_weights(distances: np.ndarray, temperature: float) -> np.ndarray:
    """(n, k) share of each neighbor, softmax of -d / T; 0 for missing ones (infinite distance)."""
    nearest = distances.min(axis=1, initial=np.inf, keepdims=True)
    with np.errstate(invalid="ignore"):
        w = np.where(np.isfinite(distances), np.exp(-(distances - nearest) / temperature), 0.0)
    return w / np.maximum(w.sum(1, keepdims=True), 1e-300)


def knn_probabilities(weights: np.ndarray, values: np.ndarray, words: int, dtype: torch.dtype) -> Tensor:
    """(n, words) p_kNN: the shares (n, k) of the neighbors, equal values (n, k) added up; a value of -1 has share 0."""
    ids = torch.from_numpy(np.maximum(values, 0)).long()
    return torch.zeros(len(ids), words, dtype=dtype).scatter_add_(1, ids, torch.from_numpy(weights).to(dtype))


def mixed(model: Tensor, memory: Tensor, weight: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """weight * memory + (1 - weight) * model, (n, V'), by weights (n,); and (n,) ln(1 - weight), -inf at weight 1."""
    share = torch.from_numpy(weight).to(model.dtype)[:, None]
    with np.errstate(divide="ignore"):
        return (1 - share) * model + share * memory, np.log1p(-weight)


def padded(logp: Tensor, words: int) -> Tensor:
    """(n, words) probabilities from log-probabilities (n, V); 0 for the words that only memory knows."""
    return torch.nn.functional.pad(logp.exp(), (0, words - logp.shape[1]))


def cache_over(
    states: States, ids: Sequence[int], size: int, theta: float | None, spread: float = SPREAD
) -> tuple[Attended, float]:
    """p_cache at every predicted token of a passage, and the theta used."""
    rows = torch.from_numpy(states.rows)
    cache = ContinuousCache(size, theta, spread)
    attended = cache.read(states.hidden[rows], torch.as_tensor(ids)[rows], rows)
    assert cache.theta is not None
    return attended, cache.theta


def before_of(lm: LanguageModel, states: States) -> np.ndarray:
    """(N, 2) features known before the search, 0 for tokens that are not predicted."""
    out = np.zeros((len(states.predicted), 2))
    for at in range(0, len(states.rows), PIECE):
        part = states.rows[at : at + PIECE]
        out[part] = features_before(states.scores_at(lm, part))
    return out


def lambdas(gate: KnnGate, lm: LanguageModel, states: States, found: Found) -> np.ndarray:
    """(N,) lambda of each token."""
    if not gate.reads_features:
        return gate.weights(np.zeros((len(states.predicted), len(FEATURES))))
    return gate.weights(np.concatenate([before_of(lm, states), features_after(found)], axis=1))


def knn_of(found: Found, rows: np.ndarray, targets: np.ndarray, temperature: float) -> np.ndarray:
    """(n,) p_kNN of one word each; 0 where nothing was found."""
    weights = knn_weights(found.distances[rows], temperature)
    return (weights * (found.values[rows] == targets[:, None])).sum(1)
