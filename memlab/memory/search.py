"""Nearest neighbors of a query, in all entries or in those of some articles.

`Found` is what a method mixes: entries, values and exact distances. Searches over all entries go
through the index of the datastore; searches within articles are a gather and an exact comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.index import candidates, rerank


@dataclass(frozen=True)
class Found:
    """The k nearest entries of each of B queries, nearest first.

    entries: (B, k) entry numbers, -1 where there are fewer.
    values: (B, k) token ids, -1 there.
    distances: (B, k) squared L2 distances, infinite there.
    searched: how many entries were compared or could have been found.
    """

    entries: np.ndarray
    values: np.ndarray
    distances: np.ndarray
    searched: int

    def first(self, k: int) -> Found:
        """The same search with a smaller k."""
        return Found(self.entries[:, :k], self.values[:, :k], self.distances[:, :k], self.searched)


def search_all(store: Datastore, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> Found:
    """Searches all entries through the index and compares the candidates exactly.

    Args:
        queries: (B, d) float32.
        allowed: (N,) bool, entries that may be found; None for all.
    """
    found = candidates(store.index, store.fingerprint.index, queries, k, allowed)
    entries, distances = rerank(store.keys, queries, found, k)
    searched = len(store) if allowed is None else int(allowed.sum())
    return _found(store, entries, distances, searched)


def search_within(store: Searchable, query: np.ndarray, k: int, entries: np.ndarray) -> Found:
    """Compares a query (d,) exactly with the given entries."""
    gap = store.gather(entries) - query  # (n, d)
    distance = np.einsum("nd,nd->n", gap, gap, dtype=np.float64)
    order = np.lexsort((entries, distance))[:k]
    return _found(store, entries[order][None], distance[order][None], len(entries))


def _found(store: Searchable, entries: np.ndarray, distances: np.ndarray, searched: int) -> Found:
    values = np.where(entries >= 0, store.values[np.maximum(entries, 0)], -1)
    return Found(entries, values, distances, searched)
