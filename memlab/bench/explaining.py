"""Speed of the views that explain an answer.

- sweeping: 100 points of each setting, from a cached search;
- the smallest set: with k = 128, over questions whose answer comes from memory, dry run included;
- occlusion: a prompt of 12 words against one bare forward pass over the same batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from memlab.bench.asking import p50_p95, timed
from memlab.evaluate.occlusion import hidden, prompt_words
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.results import Occlusion, Prediction, SmallestSet, Sweep

POINTS = 100
PROMPTS = {  # 12 words each, the gap not counted
    "masked": "The old and beautiful capital city of the country France is called [MASK].",
    "causal": "The old and beautiful capital city of the country France is called",
}


def bench_sweep(sweep: Callable[[Prediction, str, int], Sweep], p: Prediction, repeat: int) -> Iterator[dict[str, Any]]:
    """Sweeps of every setting that can be swept."""
    for over in (name for name in ("lam", "k", "scale", "temperature") if name in p.settings):
        sweep(p, over, POINTS)
        figures = p50_p95([timed(sweep, p, over, POINTS) for _ in range(repeat)])
        yield {"name": f"sweep {over} {p.method}", "points": POINTS, **figures, "ok": figures["p95_ms"] <= 100}


def bench_smallest_set(
    smallest_set: Callable[[Prediction], SmallestSet], predictions: Sequence[Prediction]
) -> dict[str, Any]:
    """The search for the smallest set, each prediction once."""
    smallest_set(predictions[0])
    seconds, sizes = [], []
    for p in predictions[1:]:
        seconds.append(timed(lambda p=p: sizes.append(len(smallest_set(p).removed))))
    figures = p50_p95(seconds)
    return {
        "name": f"smallest set {predictions[0].method}",
        "k": int(predictions[0].settings["k"]),
        **figures,
        "found": sum(size > 0 for size in sizes),
        "largest": max(sizes),
        "ok": figures["p95_ms"] <= 300,
    }


def bench_occlusion(
    occlude: Callable[[Prediction], Occlusion], p: Prediction, lm: LanguageModel, repeat: int
) -> dict[str, Any]:
    """Hiding every word against one bare forward pass of the model over the same batch, alternating."""
    read = read_prompt(lm, p.prompt)
    words = prompt_words(lm, read)
    ids, mask = lm.pad([hidden(lm, read, word).ids for word in words])
    whole, bare = [], []
    for _ in range(repeat + 1):
        bare.append(timed(_forward, lm, ids, mask))
        whole.append(timed(occlude, p))
    asked, limit = p50_p95(whole[1:]), p50_p95(bare[1:])
    ratio = asked["p50_ms"] / limit["p50_ms"]
    return {
        "name": f"occlusion {p.method}",
        "words": len(words),
        **asked,
        "bare_p50_ms": limit["p50_ms"],
        "ratio": ratio,
        "ok": bool(np.isfinite(ratio) and ratio <= 3),
    }


@torch.inference_mode()
def _forward(lm: LanguageModel, ids: torch.Tensor, mask: torch.Tensor) -> None:
    lm.module(input_ids=ids, attention_mask=mask)
