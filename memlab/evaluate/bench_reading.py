"""Speed of reading with memory against its bare parts, measured in turn in the same run.

- reading: `Lab.read` of 2,000 tokens (a page's trace) against a bare forward pass over the same windows plus a
  bare search of the index for as many queries;
- perplexity: tokens per second with memory against a bare forward pass, with the recall of the search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from memlab.evaluate.bench import timed
from memlab.evaluate.perplexity import sampled_recall
from memlab.evaluate.token_losses import Texts, read_base
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Windows, passage, windows
from memlab.memory.datastore import Datastore
from memlab.methods.reading import Search, read_states
from memlab.results import Article, Trace

TOKENS = 2000


def bench_reading(
    read: Callable[[str], Trace], lm: LanguageModel, store: Datastore, articles: Sequence[Article], k: int, key: str
) -> dict[str, Any]:
    """A trace of 2,000 tokens against its bare parts; texts are other ones each time, so that nothing is cached."""
    texts = [_text(lm, articles[i::4]) for i in range(4)]
    how, whole, bare = windows(lm), [], []
    for text in texts:  # the first of each is a warm-up
        ids = passage(lm, text).ids
        queries = read_states(lm, ids, how, key).keys.numpy()
        bare.append(timed(_forward, lm, ids, how) + timed(store.index.search, queries, k))
        whole.append(timed(read, text))
    limit, took = float(np.median(bare[1:])), float(np.median(whole[1:]))
    return {
        "name": "read knn-lm",
        "tokens": TOKENS,
        "seconds": took,
        "bare_seconds": limit,
        "ratio": took / limit,
        "ok": took / limit <= 1.5,
    }


def bench_perplexity(
    lm: LanguageModel, store: Datastore, texts: Sequence[str], how: Windows, k: int, temperature: float
) -> dict[str, Any]:
    """Tokens per second of measuring kNN-LM's perplexity, and of bare forward passes over the same windows."""
    search, key = Search(store, k), store.fingerprint.key
    row = Texts.of([passage(lm, text) for text in texts], search)
    whole, bare = [], []
    for _ in range(4):
        bare.append(sum(timed(_forward, lm, ids, how) for ids in row.ids))
        whole.append(timed(read_base, lm, row, how, key, search, (temperature,)))
    tokens = int(row.starts[-1])
    took, limit = float(np.median(whole[1:])), float(np.median(bare[1:]))
    return {
        "name": f"perplexity {store.name}",
        "entries": len(store),
        "width": store.fingerprint.width,
        "k": k,
        "tokens": tokens,
        "tokens_per_s": tokens / took,
        "bare_tokens_per_s": tokens / limit,
        "ratio": limit / took,
        "recall": sampled_recall(lm, search, row, how, key) or 1.0,
        "ok": limit / took >= 0.5,
    }


def _text(lm: LanguageModel, articles: Sequence[Article]) -> str:
    return passage(lm, " ".join(a.text for a in articles), TOKENS, cut=True).text


def _forward(lm: LanguageModel, ids: Sequence[int], how: Windows) -> None:
    """The bare transformers model over the same windows, in batches of 4,096 tokens, scores of every word included."""
    cuts = [[*how.lead, *ids[begin:end]] for begin, end, _ in how.cut(len(ids))]
    with torch.inference_mode():
        for at in range(0, len(cuts), size := max(1, 4096 // how.window)):
            batch, mask = lm.pad(cuts[at : at + size])
            lm.module(input_ids=batch, attention_mask=mask)
