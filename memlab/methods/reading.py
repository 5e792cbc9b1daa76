"""Reading a passage with memory: states of every token, neighbors of every token, and their mixture.

Three sources, each with its switch: local context (the model over a window of the text), short-term memory
(the key-value cache of `memlab.lm.passage`, and the continuous cache of `memlab.methods.cache`), long-term
memory (a datastore). kNN-LM mixes distributions, after the softmax:

    p = lambda p_kNN + (1 - lambda) [ lambda_c p_cache + (1 - lambda_c) p_LM ]

SPALM mixes vectors, before it (`memlab.methods.spalm`). Both are a `Mixture` here: from rows of the passage
to the distributions of all sides, so that a trace, a single step and a perplexity come from one place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memlab.lm.model import LanguageModel
from memlab.lm.passage import Segments, Windows, read_texts, scores_of
from memlab.lm.spalm import SpalmModel
from memlab.memory.datastore import Searchable
from memlab.memory.found import Found
from memlab.memory.leave_out import SPARE, contexts, own_entries, repeats, without
from memlab.memory.retrieval import check_k, search_everywhere
from memlab.methods.cache import Attended, ContinuousCache
from memlab.methods.gates import FEATURES, KnnGate, features_after, features_before
from memlab.methods.spalm import spalm_scores

Progress = Callable[[float, str], None]
PIECE = 256  # tokens between two looks at the Stop button
_FAINT = 1e-37  # probabilities below this are rounded in 32 bits


@dataclass(frozen=True)
class States:
    """A passage as one model read it.

    predicted: (N,) whether a token was predicted; hidden, keys: (N, d), else 0. scores: (N, V) of every word
    before the softmax, where they were kept.
    """

    predicted: np.ndarray
    hidden: Tensor
    keys: Tensor
    scores: Tensor | None = None

    @property
    def rows(self) -> np.ndarray:
        """(n,) positions of the predicted tokens."""
        return np.flatnonzero(self.predicted)

    def scores_at(self, lm: LanguageModel, rows: np.ndarray) -> Tensor:
        """(n, V) float32 scores of every word by the model that read."""
        return scores_of(lm, self.hidden[rows]) if self.scores is None else self.scores[rows]


def read_states(
    model: LanguageModel,
    ids: Sequence[int],
    how: Windows | Segments,
    key: str,
    progress: Callable[[int], None] = lambda tokens: None,
    stop: Callable[[], bool] = lambda: False,
) -> States:
    """One pass over a passage; when asked to stop, what was read so far."""
    predicted = np.zeros(len(ids), bool)
    hidden, keys = torch.zeros(len(ids), model.d), torch.zeros(len(ids), model.width(key))
    for piece in read_texts(model, [ids], how, key, PIECE):
        predicted[piece.position.numpy()] = True
        hidden[piece.position], keys[piece.position] = piece.hidden, piece.keys
        progress(int(piece.position[-1]) + 1)
        if stop():
            break
    return States(predicted, hidden, keys)


@dataclass(frozen=True)
class Search:
    """How neighbors of a passage are found: the store, how many, and which of them are left out.

    `leave_out` is "self" (entries that are the passage itself), "near" (near-duplicates as well) or "nothing".
    """

    store: Searchable
    k: int
    leave_out: str = "self"

    def own(self, text: str, spans: np.ndarray) -> np.ndarray:
        """(N, m) the entries that each token is, -1 for none."""
        if self.leave_out == "nothing":
            return np.empty((len(spans), 0), np.int64)
        return own_entries(self.store, text, spans)

    def of(self, keys: np.ndarray, own: np.ndarray, before: np.ndarray) -> Found:
        """The k nearest entries of query keys (n, d), what is left out not among them.

        Args:
            own: (n, m) the entries that are the token itself, -1 for none. before: (n, CONTEXT) the tokens before it.
        """
        check_k(self.store, self.k)
        if len(keys) == 0:
            return Found.nothing(0)
        spare = own.shape[1] + (SPARE if self.leave_out == "near" else 0)
        found = search_everywhere(self.store, keys, min(self.k + spare, len(self.store)))
        if spare == 0:
            return found
        gone = np.zeros(found.entries.shape, bool)
        for itself in own.T:
            gone |= (found.entries == itself[:, None]) & (itself >= 0)[:, None]
        if self.leave_out == "near":
            gone |= repeats(self.store, found.entries, before)
        return without(found, gone, self.k)


def find_neighbors(
    search: Search,
    states: States,
    asked: np.ndarray,
    text: str,
    ids: Sequence[int],
    spans: np.ndarray,
    progress: Callable[[int], None] = lambda tokens: None,
    stop: Callable[[], bool] = lambda: False,
) -> Found:
    """The neighbors of every token (N, k); -1 where memory is not asked or the search was stopped before."""
    N, k = len(ids), search.k
    found = Found(np.full((N, k), -1), np.full((N, k), -1), np.full((N, k), np.inf), len(search.store))
    own, before = search.own(text, spans), contexts(ids)
    rows = np.flatnonzero(asked & states.predicted)
    for at in range(0, len(rows), PIECE):
        if stop():
            break
        part = rows[at : at + PIECE]
        some = search.of(states.keys[part].numpy(), own[part], before[part])
        width = some.entries.shape[1]
        found.entries[part, :width], found.values[part, :width] = some.entries, some.values
        found.distances[part, :width] = some.distances
        progress(at + len(part))
    return found


@dataclass(frozen=True)
class Sides:
    """What every side says before n tokens: probabilities (n, V') over the model's words and memory's.

    knn, cache: None where there is none. gate: (n,) lambda, or SPALM's g. weights: (n, k) share of each neighbor.
    log_lm: (n, V) log-probabilities of `lm`, and log_model of the model's part of the mixture, which has the
    weight e^log_share (n,): what 32 bits round to 0 has a loss all the same.
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
        """(n,) -ln p of one word each, in nats; infinite where no side can say it."""
        return _nats(self.mixture, targets, self.log_model, self.log_share)

    def losses_of_lm(self, targets: np.ndarray) -> np.ndarray:
        """The same of the model alone."""
        return _nats(self.lm, targets, self.log_lm, np.zeros(len(targets)))


def _nats(p: Tensor, targets: np.ndarray, log_model: Tensor, log_share: np.ndarray) -> np.ndarray:
    """(n,) -ln p; where p (n, V') is beyond 32 bits, from the log-probabilities of the model (n, V) and its weight."""
    rows, words = torch.arange(len(targets)), torch.as_tensor(targets)
    said = p[rows, words].double().numpy()
    faint = (said < _FAINT) & (np.asarray(targets) < log_model.shape[1])
    model = log_model[rows, words.clamp_max(log_model.shape[1] - 1)].double().numpy() + log_share
    with np.errstate(divide="ignore"):
        return np.where(faint, -model, -np.log(said))


class Mixture(ABC):
    """Distributions of a passage that was read. `words` counts the model's words and memory's."""

    words: int

    @abstractmethod
    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        """All sides before the tokens at `rows`; `force` puts the gate to one value."""

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


@dataclass(frozen=True)
class KnnMixture(Mixture):
    """kNN-LM and the continuous cache over the states of a causal model; without both it is the model alone.

    Args:
        found: (N, k) neighbors, or None. lam: (N,) weight of the long-term memory of each token.
        cached: what the continuous cache says at each predicted row, or None; `lam_cache` its weight.
    """

    lm: LanguageModel
    states: States
    words: int
    found: Found | None = None
    lam: np.ndarray | None = None
    temperature: float = 1.0
    cached: Attended | None = None
    lam_cache: float = 0.0

    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        logp = self.states.scores_at(self.lm, rows).log_softmax(-1)
        lm = torch.nn.functional.pad(logp.exp(), (0, self.words - logp.shape[1]))  # memory's words have p_LM 0
        mixture, cache, log_share = lm, None, np.zeros(len(rows))
        if self.cached is not None:
            at = torch.from_numpy(np.searchsorted(self.states.rows, rows))
            own = Attended(self.cached.weights[at], self.cached.words, self.cached.positions)
            cache = own.distribution(self.words)
            share = torch.where(own.empty, 0.0, self.lam_cache)[:, None]
            mixture = (1 - share) * lm + share * cache
            log_share = torch.log1p(-share)[:, 0].double().numpy()
        if self.found is None or self.lam is None:
            none = np.full(len(rows), np.nan), np.zeros((len(rows), 0))
            return Sides(lm, None, cache, mixture, *none, logp, logp, log_share)
        weights = knn_weights(self.found.distances[rows], self.temperature)
        values = torch.from_numpy(np.maximum(self.found.values[rows], 0)).long()
        knn = torch.zeros(len(rows), self.words).scatter_add_(1, values, torch.from_numpy(weights).float())
        lam = self.lam[rows] if force is None else np.full(len(rows), force)
        lam = np.where(weights.sum(1) > 0, lam, 0.0)  # nothing found: the model alone
        share = torch.from_numpy(lam).float()[:, None]
        with np.errstate(divide="ignore"):  # at lambda 1 the model has no share
            log_share = log_share + np.log1p(-lam)
        return Sides(lm, knn, cache, (1 - share) * mixture + share * knn, lam, weights, logp, logp, log_share)


@dataclass(frozen=True)
class SpalmMixture(Mixture):
    """SPALM, and with `lam` above 0 kNN-LM mixed in after its softmax.

    `lm` and `knn` of its sides are counterfactuals: the gate forced to 1 (no memory) and to 0 (memory only).

    Args:
        found: (N, k) neighbors, the first K of which SPALM retrieves.
        force: puts the gate of all tokens to one value; 1 is without long-term memory.
    """

    lm: SpalmModel
    states: States
    words: int
    found: Found
    K: int
    lam: float = 0.0
    temperature: float = 1.0
    force: float | None = None

    def sides(self, rows: np.ndarray, force: float | None = None) -> Sides:
        hidden, values = self.states.hidden[rows], self.found.values[rows][:, : self.K]
        gate = self.force if force is None else force
        says = spalm_scores(hidden, values, self.lm, gate)
        alone, only = spalm_scores(hidden, values, self.lm, 1.0), spalm_scores(hidden, values, self.lm, 0.0)
        mixture, lm, knn = (self._padded(s.logp) for s in (says, alone, only))
        log_share = np.zeros(len(rows))
        if self.lam:
            weights = knn_weights(self.found.distances[rows], self.temperature)
            words = torch.from_numpy(np.maximum(self.found.values[rows], 0)).long()
            p_knn = torch.zeros(len(rows), self.words).scatter_add_(1, words, torch.from_numpy(weights).float())
            share = torch.where(p_knn.sum(1) > 0, self.lam, 0.0)[:, None]
            mixture = (1 - share) * mixture + share * p_knn
            log_share = torch.log1p(-share)[:, 0].double().numpy()
        g, weights = says.g.double().numpy(), says.weights.double().numpy()
        return Sides(lm, knn, None, mixture, g, weights, alone.logp, says.logp, log_share)

    def _padded(self, logp: Tensor) -> Tensor:
        return torch.nn.functional.pad(logp.exp(), (0, self.words - logp.shape[1]))


def knn_weights(distances: np.ndarray, temperature: float) -> np.ndarray:
    """(n, k) share of each neighbor, softmax of -d / T; 0 for missing ones (infinite distance)."""
    nearest = distances.min(axis=1, initial=np.inf, keepdims=True)
    with np.errstate(invalid="ignore"):
        w = np.where(np.isfinite(distances), np.exp(-(distances - nearest) / temperature), 0.0)
    return w / np.maximum(w.sum(1, keepdims=True), 1e-300)


def cache_over(states: States, ids: Sequence[int], size: int, theta: float | None) -> tuple[Attended, float]:
    """What the continuous cache says at every predicted token of a passage, and the theta used."""
    rows = torch.from_numpy(states.rows)
    cache = ContinuousCache(size, theta)
    said = cache.read(states.hidden[rows], torch.as_tensor(ids)[rows], rows)
    assert cache.theta is not None
    return said, cache.theta


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
