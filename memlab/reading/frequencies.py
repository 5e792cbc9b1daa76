"""How often a datastore holds a word, to tell whether memory helps with rare words or with frequent ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from memlab.memory.datastore import Searchable
from memlab.memory.overlay import EditedStore

BANDS = ((0, 0), (1, 9), (10, 99), (100, 999), (1000, None))


def frequencies(store: Searchable, ids: np.ndarray) -> np.ndarray:
    """(N,) how many entries of the datastore, as it was built, have each token as their value."""
    base = store.base if isinstance(store, EditedStore) else store
    count = np.bincount(np.asarray(base.values), minlength=int(ids.max()) + 1)
    return count[ids]


def frequency_bands(frequency: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Each band's name and (N,) which tokens are in it; -1 (unknown) is in none."""
    for low, high in BANDS:
        name = f"{low}" if low == high else f"{low} and more" if high is None else f"{low} to {high}"
        yield name, (frequency >= low) & (True if high is None else frequency <= high)
