"""Speed relative to the bare parts, both measured in the same run.

- asking: a warm `Lab.ask` of a new prompt against a bare forward pass plus a bare search for it
  (article search counts as search, serialization not);
- mixing: asking again with another lambda, when nothing is encoded or searched;
- building: tokens per second of a build against bare forward passes over the same batches;
- searching: each index recipe over the bundled keys, with its recall.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import faiss
import numpy as np
import torch

from memlab.corpus.model_kinds import MASK, model_kind
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.memory.building import Order, build
from memlab.memory.datastore import Datastore
from memlab.memory.entries import BATCH_TOKENS, entries_of
from memlab.memory.index import RECIPES, candidates, enough, make_index, rerank
from memlab.memory.search import search_all, search_within
from memlab.results import Article, Prediction

_WORDS = 8  # of a question that is taken from a text


class Asks(Protocol):
    """Lab.ask."""

    def __call__(self, prompt: str, method: str, **settings: Any) -> Prediction: ...


class Goal(NamedTuple):
    """The time that a question may take: `ratio` times its bare parts, or at most `more_ms` longer."""

    ratio: float
    more_ms: float = 0.0


OF_SMALL = Goal(1.3, 15.0)  # a bundled model, which is so small that all other work counts


def p50_p95(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile in milliseconds."""
    return {"p50_ms": 1e3 * float(np.percentile(seconds, 50)), "p95_ms": 1e3 * float(np.percentile(seconds, 95))}


