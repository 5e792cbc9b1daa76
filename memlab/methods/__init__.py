"""One file per paper, written to be read beside it. No input or output happens here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from memlab.errors import NotFound
from memlab.methods import bert_knn, knn_lm
from memlab.methods.declare import Method
from memlab.methods.mixture import Memory

Recall = Callable[[np.ndarray, np.ndarray, int, Any], tuple[np.ndarray, Memory]]

METHODS: dict[str, Method] = {m.METHOD.name: m.METHOD for m in (bert_knn, knn_lm)}
RECALL: dict[str, Recall] = {"bert-knn": bert_knn.recall, "knn-lm": knn_lm.recall}


def method(name: str) -> Method:
    """Raises NotFound, with the names there are."""
    if name.startswith("spalm"):
        raise NotFound(
            "SPALM mixes vectors before the softmax, so it has no two distributions to weigh. memlab ask, read and generate "
            f"take it; here only methods that mix distributions do: {', '.join(METHODS)}."
        )
    if name not in METHODS:
        raise NotFound.named("method", name, METHODS)
    return METHODS[name]
