"""Nearest neighbors of a query, in all entries or in those of some articles.

Searches over all entries go through the index of the datastore; searches within articles are a gather
and an exact comparison.
"""

from __future__ import annotations

import numpy as np

from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.found import Found
from memlab.memory.index import brute_force, candidates, enough, recall_of, rerank

MANY = 32  # from this many queries on, matrix products beat comparing query by query
_TOGETHER = 4096  # queries of one step, so that memory stays bounded


def search_all(store: Datastore, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> Found:
    """Searches all entries through the index and compares the candidates exactly.

    Args:
        queries: (B, d) float32.
        allowed: (N,) bool, entries that may be found; None for all.
    """
    parts = [_nearest(store, queries[at : at + _TOGETHER], k, allowed) for at in range(0, len(queries), _TOGETHER)]
    entries, distances = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    searched = len(store) if allowed is None else int(np.count_nonzero(allowed))
    return _found(store, entries, distances, searched)


def _nearest(
    store: Datastore, queries: np.ndarray, k: int, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    recipe = store.fingerprint.index
    if recipe == "flat" and len(queries) >= MANY:
        found = brute_force(store.keys, queries, min(k + 4, len(store)), allowed)  # a few more: near ties
    elif allowed is None:
        found = candidates(store.index, recipe, queries, enough(recipe, k))
    else:
        found = _of_allowed(store, queries, enough(recipe, k), allowed)
    return rerank(store.keys, queries, found, k)


def _of_allowed(store: Datastore, queries: np.ndarray, n: int, allowed: np.ndarray) -> np.ndarray:
    """(B, >= n) candidates, -1 for those that are not allowed. Searching for more than n and discarding those takes
    half the time of a search that tests each entry; that search follows only where too few remain."""
    recipe = store.fingerprint.index
    share = 1 - np.count_nonzero(allowed) / len(allowed)
    found = candidates(store.index, recipe, queries, int(n * (1 + 2 * share)) + 16)
    found[~allowed[found]] = -1
    if (found >= 0).sum(1).min() < n:
        return candidates(store.index, recipe, queries, n, allowed)
    return found


def recall(store: Datastore, queries: np.ndarray, found: Found, allowed: np.ndarray | None = None) -> float:
    """Share of the truly nearest entries of some queries that a search found (1 for a flat index)."""
    k = found.entries.shape[1]
    return recall_of(found.entries, brute_force(store.keys, queries, k, allowed))


def search_within(store: Searchable, query: np.ndarray, k: int, entries: np.ndarray) -> Found:
    """Compares a query (d,) exactly with the given entries."""
    gap = store.gather(entries) - query  # (n, d)
    distance = np.einsum("nd,nd->n", gap, gap, dtype=np.float64)
    order = np.lexsort((entries, distance))[:k]
    return _found(store, entries[order][None], distance[order][None], len(entries))


def _found(store: Searchable, entries: np.ndarray, distances: np.ndarray, searched: int) -> Found:
    values = np.where(entries >= 0, store.values[np.maximum(entries, 0)], -1)
    return Found(entries, values, distances, searched)
