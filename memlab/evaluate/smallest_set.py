"""The smallest set of neighbors whose forgetting changes an answer, confirmed by a dry run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memlab.corpus.world import MASK
from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.overlay import EditedStore
from memlab.memory.retrieval import Retrieval
from memlab.reading.removal import Removal, smallest_removal
from memlab.results import Neighbor, Prediction, SmallestSet
from memlab.results.explanation import MINIMAL, NONE, UPPER_BOUND

MOST = 256  # entries in a set
TRIES = 5  # sets that a dry run may refute


@dataclass(frozen=True)
class Pool:
    """More than k neighbors, nearest first: log weights (M,), token ids (M,), and neighbors to show."""

    scores: np.ndarray
    values: np.ndarray
    shown: Sequence[Neighbor]


def smallest_set(p: Prediction, pool: Pool, most: int, doubt: str, without: Callable[..., Prediction]) -> SmallestSet:
    """Finds a set among the neighbors, and confirms it by asking again without it.

    A dry run can refute a set if forgetting it also changes which articles are searched; then larger sets
    are tried.

    Args:
        most: the largest size.
        doubt: why an even smaller set may exist; empty if none can.
        without: asks the question of `p` without entries.
    """
    start = time.perf_counter()
    least, tried = 1, 0
    for _ in range(TRIES):
        found = _search(p, pool, most, least)
        tried = found.tried
        if not found.removed:
            break
        removed = tuple(pool.shown[i] for i in found.removed)
        after = without([n.entry for n in removed]).answer
        if after != p.answer:
            if len(removed) == 1:
                doubt = ""
            elif not found.exact:
                doubt = doubt or "Scores differ by more than can be weighed exactly."
            bound = UPPER_BOUND if doubt else MINIMAL
            return _timed(SmallestSet(p.answer, after, removed, bound, found.tried, doubt), start)
        doubt = doubt or "Forgetting a smaller set also changed which articles are searched."
        least = found.tried + 1
    return _timed(SmallestSet(p.answer, None, (), NONE, tried, doubt), start)


def _search(p: Prediction, pool: Pool, most: int, least: int) -> Removal:
    lam, k = p.gate.knn_weight, len(p.neighbors)
    return smallest_removal(pool.scores, pool.values, p.lm.logp, lam, k, most, least)


def _timed(result: SmallestSet, start: float) -> SmallestSet:
    return replace(result, ms=1e3 * (time.perf_counter() - start))


def doubts(store: Searchable, prompt: str, retrieved: Retrieval) -> str:
    """Why the result of one search may not tell what every smaller set would do; empty if it does.

    Forgetting also removes the words from their articles. That cannot change the search if all entries are
    compared, or if a title in the prompt determines the searched articles.
    """
    base = store.base if isinstance(store, EditedStore) else store
    if retrieved.rows is None:
        approximate = isinstance(base, Datastore) and base.fingerprint.index != "flat"
        if approximate:
            return "The index is approximate, so other entries could move up."
    elif not set(store.articles.titled(prompt.replace(MASK, " "))) & set(retrieved.rows):
        return "Forgetting could change which articles are searched, since no title in the prompt determines them."
    entries = retrieved.found.entries[0]
    spans = np.asarray(store.spans[entries[entries >= 0]])
    spans = spans[np.lexsort((spans[:, 1], spans[:, 0]))]
    same = (spans[1:, 0] == spans[:-1, 0]) & (spans[1:, 1] < spans[:-1, 2])
    return "Some entries share characters, so one cannot be forgotten without the other." if same.any() else ""
