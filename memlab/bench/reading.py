"""Speed of reading with memory relative to its bare parts, measured alternating in the same run.

- reading: `Lab.read` of 2,000 tokens (a page's trace) against a bare forward pass over the same windows plus a
  bare search of the index for as many queries;
- perplexity: tokens per second with memory against a bare forward pass, with the recall of the search; with
  the bundled memory, and with one of 300 thousand entries of width 256, as from a user's own text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memlab.bench.asking import timed
from memlab.evaluate.perplexity import sampled_recall
from memlab.evaluate.token_losses import Texts, Wanted, read_base
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Windows, passage, windows
from memlab.lm.text_training import TextRecipe, new_model
from memlab.memory.building import Order, build
from memlab.memory.datastore import Datastore, open_store
from memlab.memory.entries import Reading
from memlab.reading.states import Search, read_states
from memlab.results import Article, Trace

TOKENS = 2000
ENTRIES, WIDTH, WINDOW = 300_000, 256, 128
HALF = 0.5  # goal: the share of the bare forward pass's tokens per second


def bench_reading(
    read: Callable[[str], Trace], lm: LanguageModel, store: Datastore, texts: Sequence[str], k: int, most: float = 1.5
) -> dict[str, Any]:
    """A trace of some tokens against its bare parts.

    Args:
        texts: distinct ones, so that nothing is cached; the first is a warm-up. most: the goal for the ratio.
    """
    key = store.fingerprint.key
    how, whole, bare = windows(lm), [], []
    for text in texts:
        ids = passage(lm, text).ids
        queries = read_states(lm, ids, how, key).keys.numpy()
        bare.append(timed(_forward, lm, [ids], how) + timed(store.index.search, queries, k))
        whole.append(timed(read, text))
    limit, took = float(np.median(bare[1:])), float(np.median(whole[1:]))
    return {
        "name": "read knn-lm",
        "tokens": len(passage(lm, texts[-1])),
        "seconds": took,
        "bare_seconds": limit,
        "ratio": took / limit,
        "ok": took / limit <= most,
    }


def bench_perplexity(
    lm: LanguageModel,
    store: Datastore,
    texts: Sequence[str],
    how: Windows,
    k: int,
    temperature: float,
    least: float = HALF,
) -> dict[str, Any]:
    """Tokens per second of measuring kNN-LM's perplexity, and of bare forward passes over the same windows.

    least: the goal for the ratio of both.
    """
    search, key = Search(store, k), store.fingerprint.key
    row = Texts.of([passage(lm, text) for text in texts], search)
    whole, bare = [], []
    for _ in range(4):
        bare.append(timed(_forward, lm, row.ids, how))
        whole.append(timed(read_base, lm, row, how, Wanted(key, search, (temperature,))))
    tokens = int(row.starts[-1])
    took, alone = float(np.median(whole[1:])), float(np.median(bare[1:]))
    recall = sampled_recall(lm, search, row, how, key)
    return {
        "name": f"perplexity {store.name}",
        "entries": len(store),
        "width": store.fingerprint.width,
        "index": store.fingerprint.index,
        "k": k,
        "tokens": tokens,
        "tokens_per_s": tokens / took,
        "bare_tokens_per_s": tokens / alone,
        "ratio": alone / took,
        "recall": 1.0 if recall is None else recall,
        "ok": alone / took >= least,
    }


def bench_large(
    folder: Path,
    like: LanguageModel,
    passages: Sequence[Article],
    entries: int = ENTRIES,
    width: int = WIDTH,
    together: int = 128,
) -> dict[str, Any]:
    """`bench_perplexity` with a memory of many entries, the index for that size, and independent windows.

    The model has random weights: its predictions are useless, but it is as fast as a trained one, and its keys
    are harder to search than trained ones, which are closer together. `like` provides the tokenizer. The passages,
    `together` in one text, fill the memory; later ones are measured.
    """
    recipe = TextRecipe("large", "base", width=width, heads=8, feed_forward=3 * width)
    lm = LanguageModel("large", new_model(recipe, like.V).eval(), like.tokenizer, "causal")
    told = _running(like, passages, together)
    documents: list[Article] = []
    count = 0
    for text, tokens in told:
        documents.append(Article(str(len(documents)), "", text))
        count += tokens
        if count >= entries * WINDOW / (WINDOW - 1):  # the first token of a window is not an entry
            break
    build(folder, lm, documents, Order("large", ("ffn",), reading=Reading(WINDOW, WINDOW)))
    asked = [text for (text, _), _ in zip(told, range(6), strict=False)]
    return bench_perplexity(lm, open_store(folder, "large"), asked, windows(lm, WINDOW, WINDOW), 64, 10.0)


def _running(like: LanguageModel, passages: Sequence[Article], together: int) -> Iterator[tuple[str, int]]:
    """Running texts of `together` passages each, and their numbers of tokens."""
    for at in range(0, len(passages), together):
        text = " ".join(p.text for p in passages[at : at + together])
        yield text, len(passage(like, text))


def four_texts(lm: LanguageModel, articles: Sequence[Article], tokens: int = TOKENS) -> list[str]:
    """Four texts of at most `tokens` tokens, each from every fourth article."""
    return [passage(lm, " ".join(a.text for a in articles[i::4]), tokens, cut=True).text for i in range(4)]


def _forward(lm: LanguageModel, texts: Sequence[Sequence[int]], how: Windows) -> None:
    """The bare transformers model over the same windows, in batches of 4,096 tokens, scores of every word included."""
    cuts = [[*how.lead, *ids[begin:end]] for ids in texts for begin, end, _ in how.cut(len(ids))]
    with torch.inference_mode():
        for at in range(0, len(cuts), size := max(1, 4096 // how.window)):
            batch, mask = lm.pad(cuts[at : at + size])
            lm.module(input_ids=batch, attention_mask=mask)
