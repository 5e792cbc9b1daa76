"""From what was encoded and found to a `Prediction`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from memlab.lm.model import LanguageModel
from memlab.memory.retrieval import Encoding, Retrieval, Searchable
from memlab.methods import RECALL
from memlab.methods.declare import Method
from memlab.methods.mixture import mix, tipping_point
from memlab.results import Distribution, Gate, Neighbor, Prediction

CONTEXT = 120  # characters shown on each side of a remembered word


def answer(
    method: Method,
    lm: LanguageModel,
    store: Searchable,
    encoded: Encoding,
    retrieved: Retrieval,
    settings: Any,
    workspace: str,
    notices: tuple[str, ...],
) -> Prediction:
    """Mixes what the model and the neighbors of one question say, as `method` does."""
    found = retrieved.found
    real = found.entries[0] >= 0
    entries, values, squared = found.entries[0][real], found.values[0][real], found.distances[0][real]
    distances, memory = RECALL[method.name](squared, values, lm.V, settings)
    model_says = Distribution(encoded.logp, lm.words)
    memory_says = Distribution(memory.logp, lm.words)
    titles = tuple(store.documents.articles[r].title for r in retrieved.rows or ())
    prediction = Prediction(
        prompt=encoded.read.text,
        method=method.name,
        model=lm.name,
        kind=lm.kind,
        datastore=store.name,
        workspace=workspace,
        as_of=0,
        settings=asdict(settings),
        lm=model_says,
        knn=memory_says,
        mixture=Distribution(mix(encoded.logp, memory.logp, settings.lam), lm.words),
        gate=Gate("constant", settings.lam),
        neighbors=_neighbors(store, lm, entries, values, distances, memory.weights),
        prompt_tokens=encoded.read.tokens,
        tipping=tipping_point(model_says, memory_says),
        articles=titles,
        searched=found.searched,
        entries=len(store),
    )
    if prediction.unknown_words:
        words = ", ".join(prediction.unknown_words)
        notices = (
            *notices,
            f"{lm.name} has never met: {words}. It reads such words letter by letter and does not understand them.",
        )
    return Prediction(**{**prediction.__dict__, "notices": notices})


def _neighbors(
    store: Searchable,
    lm: LanguageModel,
    entries: np.ndarray,
    values: np.ndarray,
    distances: np.ndarray,
    weights: np.ndarray,
) -> tuple[Neighbor, ...]:
    out = []
    spans = store.spans[entries].tolist()
    for rank, (entry, value, distance, weight) in enumerate(
        zip(entries.tolist(), values.tolist(), distances.tolist(), weights.tolist(), strict=True)
    ):
        row, start, end = spans[rank]
        article = store.documents.articles[row]
        out.append(
            Neighbor(
                rank=rank + 1,
                entry=entry,
                id=value,
                token=lm.words[value],
                distance=distance,
                weight=weight,
                left=article.text[max(0, start - CONTEXT) : start],
                value=article.text[start:end],
                right=article.text[end : end + CONTEXT],
                document=article.title,
                start=start,
                end=end,
            )
        )
    return tuple(out)
