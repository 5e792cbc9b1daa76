"""BERT-kNN: adding a kNN search component to pretrained language models for better QA
(Kassner & Schuetze, Findings of EMNLP 2020).

A cloze question is answered by a masked model and by the masked contexts that are nearest to it. Only
the entries of a few articles are searched: an article whose title stands in the question, else the
three nearest by TF-IDF.

    w_i ~ exp(-d_i / scale)        d_i: Euclidean distance of neighbor i; the authors' scale is 6
    p_kNN(y) = sum of the w_i with value y
    p = 0.3 p_kNN + 0.7 p_BERT

The authors' key is the masked position of the last-but-one hidden layer (11 of 12).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memlab.methods.declare import Method, setting
from memlab.methods.mixture import Memory, remember


@dataclass(frozen=True)
class Settings:
    """Defaults are the paper's."""

    k: int = setting(128, "neighbors k", "How many remembered entries are asked.", low=1, high=4096, log=True)
    scale: float = setting(
        6.0,
        "scale",
        "Divides the distances. Larger: far neighbors count almost as much as near ones.",
        low=0.01,
        high=100.0,
        log=True,
    )
    lam: float = setting(
        0.3,
        "lambda",
        "Weight of the memory in the mixture: 0 is the model alone, 1 the memory alone.",
        low=0.0,
        high=1.0,
        step=0.01,
    )
    key: str = setting(
        "penultimate",
        "key",
        "Which representation is compared: the last-but-one layer (the paper's), the last layer, or the head's transform of it.",
        choices=("penultimate", "last", "transform"),
    )
    search: str = setting(
        "articles",
        "search in",
        "Only the entries of the articles that the prompt is about (the paper's), or all entries.",
        choices=("articles", "all"),
    )
    articles: int = setting(3, "articles", "How many articles article search may choose.", low=1, high=50)


METHOD = Method(
    name="bert-knn",
    title="BERT-kNN",
    paper="Kassner & Schütze, Findings of EMNLP 2020",
    kind="masked",
    help="Fill [MASK]: the model's distribution mixed with that of the nearest remembered masked contexts.",
    settings=Settings,
)


def recall(squared: np.ndarray, values: np.ndarray, V: int, s: Settings) -> tuple[np.ndarray, Memory]:
    """Distances as the method uses them (Euclidean: the root of what a search returns), and p_kNN.

    Args:
        squared: (k,) squared L2 distances. values: (k,) token ids. V: number of words.
    """
    d = np.sqrt(squared)
    return d, remember(-d / s.scale, values, V)