def timed(action: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    action(*args, **kwargs)
    return time.perf_counter() - start


def bench_ask(
    ask: Asks,
    method: str,
    lm: LanguageModel,
    store: Datastore,
    prompts: Sequence[str],
    settings: Any,
    goal: Goal = OF_SMALL,
) -> dict[str, Any]:
    """Warm questions against their bare parts, alternating prompt by prompt."""
    whole, bare = [], []
    ask(prompts[0], method)  # warm
    _bare(lm, store, prompts[0], settings)
    for prompt in prompts[1:]:
        bare.append(timed(_bare, lm, store, prompt, settings))
        whole.append(timed(ask, prompt, method))
    asked, limit = p50_p95(whole), p50_p95(bare)
    ratio, more = asked["p50_ms"] / limit["p50_ms"], asked["p50_ms"] - limit["p50_ms"]
    return {
        "name": f"ask {method}",
        **asked,
        "bare_p50_ms": limit["p50_ms"],
        "bare_p95_ms": limit["p95_ms"],
        "ratio": ratio,
        "more_ms": more,
        "ok": ratio <= goal.ratio or more <= goal.more_ms,
    }


def _bare(lm: LanguageModel, store: Datastore, prompt: str, s: Any) -> None:
    """A forward pass of the bare transformers model, and a search by the method's rule."""
    read = read_prompt(lm, prompt)
    with torch.inference_mode():
        lm.module(input_ids=torch.tensor([read.ids]))
    query = np.zeros(lm.width(store.fingerprint.key), np.float32)
    if s.search == "all":
        search_all(store, query[None], s.k)
    else:
        rows = store.articles.find(prompt, s.articles)
        search_within(store, query, s.k, store.documents.entries(rows))


def own_prompts(lm: LanguageModel, texts: Sequence[Article], count: int) -> list[str]:
    """Distinct prompts from texts: eight words, for a masked model followed by a gap and a full stop.

    Raises:
        InputError: an unknown kind of model, or the texts give fewer than `count`.
    """
    found: dict[str, None] = {}
    kind = model_kind(lm.kind)
    for words in (text.text.split() for text in texts):
        for at in range(0, len(words) - _WORDS, _WORDS):
            start = " ".join(words[at : at + _WORDS])
            if (prompt := kind.prompt(f"{start} {MASK}.")) is not None:
                found[prompt] = None
            if len(found) == count:
                return list(found)
    raise InputError(
        f"The texts give {len(found)} questions of {_WORDS} words, but {count} are needed. Give more with --asked."
    )


def bench_mix(ask: Asks, method: str, prompt: str, repeat: int) -> dict[str, Any]:
    """Moving lambda: the same question with other settings of the mixture."""
    ask(prompt, method)
    again = [timed(ask, prompt, method, lam=float(lam)) for lam in np.linspace(0.01, 0.99, repeat)]
    figures = p50_p95(again)
    return {"name": f"re-mix {method}", **figures, "ok": figures["p95_ms"] <= 20}


def bench_build(lm: LanguageModel, documents: Sequence[Article], key: str, least: float = 0.8) -> dict[str, Any]:
    """Tokens per second of a build, and of bare forward passes over the same contexts. `least`: the goal for their
    ratio.

    Both are measured three times, alternating, after a warm-up of each; the medians are given.
    """
    planned = entries_of(lm, documents)
    lengths = np.array([len(c) for c in planned.contexts])
    contexts = planned.context if planned.masked else np.arange(len(planned.contexts))
    contexts = contexts[np.argsort(lengths[contexts], kind="stable")]
    tokens = int(lengths[contexts].sum())
    built, bare, before = [], [], _memory_mb()
    for _ in range(4):
        with tempfile.TemporaryDirectory() as folder:
            built.append(timed(build, Path(folder), lm, documents, Order("bench", (key,))))
        bare.append(timed(_forward_all, lm, planned.contexts, contexts, lengths))
    whole, limit = float(np.median(built[1:])), float(np.median(bare[1:]))
    return {
        "name": f"build {lm.name}",
        "tokens": tokens,
        "tokens_per_s": tokens / whole,
        "bare_tokens_per_s": tokens / limit,
        "ratio": limit / whole,
        "grown_mb": _memory_mb() - before,
        "ok": limit / whole >= least,
    }


def _forward_all(lm: LanguageModel, ids: Sequence[Sequence[int]], contexts: np.ndarray, lengths: np.ndarray) -> None:
    begin, filled = 0, 0
    with torch.inference_mode():
        for i in range(len(contexts) + 1):
            n = int(lengths[contexts[i]]) if i < len(contexts) else 0
            if i == len(contexts) or (filled and filled + n > BATCH_TOKENS):
                batch, mask = lm.pad([ids[c] for c in contexts[begin:i]])
                lm.module.base_model(input_ids=batch, attention_mask=mask)
                begin, filled = i, 0
            filled += n


def bench_indexes(store: Datastore, k: int = 32, queries: int = 200) -> Iterator[dict[str, Any]]:
    """Every recipe over the keys of a store: recall of the k nearest and milliseconds per question."""
    keys = np.asarray(store.keys)
    rng = np.random.default_rng(0)
    asked = keys[rng.choice(len(keys), queries, replace=False)].astype(np.float32)
    asked += 0.05 * asked.std() * rng.standard_normal(asked.shape).astype(np.float32)
    gap = (asked**2).sum(1)[:, None] - 2 * asked @ keys.astype(np.float32).T + (keys.astype(np.float32) ** 2).sum(1)
    true = np.argsort(gap, axis=1)[:, :k]
    for recipe in RECIPES:
        made = time.perf_counter()
        index = make_index(recipe, keys)
        built = time.perf_counter() - made
        each = []
        for row in range(queries):
            q = asked[row : row + 1]
            each.append(timed(_search, index, recipe, keys, q, k))
        found = rerank(keys, asked, candidates(index, recipe, asked, enough(recipe, k)), k)[0]
        recall = np.mean([len(set(a) & set(b)) / k for a, b in zip(found.tolist(), true.tolist(), strict=True)])
        yield {"name": f"index {recipe}", **p50_p95(each), "recall": float(recall), "build_s": built}


def _search(index: faiss.Index, recipe: str, keys: np.ndarray, query: np.ndarray, k: int) -> None:
    rerank(keys, query, candidates(index, recipe, query, enough(recipe, k)), k)


def _memory_mb() -> float:
    """The peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
