"""Speed of generating with memory, a token at a time, against its bare parts in the same run.

The bare parts of a token are the model's own `generate` with its key-value cache (transformers, greedy) and one
search of the index for one query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from memlab.evaluate.bench import timed
from memlab.lm.model import LanguageModel
from memlab.lm.passage import windows
from memlab.memory.datastore import Datastore
from memlab.methods.reading import read_states
from memlab.results import Generation

TOKENS = 60


def bench_generating(
    generate: Callable[[str], Generation], lm: LanguageModel, store: Datastore, prompts: Sequence[str], k: int, key: str
) -> dict[str, Any]:
    """Milliseconds a token, prompt by prompt in turn; the first of each is a warm-up."""
    whole, bare = [], []
    for prompt in prompts:
        made: list[Generation] = []
        whole.append(timed(lambda text=prompt, into=made: into.append(generate(text))) / TOKENS)
        ids = [*made[0].ids, *(i for node in made[0].path() for i in node.reads)]
        queries = read_states(lm, ids, windows(lm), key).keys[-TOKENS:].numpy()
        bare.append((timed(_own, lm, made[0].ids) + timed(_search, store, queries, k)) / TOKENS)
    took, limit = 1e3 * float(np.median(whole[1:])), 1e3 * float(np.median(bare[1:]))
    return {
        "name": "generate knn-lm",
        "tokens": TOKENS,
        "ms_per_token": took,
        "bare_ms_per_token": limit,
        "ratio": took / limit,
        "ok": took / limit <= 1.5,
    }


def _own(lm: LanguageModel, ids: Sequence[int]) -> None:
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
        )


def _search(store: Datastore, queries: np.ndarray, k: int) -> None:
    """One bare search of the index for each query."""
    for query in queries:
        store.index.search(query[None], k)
