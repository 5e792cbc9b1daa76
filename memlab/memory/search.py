"""Nearest neighbors of a query, in all entries or in those of some articles.

Searches over all entries go through the index of the datastore; searches within articles are a gather
and an exact comparison.
"""

from __future__ import annotations

import numpy as np

from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.found import Found
from memlab.memory.index import candidates, rerank


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
