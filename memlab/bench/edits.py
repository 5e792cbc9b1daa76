"""Speed of edits, relative to the same question without them, in the same run.

- visible: the first question after each of several edits, without the time to encode the edit's text;
- searching: a memory with 10 thousand sources removed and 10 thousand added, by every index recipe and
  within articles.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from memlab.bench.asking import Asks, p50_p95, timed
from memlab.lm.model import LanguageModel
from memlab.memory.changes import Changes, Taught
from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.entries import encode_keys, taught_entries
from memlab.memory.index import RECIPES, make_index
from memlab.memory.retrieval import retrieve, search_everywhere
from memlab.results import Article, Source

EDITS = 100  # one after the other
MANY = 10_000  # sources removed, and as many added
VISIBLE_MS = 50  # that an edit may add to the next question
SLOWER = 2  # how many times as long a search with many edits may take


def bench_visible(ask: Asks, edit: Callable[[int], float], method: str, prompts: Sequence[str]) -> dict[str, Any]:
    """A question right after each of `len(prompts) - 1` edits, and the same question about the memory without edits.

    Args:
        edit: makes the n-th edit, and returns the seconds for encoding its text.
    """
    more, bare, made = [], [], []
    entries = 0
    for n, prompt in enumerate(prompts):
        start = time.perf_counter()
        encoding = edit(n)
        made.append(time.perf_counter() - start - encoding)
        after, without = ask(prompt, method), ask(prompt, method, as_of=0)
        entries = after.entries
        bare.append(without.timings.total - without.timings.encode)
        more.append(after.timings.total - after.timings.encode - bare[-1] - 1e3 * encoding)
    more, bare = more[1:], bare[1:]  # the first question also opens the datastore
    return {
        "name": f"edit visible {method}",
        "entries": entries,
        "edits": len(more),
        **{f"more_{name}": ms for name, ms in p50_p95([ms / 1e3 for ms in more]).items()},
        "more_first_ms": more[0],
        "more_last_ms": more[-1],
        "bare_p50_ms": float(np.median(bare)),
        "edit_p50_ms": p50_p95(made)["p50_ms"],
        "ok": float(np.percentile(more, 95)) <= VISIBLE_MS,
    }


def bench_overlay(
    laid_over: Callable[[Datastore, Changes], Searchable],
    lm: LanguageModel,
    store: Datastore,
    prompts: Sequence[str],
    k: int = 32,
    queries: int = 200,
    recipes: Sequence[str] = RECIPES,
) -> Iterator[dict[str, Any]]:
    """Searches with and without many edits, alternating: over all entries by each recipe, and within articles."""
    changes = many_changes(lm, store)
    keys, rng = store.keys, np.random.default_rng(0)
    asked = np.asarray(keys[rng.choice(len(keys), queries, replace=False)], np.float32)
    asked += 0.05 * asked.std() * rng.standard_normal(asked.shape).astype(np.float32)
    for recipe in recipes:
        base = with_index(store, recipe)
        edited = laid_over(base, changes)
        yield _compared(
            f"overlay search {recipe}",
            lambda s, n: search_everywhere(s, asked[n : n + 1], k),
            (base, edited),
            queries,
            changes,
        )
    edited = laid_over(store, changes)
    yield _compared(
        "overlay search articles",
        lambda s, n: retrieve(s, prompts[n], asked[n], k, "articles", 3),
        (store, edited),
        min(len(prompts), queries),
        changes,
    )


def _compared(
    name: str,
    search: Callable[[Searchable, int], Any],
    stores: tuple[Searchable, Searchable],
    queries: int,
    changes: Changes,
) -> dict[str, Any]:
    base, edited = stores
    for store in stores:
        search(store, 0)  # warm
    bare = []
    whole = []
    for n in range(queries):
        bare.append(timed(search, base, n))
        whole.append(timed(search, edited, n))
    figures, limit = p50_p95(whole), p50_p95(bare)
    ratio = figures["p50_ms"] / limit["p50_ms"]
    return {
        "name": name,
        "entries": len(base),
        "removed": len(changes.removed),
        "added": len(edited) - len(base),
        **figures,
        **{f"bare_{name}": ms for name, ms in limit.items()},
        "ratio": ratio,
        "ok": ratio <= SLOWER,
    }


def many_changes(lm: LanguageModel, store: Datastore) -> Changes:
    """Changes that remove random sources of a store and add as many words by texts like its own."""
    rng, many = random.Random(0), min(MANY, len(store) // 2)
    removed = []
    for row, start, end in store.spans[np.sort(rng.sample(range(len(store)), many))].tolist():
        article = store.documents.article(row)
        removed.append(Source(store.fingerprint.corpus_hash, article.id, start, end, article.text[start:end]))
    taught: list[Taught] = []
    words = 0
    while words < many:
        text = new_text(store.documents.articles, rng)
        taught.append(Taught(len(taught) + 1, text[:57], text))
        words += len(taught_entries(lm, text, None).entries.values)
    return Changes(len(taught) + 1, frozenset(removed), tuple(taught))


def new_text(articles: Sequence[Article], rng: random.Random) -> str:
    """A sentence made of the halves of two others."""
    first, second = (rng.choice(rng.choice(articles).text.split(". ")).split() for _ in range(2))
    return " ".join([*first[: len(first) // 2 + 1], *second[len(second) // 2 :]])[:300]


def encoding_time(lm: LanguageModel, text: str, key: str) -> float:
    """Seconds for encoding a taught text."""
    return timed(lambda: encode_keys(lm, taught_entries(lm, text, None).entries, (key,)))


def with_index(store: Datastore, recipe: str) -> Datastore:
    """The same entries behind an index of another recipe."""
    if recipe == store.fingerprint.index:
        return store
    other = copy.copy(store)
    other.meta = replace(store.meta, fingerprint=replace(store.fingerprint, index=recipe))
    other.index = make_index(recipe, store.keys)
    return other
