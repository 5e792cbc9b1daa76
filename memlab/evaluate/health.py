"""Key health: whether nearby keys have the same values, and whether a question is near any key.

Measured on a seeded sample. Nearest distances exclude entries of the same text, since a question is
compared with texts that do not contain it.
"""

from __future__ import annotations

import time

import numpy as np

from memlab.errors import InputError
from memlab.memory.datastore import Searchable
from memlab.memory.found import Found
from memlab.memory.overlay import EditedStore
from memlab.memory.retrieval import search_everywhere
from memlab.results import KeyHealth

NEIGHBORS = 10
SAMPLE = 500
HUB_SAMPLE = 2_000
FURTHER = 64  # nearest entries that are searched for one of another text
FAR = 99  # percentile of the stored entries' nearest distances


def key_health(store: Searchable, seed: int = 0) -> KeyHealth:
    """Same values, hubness and nearest distances (Euclidean) of a datastore, edited or not.

    Raises:
        InputError: too few entries, or keys that are still being encoded.
    """
    start = time.perf_counter()
    entries = found_entries(store)
    if not store.ready:
        raise InputError(
            f"The datastore {store.name!r} is still being built; its keys can be examined when it is done."
        )
    if len(entries) < 3 * NEIGHBORS:
        raise InputError(
            f"The datastore {store.name!r} has {len(entries)} entries; at least {3 * NEIGHBORS} are needed."
        )
    rng = np.random.default_rng(seed)
    sample = rng.choice(entries, min(SAMPLE, len(entries)), replace=False)
    found = search_everywhere(store, store.gather(sample), min(FURTHER, len(entries)))
    others = found.entries != sample[:, None]
    own = np.asarray(store.values[sample])
    shares = [(row[keep][:NEIGHBORS] == v).mean() for row, keep, v in zip(found.values, others, own, strict=True)]
    nearest = _nearest_elsewhere(store, sample, found)
    held = np.unique(np.asarray(store.values[entries]), return_counts=True)[1] / len(entries)
    hubs = rng.choice(entries, min(HUB_SAMPLE, len(entries)), replace=False)
    return KeyHealth(
        datastore=store.name,
        sample=len(sample),
        entries=len(entries),
        neighbors=NEIGHBORS,
        same_value=float(np.mean(shares)),
        chance=float((held**2).sum()),
        hubness=hubness(store.gather(hubs), NEIGHBORS),
        hub_sample=len(hubs),
        nearest=nearest,
        threshold=float(np.percentile(nearest, FAR)),
        ms=1e3 * (time.perf_counter() - start),
    )


def nearest_elsewhere(store: Searchable, sample: np.ndarray) -> np.ndarray:
    """Euclidean distances, ascending, from entries (n,) to their nearest entry of another text.

    Entries that have none among their `FURTHER` nearest are left out.

    Raises:
        InputError: none has one.
    """
    return _nearest_elsewhere(store, sample, search_everywhere(store, store.gather(sample), min(FURTHER, len(store))))


def _nearest_elsewhere(store: Searchable, sample: np.ndarray, found: Found) -> np.ndarray:
    texts = np.asarray(store.spans[np.maximum(found.entries, 0)])[..., 0]
    foreign = (found.entries >= 0) & (texts != np.asarray(store.spans[sample])[:, :1])
    nearest = np.sqrt(np.where(foreign, found.distances, np.inf).min(1))
    nearest = np.sort(nearest[np.isfinite(nearest)])
    if len(nearest) == 0:
        raise InputError(f"All near entries of {store.name!r} are from one text; there is nothing to compare with.")
    return nearest


def hubness(keys: np.ndarray, k: int) -> float:
    """Skewness of N_k, how often each of the keys (n, d) is among the k nearest of another one
    (Radovanović, Nanopoulos & Ivanović 2010, section 2.2)."""
    from scipy.stats import skew  # at first use: it takes a second to import

    squared = (keys**2).sum(1)
    distance = squared[:, None] + squared - 2 * keys @ keys.T  # (n, n)
    np.fill_diagonal(distance, np.inf)
    near = np.argpartition(distance, k, axis=1)[:, :k]
    return float(skew(np.bincount(near.ravel(), minlength=len(keys))))


def found_entries(store: Searchable) -> np.ndarray:
    """Numbers of the retrievable entries, ascending."""
    every = np.arange(len(store))
    return np.setdiff1d(every, store.forgotten, assume_unique=True) if isinstance(store, EditedStore) else every
