"""How search scales with the number of entries: recall, time and memory of each index recipe.

The keys are those of a trained model on real text, and the queries come from other text: random vectors have no
neighborhoods, and a search among them says nothing about a search among keys. The first n entries of one build are
indexed by each recipe; the truth is the k nearest by comparison with every key.
"""

from __future__ import annotations

import itertools
import math
import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from memlab.bench.asking import p50_p95, timed
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.lm.passage import passage, windows
from memlab.memory.building import Order, build
from memlab.memory.datastore import open_store
from memlab.memory.entries import Reading
from memlab.memory.index import RECIPES, brute_force, candidates, enough, make_index, recall_of, recipe_for, rerank
from memlab.progress import Progress, no_progress
from memlab.reading.states import read_states
from memlab.results import Article

WINDOW = 128  # tokens of an independent window; fewer if the model's limit is lower
PIECE, TOGETHER = 20_000, 128  # characters of a piece of a long text; passages of a joined text
ASKED = 5_000  # tokens from which queries are chosen
K, QUERIES = 10, 200
MOST = {"flat": 200_000, "hnsw": 200_000}  # entries up to which a recipe is measured unless it is requested
GOALS = (
    (0, 0.95, math.inf),
    (1_000_000, 0.95, 2.0),
    (5_000_000, 0.9, 10.0),
)  # (entries, recall@10 to reach from there on, median milliseconds)
LEAST, LIMIT_MB = 1_000, 2048


@dataclass(frozen=True)
class Growth:
    """What is measured.

    Args:
        counts: numbers of entries, ascending.
        recipes: of indexes. If it is all of them, those that are too slow for a number of entries are skipped.
        key: which key of the model.
    """

    counts: tuple[int, ...]
    recipes: tuple[str, ...] = RECIPES
    key: str = "ffn"

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < LEAST:
            raise InputError(f"Give numbers of entries of at least {LEAST:,}, such as 10000,100000,1000000.")
        for recipe in self.recipes:
            if recipe not in RECIPES:
                raise InputError(f"There is no index recipe {recipe!r}. Allowed: {', '.join(RECIPES)}.")


def bench_growth(
    folder: Path,
    lm: LanguageModel,
    told: Iterable[Article],
    asked: Sequence[Article],
    what: Growth,
    progress: Progress = no_progress,
) -> Iterator[dict[str, Any]]:
    """A row for the build, then one for each number of entries and recipe.

    Args:
        folder: where the datastore is built; needs about 2.2 bytes for each dimension of each key.
        told, asked: texts of the entries, and of the queries.

    Raises:
        InputError: the texts give fewer entries or queries than wanted.
    """
    largest = max(what.counts)
    with _Anonymous() as memory:
        start = time.perf_counter()
        window = min(WINDOW, lm.limit)
        order = Order("growth", (what.key,), recipe_for(largest, lm.width(what.key)), Reading(window, window))
        build(folder, lm, _enough_of(lm, told, largest, window), order, progress)
        took = time.perf_counter() - start
    store = open_store(folder, "growth")
    yield {
        "name": "build",
        "model": lm.name,
        "key": what.key,
        "entries": len(store),
        "width": store.fingerprint.width,
        "index": store.fingerprint.index,
        "tokens_per_s": len(store) / took,
        "anonymous_mb": memory.most,
        "ok": memory.most is None or memory.most <= LIMIT_MB,
    }
    queries = _queries(lm, asked, what.key)
    for count in what.counts:
        keys = store.keys[:count]
        true = rerank(keys, queries, brute_force(keys, queries, K + 4), K)[0]
        for recipe in what.recipes:
            if what.recipes != RECIPES or count <= MOST.get(recipe, count):
                yield _measured(recipe, keys, queries, true)


