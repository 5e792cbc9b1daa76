"""From a passage to its `Trace`: what each source lost on every token, and what memory would have said.

`memlab.methods.sources` does what takes time (forward passes and searches), once; here it is mixed. So
another lambda, temperature or gate costs neither a forward pass nor a search.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from memlab.corpus.word_kinds import kinds
from memlab.lm.spalm import SpalmModel
from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.found import Found
from memlab.memory.overlay import EditedStore
from memlab.memory.search import recall, search_all
from memlab.methods.answer import neighbors
from memlab.methods.gates import KnnGate
from memlab.methods.reading import (
    KnnMixture,
    Mixture,
    Sides,
    SpalmMixture,
    cache_over,
    knn_of,
    lambdas,
)
from memlab.methods.sources import Order, Read, Side
from memlab.methods.trace_summary import combination, summarize
from memlab.results import Distribution, Neighbor, Trace, TraceArrays, TraceStep, TraceToken
from memlab.results.trace import TopWords

SHOWN = 8  # neighbors, and words of the cache, kept for each token
TOP = 5  # most probable words kept of each side


@dataclass(frozen=True)
class Mixing:
    """How what was read is mixed; see the settings of kNN-LM and SPALM.

    gate: lambda of kNN-LM. cache: size of the continuous cache (0: none), theta, lam_cache: its settings.
    K, lam, force: of SPALM (`lam` above 0 adds kNN-LM).
    """

    temperature: float = 1.0
    gate: KnnGate | None = None
    cache: int = 0
    theta: float | None = None
    lam_cache: float = 0.1
    K: int = 4
    lam: float = 0.0
    force: float | None = None


def mixes_vectors(order: Order, mixing: Mixing) -> bool:
    """Whether this is SPALM with its memory: the same model also reads alone, and with a memory of its own as kNN-LM."""
    return isinstance(order.lm, SpalmModel) and order.search is not None and mixing.gate is None


def mixture(
    made: Read, side: Side, mixing: Mixing, short: bool = True, long: bool = True
) -> tuple[Mixture, float | None]:
    """The mixture of the sources that are switched on, and theta of the cache where there is one."""
    order, ids = made.order, made.passage.ids
    words = order.lm.V + (len(order.search.store.words) if order.search else 0)
    if mixes_vectors(order, mixing):
        assert isinstance(order.lm, SpalmModel)
        assert side.found is not None
        spalm = SpalmMixture(
            order.lm,
            side.states,
            words,
            side.found,
            mixing.K,
            mixing.lam if long else 0.0,
            mixing.temperature,
            mixing.force if long else 1.0,
        )
        return spalm, None
    cached, theta = None, None
    if mixing.cache and short and len(side.states.rows):
        cached, theta = cache_over(side.states, ids, mixing.cache, mixing.theta)
    if side.found is None or not long or mixing.gate is None:
        return KnnMixture(order.lm, side.states, words, cached=cached, lam_cache=mixing.lam_cache), theta
    lam = lambdas(mixing.gate, order.lm, side.states, side.found)
    found = KnnMixture(order.lm, side.states, words, side.found, lam, mixing.temperature, cached, mixing.lam_cache)
    return found, theta


def trace(made: Read, mixing: Mixing, about: Mapping[str, Any]) -> Trace:
    """The trace of a passage.

    Args:
        about: the fields of `Trace` that are not computed: method, model, datastore, workspace, as_of, settings,
            gate_kind, words, notices.
    """
    start = time.perf_counter()
    ids, rows, N = np.asarray(made.passage.ids), made.full.states.rows, len(made.passage)
    best, theta = mixture(made, made.full, mixing)
    shown = min(SHOWN, made.full.found.entries.shape[1]) if made.full.found else 0
    kept = _Kept(N, min(shown, mixing.K) if mixes_vectors(made.order, mixing) else shown)
    for part, sides in best.chunks(rows):
        kept.take(part, sides, ids)
    plain = kept.lm_loss  # the local context alone, unless short-term memory was read along
    if made.carried is not None:
        plain = mixture(made, made.local, mixing, short=False, long=False)[0].losses(made.passage.ids, rows)
    cached, cached_weights = _cached(best, rows, N)
    search = made.order.search
    arrays = TraceArrays(
        ids=ids,
        start=made.passage.spans[:, 0],
        end=made.passage.spans[:, 1],
        kind=kinds(made.passage.text, [(int(a), int(b)) for a, b in made.passage.spans]),
        frequency=frequencies(search.store, ids) if search else np.full(N, -1),
        loss=kept.loss,
        loss_without_memory=plain,
        gate=kept.gate,
        searched=np.asarray((made.full.found.entries >= 0).any(axis=1)) if made.full.found else np.zeros(N, bool),
        **kept.neighbors(made.full.found),
        cached=cached,
        cached_weights=cached_weights,
        top=kept.top,
    )
    combinations = _combinations(made, mixing, arrays, rows)
    mixed = 1e3 * (time.perf_counter() - start)
    measured = _recall(made)
    summary = summarize(
        arrays, combinations, measured, {**made.ms, "mix": mixed, "total": sum(made.ms.values()) + mixed}
    )
    settings = {**about["settings"], **({"theta": theta} if theta is not None else {})}
    return Trace(
        **{**about, "settings": settings}, text=made.passage.text, arrays=arrays, summary=summary, stopped=made.stopped
    )


class _Kept:
    """Collects what a trace keeps of each chunk."""

    def __init__(self, N: int, shown: int) -> None:
        self.loss, self.lm_loss, self.gate = (np.full(N, np.nan) for _ in range(3))
        self.weights = np.full((N, shown), np.nan)
        self.top: dict[str, TopWords] = {}
        self.N, self.shown = N, shown

    def take(self, rows: np.ndarray, sides: Sides, ids: np.ndarray) -> None:
        self.loss[rows], self.lm_loss[rows] = sides.losses(ids[rows]), sides.losses_of_lm(ids[rows])
        self.gate[rows] = sides.gate
        width = min(self.shown, sides.weights.shape[1])
        self.weights[rows, :width] = sides.weights[:, :width]
        for name, p in (("lm", sides.lm), ("knn", sides.knn), ("cache", sides.cache), ("mixture", sides.mixture)):
            if p is not None:
                self._top(name, rows, p)

    def _top(self, name: str, rows: np.ndarray, p: torch.Tensor) -> None:
        if name not in self.top:
            m = min(TOP, p.shape[1])
            empty = np.full((self.N, m), -1), np.full((self.N, m), 0.0), np.full(self.N, np.nan)
            self.top[name] = TopWords(*empty)
        kept, best = self.top[name], p.topk(min(TOP, p.shape[1]), dim=1)
        some = (best.values[:, 0] > 0).numpy()  # memory that was not searched says nothing
        kept.ids[rows], kept.p[rows] = best.indices.numpy(), best.values.double().numpy()
        kept.rest[rows] = np.where(some, np.maximum(0.0, 1.0 - kept.p[rows].sum(1)), np.nan)

    def neighbors(self, found: Found | None) -> dict[str, np.ndarray]:
        if found is None:
            none = np.zeros((self.N, 0))
            return {"entries": none.astype(int), "values": none.astype(int), "weights": none, "distances": none}
        n = self.shown
        return {
            "entries": found.entries[:, :n],
            "values": found.values[:, :n],
            "weights": self.weights,
            "distances": np.where(np.isfinite(found.distances[:, :n]), found.distances[:, :n], np.nan),
        }


def _cached(best: Mixture, rows: np.ndarray, N: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) positions and weights of the words that the continuous cache prefers."""
    if not isinstance(best, KnnMixture) or best.cached is None:
        return np.zeros((N, 0), int), np.zeros((N, 0))
    said = best.cached
    top = said.weights.topk(min(SHOWN, said.weights.shape[1]), dim=1)
    positions, weights = np.full((N, top.values.shape[1]), -1), np.full((N, top.values.shape[1]), np.nan)
    real = top.values.numpy() > 0
    positions[rows] = np.where(real, said.positions[top.indices].numpy(), -1)
    weights[rows] = np.where(real, top.values.double().numpy(), np.nan)
    return positions, weights


