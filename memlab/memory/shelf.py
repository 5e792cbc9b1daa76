"""The datastores of a home folder: found by name, opened once, reopened when their files change."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from cachetools import LRUCache

from memlab.corpus.generator import articles_hash, atlas_articles
from memlab.errors import StoreError
from memlab.lm.catalogue import BUNDLED, load
from memlab.memory.contents import contents
from memlab.memory.datastore import Datastore, listed, open_store, stamp
from memlab.memory.marks import NO_HASHES
from memlab.memory.on_demand import OnDemandStore
from memlab.results.contents import Contents
from memlab.results.texts import TextReport, TextSource

Thing = TypeVar("Thing")


NOT_CALIBRATED = "not calibrated"


class Cache:
    """A bounded cache that threads share; of a value that two of them compute at once, one is kept."""

    def __init__(self, size: int = 512) -> None:
        self._kept: LRUCache[Hashable, Any] = LRUCache(maxsize=size)
        self._lock = threading.Lock()

    def get(self, at: Hashable, make: Callable[[], Thing]) -> Thing:
        """The value kept under `at`, computed by `make` if there is none."""
        with self._lock:
            if at in self._kept:
                return self._kept[at]
        made = make()
        with self._lock:
            return self._kept.setdefault(at, made)


@dataclass(frozen=True)
class StoreInfo:
    """What is known about a datastore.

    `state` is ready, building, missing or broken; `why` says more, also for a ready one without hashes.
    """

    name: str
    model: str
    key: str
    entries: int
    documents: int
    index: str
    state: str
    why: str = ""
    calibration: str = ""  # the settings used by default, and how they were found
    report: TextReport | None = None  # of a datastore that was just built: what was read and what was left out
    contents: Contents | None = None  # only on request, and of a datastore that was just built
    sources: tuple[TextSource, ...] = ()  # data sets of the hub that it holds

    def to_dict(self) -> dict[str, Any]:
        optional = ("report", "contents", "sources")
        return {name: value for name, value in asdict(self).items() if value or name not in optional}


class Shelf:
    """Opens datastores by name, and makes one that encodes keys on demand for a bundled one that is not built yet."""

    def __init__(self, home: Path, cache: Cache) -> None:
        self.home, self._cache = home, cache

    def names(self) -> list[str]:
        """Names of the datastores in the home folder, readable or not."""
        return listed(self.home)

    def open(self, name: str) -> Datastore:
        """An open datastore. Raises NotFound (with the names that exist) or StoreError (damaged)."""
        now = stamp(self.home / "datastores" / name)
        return self._cache.get(("store", name, now), lambda: open_store(self.home, name))

    def info(self, name: str) -> StoreInfo:
        """What is known about a datastore, broken or not. Raises NotFound."""
        try:
            store = self.open(name)
            f, why = store.fingerprint, "" if store.meta.files else NO_HASHES
            return StoreInfo(
                name,
                f.model,
                f.key,
                f.count,
                f.documents,
                f.index,
                "ready",
                why,
                calibration_line(store),
                sources=store.meta.sources,
            )
        except StoreError as error:
            return StoreInfo(name, "", "", 0, 0, "", "broken", str(error))

    def contents(self, name: str) -> Contents:
        """What a datastore holds, computed once for each state of its files. Raises NotFound, StoreError."""
        store = self.open(name)
        return self._cache.get(("contents", store), lambda: contents(store))

    def is_built(self, name: str) -> bool:
        """Whether a datastore can be opened; a bundled one must belong to the installed model and articles."""
        if name not in BUNDLED:
            return True
        if name not in self.names():
            return False
        store = self.open(name)
        return self._cache.get(("current", store), lambda: _is_current(store))

    def on_demand(self, name: str, key: str) -> OnDemandStore:
        """A bundled datastore that is not built yet."""
        return self._cache.get(("on demand", name, key), lambda: OnDemandStore(name, load(name), atlas_articles(), key))

    def with_key(self, store: Datastore, key: str) -> Datastore:
        """The datastore of the same collection with this kind of key. Raises StoreError when there is none."""
        if store.fingerprint.key == key:
            return store
        sibling = f"{store.name}-{key}"
        if sibling not in self.names():
            raise StoreError(
                f"The datastore {store.name!r} holds keys of the kind {store.fingerprint.key!r}, and there is no {sibling!r}. "
                f"Use key {store.fingerprint.key!r}, or build it with --key {key}."
            )
        return self.open(sibling)


def calibration_line(store: Datastore) -> str:
    """One line on the default settings of a datastore: calibrated ones with their gain, or that there are none."""
    if not store.meta.calibrated:
        return f"{NOT_CALIBRATED}: the papers' settings with key {store.fingerprint.key}"
    lines = []
    for record in store.meta.calibrated.values():
        shown = ", ".join(f"{name} {value}" for name, value in record["settings"].items())
        on = "held-out words" if "gain" in record else "questions"
        line = f"{shown}: calibrated on {record.get('questions', '?')} {on}"
        if "gain" in record:
            line += f"; {gain_in_words(record['model_logp'], record['gain'])}"
        if record.get("preferred_key") not in (None, record["settings"].get("key")):
            line += f"; key {record['preferred_key']} did better and is the default"
        lines.append(line)
    return "; ".join(lines)


def gain_in_words(model_logp: float, gain: float) -> str:
    """What the memory changes on held-out words, as perplexities.

    Args:
        model_logp: mean log-probability of the model alone, in nats per word.
        gain: what memory adds to it, in nats per word; see `memlab.evaluate.store_calibration`.
    """
    with_memory, alone = math.exp(-model_logp - gain), math.exp(-model_logp)
    change = f"perplexity {with_memory:.4g} instead of {alone:.4g} without memory"
    return change if gain > 0 else f"{change}: on its own held-out text this memory does not help"


def _is_current(store: Datastore) -> bool:
    try:
        store.check(load(store.name), corpus_hash=articles_hash())
    except StoreError:
        return False
    return bool(store.meta.calibrated)
