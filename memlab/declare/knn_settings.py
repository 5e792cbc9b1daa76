"""Settings that methods with a nearest-neighbor distribution share; defaults are each paper's."""

from __future__ import annotations

from typing import Any

from memlab.declare.settings import setting


def neighbors(default: int) -> Any:
    """k: how many neighbors the distribution is made of."""
    return setting(default, "neighbors k", "How many remembered entries are retrieved.", low=1, high=4096, log=True)


def divisor(default: float, label: str, high: float) -> Any:
    """What divides the distances before the softmax over neighbors: a temperature or a scale."""
    about = "Divides the distances. Larger: far neighbors count almost as much as near ones."
    return setting(default, label, about, low=0.01, high=high, log=True)


def memory_weight(default: float) -> Any:
    """lambda: the weight of p_kNN in the mixture."""
    about = "Weight of the memory in the mixture: 0 is the model alone, 1 the memory alone."
    return setting(default, "lambda", about, low=0.0, high=1.0, step=0.01)


def articles_searched(default: int) -> Any:
    """How many articles article search may choose."""
    return setting(default, "articles", "How many articles article search may choose.", low=1, high=50)