def _combinations(made: Read, mixing: Mixing, arrays: TraceArrays, rows: np.ndarray) -> list[dict[str, Any]]:
    """Perplexity of every combination of the sources that there are; the last is the whole."""
    short, long = bool(made.carried or mixing.cache), made.order.search is not None
    out = [combination(arrays.loss_without_memory, short_term=False, long_term=False)]
    for with_short, with_long in ((True, False), (False, True)):
        if (short and with_short and long) or (long and with_long and short):
            side = made.full if with_short else made.local
            mixed = mixture(made, side, mixing, short=with_short, long=with_long)[0]
            out.append(combination(mixed.losses(made.passage.ids, rows), with_short, with_long))
    if short or long:
        out.append(combination(arrays.loss, short, long))
    if long and not mixes_vectors(made.order, mixing):
        out.append(_memory_alone(made, mixing, rows))
    return out


def _memory_alone(made: Read, mixing: Mixing, rows: np.ndarray) -> dict[str, Any]:
    """Lambda 1: infinite as soon as one token is not among its neighbors' values; the share of those is told."""
    assert made.full.found is not None
    losses = np.full(len(made.passage), np.nan)
    with np.errstate(divide="ignore"):
        losses[rows] = -np.log(knn_of(made.full.found, rows, np.asarray(made.passage.ids)[rows], mixing.temperature))
    return combination(losses, short_term=made.carried is not None, long_term=True, local=False)


