"""From a passage to its `Trace`: the loss of each source on every token, and what memory predicted.

`memlab.reading.passes` does what takes time (forward passes and searches), once; here the results are mixed. So
another lambda, temperature or gate costs neither a forward pass nor a search.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from memlab.corpus.word_kinds import kinds
from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.found import Found
from memlab.memory.overlay import EditedStore
from memlab.memory.search import recall, search_all
from memlab.reading.answering import neighbors
from memlab.reading.frequencies import frequencies
from memlab.reading.mixture import KnnMixture, Mixture, MixtureInputs, Sides, cache_over
from memlab.reading.passes import Read, Side
from memlab.reading.reader import NO_CACHE, CacheOptions, Mixer
from memlab.reading.trace_summary import combination, summarize
from memlab.results import About, Distribution, Neighbor, Trace, TraceArrays, TraceStep, TraceToken
from memlab.results.trace import TopWords

SHOWN = 8  # neighbors, and words of the cache, kept for each token
TOP = 5  # most probable words kept of each side


@dataclass(frozen=True)
class Mixing:
    """How what was read is mixed: the method's mixer, and the continuous cache (size 0: none)."""

    mixer: Mixer
    cache: CacheOptions = NO_CACHE


def mixture(
    made: Read, side: Side, mixing: Mixing, short: bool = True, long: bool = True
) -> tuple[Mixture, float | None]:
    """The mixture of the sources that are switched on, and theta of the cache where there is one."""
    order, ids = made.order, made.passage.ids
    words = order.lm.V + (len(order.search.store.words) if order.search else 0)
    cached, theta = None, None
    if mixing.cache.size and mixing.mixer.takes_cache and short and len(side.states.rows):
        cached, theta = cache_over(side.states, ids, mixing.cache.size, mixing.cache.theta, mixing.cache.spread)
    found = side.found if long else None
    inputs = MixtureInputs(order.lm, side.states, words, found, cached, mixing.cache.lam)
    return mixing.mixer.mixture(inputs), theta


def trace(made: Read, mixing: Mixing, about: About) -> Trace:
    """The trace of a passage; `about` says how it was read."""
    start = time.perf_counter()
    ids, rows, N = np.asarray(made.passage.ids), made.full.states.rows, len(made.passage)
    best, theta = mixture(made, made.full, mixing)
    shown = min(SHOWN, made.full.found.entries.shape[1]) if made.full.found else 0
    kept = _Kept(N, shown if mixing.mixer.shown is None else min(shown, mixing.mixer.shown))
    for part, sides in best.chunks(rows):
        kept.take(part, sides, ids)
    plain = kept.lm_loss  # the local context alone, unless there is short-term memory
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
    complete = about if theta is None else replace(about, settings={**about.settings, "theta": theta})
    return Trace(**vars(complete), text=made.passage.text, arrays=arrays, summary=summary, stopped=made.stopped)


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
        some = (best.values[:, 0] > 0).numpy()  # memory that was not searched has no distribution
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
    if not isinstance(best, KnnMixture) or best.inputs.cached is None:
        return np.zeros((N, 0), int), np.zeros((N, 0))
    attended = best.inputs.cached
    top = attended.weights.topk(min(SHOWN, attended.weights.shape[1]), dim=1)
    positions, weights = np.full((N, top.values.shape[1]), -1), np.full((N, top.values.shape[1]), np.nan)
    real = top.values.numpy() > 0
    positions[rows] = np.where(real, attended.positions[top.indices].numpy(), -1)
    weights[rows] = np.where(real, top.values.double().numpy(), np.nan)
    return positions, weights


def _combinations(made: Read, mixing: Mixing, arrays: TraceArrays, rows: np.ndarray) -> list[dict[str, Any]]:
    """Perplexity of every combination of the sources in use, of all of them, and of long-term memory alone."""
    short, long = bool(made.carried or mixing.cache.size), made.order.search is not None
    out = [combination(arrays.loss_without_memory, short_term=False, long_term=False)]
    for with_short, with_long in ((True, False), (False, True)):
        if (short and with_short and long) or (long and with_long and short):
            side = made.full if with_short else made.local
            mixed = mixture(made, side, mixing, short=with_short, long=with_long)[0]
            out.append(combination(mixed.losses(made.passage.ids, rows), with_short, with_long))
    if short or long:
        out.append(combination(arrays.loss, short, long))
    alone = mixture(made, made.full, mixing)[0].losses_of_memory(made.passage.ids, rows) if long else None
    if alone is not None:  # infinite as soon as one token is not among its neighbors' values; their share is reported
        out.append(combination(alone, short_term=made.carried is not None, long_term=True, local=False))
    return out


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
    sides = best.answer(position)

    def complete(logp: np.ndarray) -> Distribution:
        return Distribution(logp, words)

    near: tuple[Neighbor, ...] = ()
    if found is not None and store is not None:
        real = found.entries[position][: len(sides.weights)] >= 0
        entries, values, distances = (
            a[position][: len(real)][real] for a in (found.entries, found.values, found.distances)
        )
        near = neighbors(store, words, entries, values, distances, sides.weights[real])
    asked = found is not None and bool((found.entries[position] >= 0).any())  # else there is no memory to force
    forced = {} if not asked else {str(g): complete(best.answer(position, float(g)).mixture) for g in (0, 1)}
    knn = None if sides.knn is None else complete(sides.knn)
    cache = None if sides.cache is None else complete(sides.cache)
    return TraceStep(token, complete(sides.lm), knn, complete(sides.mixture), cache, near, forced)
