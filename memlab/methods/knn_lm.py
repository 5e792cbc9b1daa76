"""kNN-LM: generalization through memorization (Khandelwal et al., ICLR 2020).

The datastore holds, for every token of a text, a key (the representation of what stands before it)
and a value (the token). A question is answered by the model and by the k entries whose keys are
nearest to the representation of the question, and the two distributions are mixed.

    p_kNN(y|x) ~ sum over neighbors (k_i, v_i) with v_i = y of exp(-d(k_i, f(x)) / T)      (eq. 2)
    p(y|x)     = lambda p_kNN(y|x) + (1 - lambda) p_LM(y|x)                               (eq. 3)

d is the squared Euclidean distance; f(x) is the input of the last block's feed-forward layer, after
its layer norm (section 5, "key function").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memlab.methods.declare import Method, setting
from memlab.methods.mixture import Memory, remember


@dataclass(frozen=True)
class Settings:
    """Defaults are the paper's (lambda for one domain; it uses 0.65 across domains)."""

    k: int = setting(1024, "neighbors k", "How many remembered entries are asked.", low=1, high=4096, log=True)
    temperature: float = setting(
        1.0,
        "temperature T",
        "Divides the distances. Larger: far neighbors count almost as much as near ones.",
        low=0.01,
        high=1000.0,
        log=True,
    )
    lam: float = setting(
        0.25,
        "lambda",
        "Weight of the memory in the mixture: 0 is the model alone, 1 the memory alone.",
        low=0.0,
        high=1.0,
        step=0.01,
    )
    key: str = setting(
        "ffn",
        "key",
        "Which representation is compared: the input of the last feed-forward layer (ffn, the paper's) or the last layer.",
        choices=("ffn", "last"),
    )
    search: str = setting(
        "all",
        "search in",
        "All entries (the paper's), or only those of the articles that the prompt is about.",
        choices=("all", "articles"),
    )
    articles: int = setting(3, "articles", "How many articles article search may choose.", low=1, high=50)


METHOD = Method(
    name="knn-lm",
    title="kNN-LM",
    paper="Khandelwal et al., ICLR 2020",
    kind="causal",
    help="Next words: the model's distribution mixed with that of the nearest remembered contexts.",
    settings=Settings,
)


def recall(squared: np.ndarray, values: np.ndarray, V: int, s: Settings) -> tuple[np.ndarray, Memory]:
    """Distances as the method uses them (squared L2), and p_kNN.

    Args:
        squared: (k,) squared L2 distances. values: (k,) token ids. V: number of words.
    """
    d = squared
    return d, remember(-d / s.temperature, values, V)
