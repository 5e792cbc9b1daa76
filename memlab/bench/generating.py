"""Speed of generating with memory, token by token, relative to its bare parts in the same run.

The bare parts of a token are the model's own `generate` with its key-value cache (transformers, greedy) and one
search of the index for one query, each measured separately. Alternating, with a search after every token as in real
use, they take longer, since model and keys evict each other from the processor's cache; that is given as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from memlab.bench.asking import timed
from memlab.lm.model import LanguageModel
from memlab.lm.passage import windows
from memlab.memory.datastore import Datastore
from memlab.reading.states import read_states
from memlab.results import Generation

TOKENS = 60


def bench_generating(
    generate: Callable[[str], Generation], lm: LanguageModel, store: Datastore, prompts: Sequence[str], k: int, key: str
) -> dict[str, Any]:
    """Milliseconds per token, alternating prompt by prompt; the first prompt is a warm-up."""
    whole, bare, in_turn = [], [], []
    for prompt in prompts:
        made: list[Generation] = []
        whole.append(timed(lambda text=prompt, into=made: into.append(generate(text))) / TOKENS)
        ids = [*made[0].ids, *(i for node in made[0].path() for i in node.reads)]
        queries = read_states(lm, ids, windows(lm), key).keys[-TOKENS:].numpy()
        in_turn.append(timed(_own, lm, made[0].ids, _Searching(store, queries, k)) / TOKENS)
        bare.append((timed(_own, lm, made[0].ids) + timed(_search, store, queries, k)) / TOKENS)
    took, limit, together = (1e3 * float(np.median(times[1:])) for times in (whole, bare, in_turn))
    return {
        "name": "generate knn-lm",
        "tokens": TOKENS,
        "ms_per_token": took,
        "bare_ms_per_token": limit,
        "ratio": took / limit,
        "bare_in_turn_ms_per_token": together,
        "ok": took / limit <= 1.5,
    }


class _Searching(LogitsProcessor):
    """A bare search after every token of a generation; scores are not changed."""

    def __init__(self, store: Datastore, queries: np.ndarray, k: int) -> None:
        self.store, self.k, self.waiting = store, k, iter(queries)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        self.store.index.search(next(self.waiting)[None], self.k)
        return scores


def _own(lm: LanguageModel, ids: Sequence[int], *between: LogitsProcessor) -> None:
    """The model's own generation."""
    prompt = torch.tensor([list(ids)])
    with torch.inference_mode():
        lm.module.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=TOKENS,
            min_new_tokens=TOKENS,
            do_sample=False,
            pad_token_id=0,
            logits_processor=LogitsProcessorList(between),
        )


def _search(store: Datastore, queries: np.ndarray, k: int) -> None:
    """One bare search of the index for each query."""
    for query in queries:
        store.index.search(query[None], k)
