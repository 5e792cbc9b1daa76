"""From what was encoded and found to a `Prediction`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
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
    as_of: int = 0,
) -> Prediction:
    """Mixes what the model and the neighbors of one question say, as `method` does."""
    found = retrieved.found
    real = found.entries[0] >= 0
    entries, values, squared = found.entries[0][real], found.values[0][real], found.distances[0][real]
    words = [*lm.words, *store.words] if store.words else lm.words
    logp_lm = encoded.logp
    if store.words:  # the model cannot say them: probability 0
        logp_lm = np.concatenate([logp_lm, np.full(len(store.words), -np.inf)])
    distances, memory = RECALL[method.name](squared, values, len(words), settings)
    model_says = Distribution(logp_lm, words)
    memory_says = Distribution(memory.logp, words)
    titles = tuple(store.documents.article(r).title for r in retrieved.rows or ())
    prediction = Prediction(
        prompt=encoded.read.text,
        method=method.name,
        model=lm.name,
        kind=lm.kind,
        datastore=store.name,
        workspace=workspace,
        as_of=as_of,
        settings=asdict(settings),
        lm=model_says,
        knn=memory_says,
        mixture=Distribution(mix(logp_lm, memory.logp, settings.lam), words),
        gate=Gate("constant", settings.lam),
        neighbors=neighbors(store, words, entries, values, distances, memory.weights),
        prompt_tokens=encoded.read.tokens,
        tipping=tipping_point(model_says, memory_says),
        articles=titles,
        searched=found.searched,
        entries=len(store),
    )
    return with_unmet(prediction, lm, notices)


def with_unmet(prediction: Prediction, lm: LanguageModel, notices: tuple[str, ...]) -> Prediction:
    """With notices about words that the model has never met, or cannot say."""
    if prediction.unknown_words:
        unmet = ", ".join(prediction.unknown_words)
        notices = (
            *notices,
            f"{lm.name} has never met: {unmet}. It reads such words letter by letter and does not understand them.",
        )
    spoken = prediction.mixture[0]
    if spoken.id >= lm.V:
        notices = (*notices, f"The model cannot say {spoken.token}; its memory can.")
    return replace(prediction, notices=notices)


def _left_of(text: str, start: int) -> str:
    """At most CONTEXT characters before `start`, beginning with a whole word."""
    if start <= CONTEXT:
        return text[:start]
    cut = text[start - CONTEXT : start]
    return cut[cut.find(" ") + 1 :] if " " in cut.rstrip() else cut


def _right_of(text: str, end: int) -> str:
    """At most CONTEXT characters from `end` on, ending with a whole word."""
    if len(text) - end <= CONTEXT:
        return text[end:]
    cut = text[end : end + CONTEXT]
    return cut[: cut.rfind(" ")] if " " in cut.lstrip() else cut


def neighbors(
    store: Searchable,
    words: Sequence[str],
    entries: np.ndarray,
    values: np.ndarray,
    distances: np.ndarray,
    weights: np.ndarray,
) -> tuple[Neighbor, ...]:
    """Entries with the text around them; all arrays are (k,), nearest first."""
    out = []
    spans = store.spans[entries].tolist()
    for rank, (entry, value, distance, weight) in enumerate(
        zip(entries.tolist(), values.tolist(), distances.tolist(), weights.tolist(), strict=True)
    ):
        row, start, end = spans[rank]
        article = store.documents.article(row)
        out.append(
            Neighbor(
                rank=rank + 1,
                entry=entry,
                id=value,
                token=words[value],
                distance=distance,
                weight=weight,
                left=_left_of(article.text, start),
                value=article.text[start:end],
                right=_right_of(article.text, end),
                document=article.title,
                start=start,
                end=end,
                source=store.source_of(entry),
            )
        )
    return tuple(out)