def frequencies(store: Searchable, ids: np.ndarray) -> np.ndarray:
    """(N,) how many entries of the datastore have each token as their value."""
    base = store.base if isinstance(store, EditedStore) else store
    count = np.bincount(np.asarray(base.values), minlength=int(ids.max()) + 1)
    return count[ids]


def _recall(made: Read, sample: int = 128) -> float | None:
    """Share of the truly nearest entries that an approximate index found, on some tokens; None for an exact search."""
    search = made.order.search
    if search is None or made.order.base is not made.order.lm:
        return None
    base = search.store.base if isinstance(search.store, EditedStore) else search.store
    if not isinstance(base, Datastore) or base.fingerprint.index == "flat":
        return None
    rows = made.full.states.rows
    rows = rows[:: max(1, len(rows) // sample)]
    keys = made.full.states.keys[rows].numpy()
    return recall(base, keys, search_all(base, keys, search.k))


def step(made: Read, mixing: Mixing, whole: Trace, position: int) -> TraceStep:
    """Complete distributions, neighbors with their texts, and counterfactuals of one token of a trace."""
    best, _ = mixture(made, made.full, mixing)
    search = made.order.search
    store = search.store if search else None
    return step_of(best, position, whole[position], whole.words, made.full.found, store)


def step_of(
    best: Mixture, position: int, token: TraceToken, words: Sequence[str], found: Found | None, store: Searchable | None
) -> TraceStep:
    """The same of one row of any mixture; `found` are the neighbors of all its rows."""
    row = np.array([position])
    sides = best.sides(row)

    def complete(p: torch.Tensor) -> Distribution:
        with np.errstate(divide="ignore"):
            return Distribution(np.log(p[0].double().numpy()), words)

    near: tuple[Neighbor, ...] = ()
    knn = None if sides.knn is None or not (sides.knn > 0).any() else complete(sides.knn)
    if found is not None and store is not None:
        real = found.entries[position][: sides.weights.shape[1]] >= 0
        entries, values, distances = (
            a[position][: len(real)][real] for a in (found.entries, found.values, found.distances)
        )
        near = neighbors(store, words, entries, values, distances, sides.weights[0][real])
    asked = found is not None and bool((found.entries[position] >= 0).any())  # else there is no memory to force
    forced = {} if not asked else {str(g): complete(best.sides(row, float(g)).mixture) for g in (0, 1)}
    cache = None if sides.cache is None or not (sides.cache > 0).any() else complete(sides.cache)
    return TraceStep(token, complete(sides.lm), knn, complete(sides.mixture), cache, near, forced)
