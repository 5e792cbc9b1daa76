"""Which index suits a datastore: every recipe measured on its own keys, and its index replaced without encoding again.

Queries are some of the keys. An entry near a query in the text does not count as its neighbor: words of one window are
close to each other for no other reason, and a new text has no such neighbors.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from memlab.errors import InputError, StoppedError
from memlab.memory.datastore import FILES, Datastore, open_store
from memlab.memory.files import link, locked, put
from memlab.memory.index import RECIPES, brute_force, candidates, enough, make_index, recall_of, rerank, write_index
from memlab.memory.marks import mark
from memlab.progress import Progress, Stop, never_stop, no_progress

K, QUERIES = 10, 100
AROUND = 1024  # entries on either side of a query that do not count
MOST = {"flat": 500_000, "hnsw": 1_000_000}  # entries above which a recipe is not tried: too slow to ask or to make
LEAST = 1024  # entries; below, a comparison with every key is the answer
SHARES = (0.25, 1.0, 4.0)  # of the lists that an index reads by default: the curve of recall against time


@dataclass(frozen=True)
class IndexPoint:
    """One index as it was measured.

    Args:
        recipe: see `memlab.memory.index`. lists: how many inverted lists a search reads; None where there are none.
        recall: share of the true `K` nearest that are found, after the candidates were compared again.
        p50_ms, p95_ms: of one query. build_s: seconds to make the index. bytes: of the index for each entry.
        in_use: the datastore has this recipe now. usual: this is the number of lists that a search reads by default.
    """

    recipe: str
    lists: int | None
    recall: float
    p50_ms: float
    p95_ms: float
    build_s: float
    bytes: float
    in_use: bool
    usual: bool


@dataclass(frozen=True)
class IndexComparison:
    """All recipes over the keys of one datastore."""

    name: str
    entries: int
    width: int
    points: tuple[IndexPoint, ...]
    passed_over: tuple[str, ...] = ()  # recipes that are not meant for so many entries

    def to_dict(self) -> dict[str, Any]:
        settings = {"datastore": self.name, "entries": self.entries, "width": self.width, "k": K, "queries": QUERIES}
        rows = [{"method": p.recipe, **asdict(p)} for p in self.points]
        return {"task": "indexes", "settings": settings, "results": rows, "passed_over": list(self.passed_over)}


@dataclass(frozen=True)
class Asked:
    """queries: (B, d). near: (B, 2) first and last (exclusive) entry that do not count. true: (B, K) nearest of the others."""

    queries: np.ndarray
    near: np.ndarray
    true: np.ndarray


def compare_indexes(
    store: Datastore, recipes: Sequence[str] = RECIPES, progress: Progress = no_progress, stop: Stop = never_stop
) -> IndexComparison:
    """Makes an index of each recipe in memory, and measures recall and time. The datastore is not changed.

    Raises:
        InputError: fewer than `LEAST` entries, or an unknown recipe. StoppedError: `stop` returned True.
    """
    count = len(store)
    if count < LEAST:
        raise InputError(
            f"{store.name!r} has {count} entries; indexes are compared from {LEAST:,} entries on. Keep flat for so "
            "few: it compares every key."
        )
    tried = [recipe for recipe in recipes if count <= MOST.get(recipe, count)]
    asked = _asked(store.keys)
    points: list[IndexPoint] = []
    for number, recipe in enumerate(tried):

        def tick(share: float, number: int = number, recipe: str = recipe) -> None:
            if stop():
                raise StoppedError("stopped while comparing indexes; nothing was changed")
            progress((number + share) / len(tried), f"making {recipe}")

        start = time.perf_counter()
        index = make_index(recipe, store.keys, tick)
        built = time.perf_counter() - start
        progress((number + 0.99) / len(tried), f"measuring {recipe}")
        points += _points(index, recipe, store, asked, built)
    progress(1.0, "done")
    left = tuple(recipe for recipe in recipes if recipe not in tried)
    return IndexComparison(store.name, count, store.fingerprint.width, tuple(points), left)


def change_index(
    home: Path, name: str, recipe: str, progress: Progress = no_progress, stop: Stop = never_stop
) -> Datastore:
    """Gives a datastore an index of another recipe; its keys stay, so that nothing is encoded again.

    The new datastore is made next to the old one (unchanged files are linked) and then renamed into place.

    Raises:
        NotFound: no such datastore. InputError: an unknown recipe, or too few entries for it. StoppedError.
    """
    folder = home / "datastores"
    if not (folder / name).is_dir():
        open_store(home, name)  # raises NotFound with the names that exist

    def tick(share: float) -> None:
        if stop():
            raise StoppedError("stopped while making the index; the datastore is unchanged")
        progress(0.98 * share, f"making the index {recipe}")

    with locked(folder / f".{name}.lock", progress, stop):
        store, work = open_store(home, name), folder / f".{name}.index"
        if store.fingerprint.index == recipe:
            return store
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            index = make_index(recipe, store.keys, tick)
            write_index(index, work / "index.faiss")
            for file in set(FILES) - {"index.faiss", "meta.json"}:
                link(store.path / file, work / file)
            marks = {**store.meta.files, "index.faiss": mark(work / "index.faiss")} if store.meta.files else {}
            made = replace(store.fingerprint, index=recipe)
            replace(store.meta, fingerprint=made, files=marks).write(work)
            put(work, store.path)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    progress(1.0, "done")
    return open_store(home, name)


def _asked(keys: np.ndarray) -> Asked:
    """Keys at equal intervals, with their true neighbors elsewhere in the text."""
    around = min(AROUND, len(keys) // 8)
    places = np.linspace(around, len(keys) - around - 1, QUERIES).astype(int)
    near = np.stack([places - around, places + around + 1], axis=1)
    queries = np.ascontiguousarray(keys[places], np.float32)
    found = brute_force(keys, queries, K + 2 * around + 1)
    far = [_elsewhere(row, span)[: K + 4] for row, span in zip(found, near, strict=True)]
    true = rerank(keys, queries, np.stack(far), K)[0]
    return Asked(queries, near, true)


def _elsewhere(entries: np.ndarray, near: np.ndarray) -> np.ndarray:
    return entries[(entries < near[0]) | (entries >= near[1])]


def _points(index: faiss.Index, recipe: str, store: Datastore, asked: Asked, built: float) -> Iterator[IndexPoint]:
    usual = getattr(index, "nprobe", None)
    size = len(faiss.serialize_index(index)) / len(store)
    in_use = store.fingerprint.index == recipe
    counts = sorted({max(1, min(index.nlist, int(usual * s))) for s in SHARES}) if usual else [None]
    for lists in counts:
        if lists is not None:
            index.nprobe = lists
        recall, (p50, p95) = _recall(index, recipe, store.keys, asked), _milliseconds(index, recipe, store.keys, asked)
        yield IndexPoint(recipe, lists, recall, p50, p95, built, size, in_use, lists == usual)


def _recall(index: faiss.Index, recipe: str, keys: np.ndarray, asked: Asked) -> float:
    found = []
    for query, near in zip(asked.queries, asked.near, strict=True):
        allowed = np.ones(len(keys), bool)
        allowed[near[0] : near[1]] = False
        one = query[None]
        found.append(rerank(keys, one, candidates(index, recipe, one, enough(recipe, K), allowed), K)[0])
    return recall_of(np.concatenate(found), asked.true)


def _milliseconds(index: faiss.Index, recipe: str, keys: np.ndarray, asked: Asked) -> tuple[float, float]:
    """Median and 95th percentile of the time of one query over all entries."""
    each = []
    for query in asked.queries:
        start = time.perf_counter()
        rerank(keys, query[None], candidates(index, recipe, query[None], enough(recipe, K)), K)
        each.append(1e3 * (time.perf_counter() - start))
    return float(np.percentile(each, 50)), float(np.percentile(each, 95))
