"""The summary of a trace: perplexities, and where memory helps and where it harms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memlab.corpus.word_kinds import KINDS
from memlab.reading.frequencies import frequency_bands
from memlab.results import TraceArrays

ROUNDING = 1e-4  # nats: states read in pieces of another size differ by this much, which does not count as harm


def perplexity(losses: np.ndarray) -> float | None:
    """exp of the mean loss in nats over the tokens that have one; None where it is infinite or there is none."""
    real = losses[~np.isnan(losses)]
    if len(real) == 0 or not np.isfinite(real).all():
        return None
    return float(np.exp(real.mean()))


def combination(losses: np.ndarray, short_term: bool, long_term: bool, local: bool = True) -> dict[str, Any]:
    """Perplexity of some sources; `impossible` is the share of tokens to which they give probability 0."""
    real = losses[~np.isnan(losses)]
    return {
        "local": local,
        "short_term": short_term,
        "long_term": long_term,
        "perplexity": perplexity(losses),
        "impossible": float(np.isinf(real).mean()) if len(real) else 0.0,
    }


def summarize(
    a: TraceArrays, combinations: Sequence[Mapping[str, Any]], recall: float | None, ms: Mapping[str, float]
) -> dict[str, Any]:
    """The summary of a trace, plain JSON types."""
    predicted = ~np.isnan(a.loss)
    gain = a.loss_without_memory - a.loss
    searched = int((a.searched & predicted).sum())
    count = int(predicted.sum())
    return {
        "tokens": len(a.ids),
        "predicted": count,
        "perplexity": perplexity(a.loss),
        "perplexity_without_memory": perplexity(a.loss_without_memory),
        "mean_gain": _mean(gain[predicted]),
        "worsened": float((gain[predicted] < -ROUNDING).mean()) if count else None,
        "by_kind": [_group(a, gain, np.array([k == kind for k in a.kind]), "kind", kind) for kind in KINDS],
        "by_frequency": [_group(a, gain, where, "frequency", name) for name, where in frequency_bands(a.frequency)],
        "searched": searched,
        "searches_saved": 1 - searched / count if count and a.entries.shape[1] else None,
        "combinations": [dict(c) for c in combinations],
        "recall": recall,
        "timings_ms": dict(ms),
    }


def _mean(values: np.ndarray) -> float | None:
    real = values[~np.isnan(values)]
    return float(real.mean()) if len(real) and np.isfinite(real).all() else None


def _group(a: TraceArrays, gain: np.ndarray, where: np.ndarray, by: str, name: str) -> dict[str, Any]:
    """Mean loss, gain and gate of some tokens; None for an empty group, and for what is infinite."""
    where = where & ~np.isnan(a.loss)
    some = int(where.sum())
    return {
        by: name,
        "tokens": some,
        "loss": _mean(a.loss[where]),
        "gain": _mean(gain[where]),
        "gate": _mean(a.gate[where]),
        "worsened": float((gain[where] < -ROUNDING).mean()) if some else None,
    }