def _measured(recipe: str, keys: np.ndarray, queries: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """An index over the keys: its time, size and recall."""
    with _Anonymous() as memory:
        start = time.perf_counter()
        index = make_index(recipe, keys)
        built = time.perf_counter() - start
        n = enough(recipe, K)
        for row in range(8):  # warm
            rerank(keys, queries[row : row + 1], candidates(index, recipe, queries[row : row + 1], n), K)
        found, each = [], []
        for row in range(len(queries)):
            one = queries[row : row + 1]
            each.append(timed(lambda one=one: found.append(rerank(keys, one, candidates(index, recipe, one, n), K)[0])))
    recall, speed, count = recall_of(np.concatenate(found), true), p50_p95(each), len(keys)
    recommended = recipe == recipe_for(count, keys.shape[1])
    _, least, longest = max(goal for goal in GOALS if goal[0] <= count)
    return {
        "name": f"index {recipe}",
        "entries": count,
        "width": keys.shape[1],
        "k": K,
        "questions": len(queries),
        "recall": recall,
        **speed,
        "lists_read": getattr(index, "nprobe", None),
        "build_s": built,
        "bytes_per_entry": _bytes(index, count),
        "anonymous_mb": memory.most,
        "recommended": recommended,
        "ok": not recommended
        or (recall >= least and speed["p50_ms"] <= longest and (memory.most is None or memory.most <= LIMIT_MB)),
    }


def _bytes(index: faiss.Index, count: int) -> float:
    """Bytes per entry of the index file, which is not written."""
    written = [0]

    def take(part: bytes) -> int:
        written[0] += len(part)
        return len(part)

    faiss.write_index(index, faiss.PyCallbackIOWriter(take))
    return written[0] / count


def pieces(text: Article, characters: int = PIECE) -> Iterator[Article]:
    """A text in pieces of whole lines, each of about `characters` characters."""
    lines: list[str] = []
    size = number = 0
    for line in [*text.text.split("\n"), None]:
        if lines and (line is None or size >= characters):
            yield Article(f"{text.id} {number}", text.title, "\n".join(lines))
            lines, size, number = [], 0, number + 1
        if line and line.strip():
            lines.append(line)
            size += len(line)


def told_again(passages: Sequence[Article], together: int = TOGETHER) -> Iterator[Article]:
    """Endless running text from passages: `together` in one text, in a new random order on each round.

    The same sentence after another one has another key, so many entries can be made from a small text; they are closer
    together than those of a large text.
    """
    for round_ in itertools.count():
        order = list(passages)
        random.Random(round_).shuffle(order)
        for at in range(0, len(order), together):
            yield Article(f"{round_}-{at}", "", " ".join(p.text for p in order[at : at + together]))


def _enough_of(lm: LanguageModel, told: Iterable[Article], entries: int, window: int) -> list[Article]:
    """The first texts with enough entries: in independent windows, each token but the first of a window is an entry."""
    documents, count = [], 0
    for text in told:
        documents.append(text)
        tokens = len(passage(lm, text.text))
        count += tokens - math.ceil(tokens / window)
        if count >= entries:
            return documents
    raise InputError(
        f"The texts give {count:,} entries, not {entries:,}. Give more text with --text, or ask for fewer entries."
    )


def _queries(lm: LanguageModel, asked: Sequence[Article], key: str) -> np.ndarray:
    """(QUERIES, d) keys of evenly spaced tokens of other texts."""
    window = min(WINDOW, lm.limit)
    how, found, count = windows(lm, window, window), [], 0
    for text in asked:
        states = read_states(lm, passage(lm, text.text).ids, how, key)
        found.append(states.keys[states.rows].numpy())
        count += len(found[-1])
        if count >= ASKED:
            break
    if count < QUERIES:
        raise InputError(f"The texts to ask with give {count:,} queries; at least {QUERIES} are needed.")
    rows = np.concatenate(found)
    return np.ascontiguousarray(rows[np.linspace(0, len(rows) - 1, QUERIES).astype(int)], np.float32)


class _Anonymous:
    """The peak anonymous resident memory (MB) of this process while the block runs; mapped files, which the system can
    drop at any time, are not counted. None if the system does not report it."""

    def __init__(self) -> None:
        self.most: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Anonymous:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            now = _anonymous_mb()
            if now is None:
                return
            self.most = max(self.most or 0.0, now)
            if self._done.wait(0.05):
                return


def _anonymous_mb() -> float | None:
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    found = next((line for line in status.read_text().splitlines() if line.startswith("RssAnon")), None)
    return None if found is None else int(found.split()[1]) / 1024
