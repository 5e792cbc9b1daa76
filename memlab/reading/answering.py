"""From the mixture of one prompt to a `Prediction`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import torch

from memlab.declare import Method
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Searchable
from memlab.memory.retrieval import Encoding, Retrieval
from memlab.reading.mixing import knn_distances, tipping_point
from memlab.reading.mixture import Mixture, MixtureInputs
from memlab.reading.reader import Sources
from memlab.reading.states import States
from memlab.results import Distribution, Gate, Neighbor, Prediction, TippingPoint

CONTEXT = 120  # characters shown on each side of a remembered word


def prompt_states(encoded: Sequence[Encoding]) -> States:
    """Prompts as positions that were read, one row each, with float64 log-probabilities as scores."""
    return States(
        np.ones(len(encoded), bool),
        torch.from_numpy(np.stack([e.hidden for e in encoded])),
        torch.from_numpy(np.stack([e.key for e in encoded])),
        torch.from_numpy(np.stack([e.logp for e in encoded])),
    )


def mixture_of(sources: Sources, encoded: Encoding, retrieved: Retrieval | None) -> Mixture:
    """The mixture of one prompt: one row."""
    found = None if retrieved is None else retrieved.found
    return sources.mixer.mixture(MixtureInputs(sources.lm, prompt_states([encoded]), len(sources.words), found))


def answer(
    method: Method, sources: Sources, encoded: Encoding, retrieved: Retrieval | None, workspace: str
) -> Prediction:
    """The prediction for one prompt: the distributions of model, memory and mixture, and what they come from."""
    words, lm = sources.words, sources.lm
    best = mixture_of(sources, encoded, retrieved)
    sides = best.answer(0)
    vectors = best.gate.mixes == "vectors"
    model, mixed = Distribution(sides.lm, words), Distribution(sides.mixture, words)
    memory = model if sides.knn is None else Distribution(sides.knn, words)
    near: tuple[Neighbor, ...] = ()
    titles: tuple[str, ...] = ()
    entries = searched = 0
    if retrieved is not None and sources.search is not None:
        store, found = sources.search.store, retrieved.found
        real = np.flatnonzero(found.entries[0] >= 0)[: len(sides.weights)]
        distances = knn_distances(method, found.distances[0][real])
        near = neighbors(store, words, found.entries[0][real], found.values[0][real], distances, sides.weights[real])
        titles = tuple(store.documents.article(r).title for r in retrieved.rows or ())
        entries, searched = len(store), found.searched
    forced = {str(g): Distribution(best.answer(0, float(g)).mixture, words) for g in (0, 1)} if vectors else {}
    prediction = Prediction(
        prompt=encoded.read.text,
        method=method.name,
        model=lm.name,
        kind=lm.kind,
        datastore="" if sources.search is None else sources.search.store.name,
        workspace=workspace,
        as_of=sources.head,
        settings={} if sources.settings is None else asdict(sources.settings),
        lm=model,
        knn=memory,
        mixture=mixed,
        gate=Gate(best.gate, sides.gate, sides.knn_weight),
        neighbors=near,
        prompt_tokens=encoded.read.tokens,
        tipping=_tipping(best, model, memory),
        articles=titles,
        searched=searched,
        entries=entries,
        counterfactuals=forced,
    )
    return with_unmet(prediction, lm, sources.notices)


def _tipping(best: Mixture, model: Distribution, memory: Distribution) -> TippingPoint:
    """The gate at which the answer changes: where two lines cross if distributions are mixed, else by bisection."""
    if best.gate.mixes != "vectors":
        return tipping_point(model, memory)
    a, b = model[0], memory[0]
    if a.id == b.id:
        return TippingPoint(None, a.token, b.token, symbol=best.gate.symbol)
    low, high = 0.0, 1.0  # at 1 the model's own state alone answers
    while high - low > 1e-4:
        middle = (low + high) / 2
        if int(best.answer(0, middle).mixture.argmax()) == a.id:
            high = middle
        else:
            low = middle
    return TippingPoint(high, a.token, b.token, symbol=best.gate.symbol)


def with_unmet(prediction: Prediction, lm: LanguageModel, notices: tuple[str, ...]) -> Prediction:
    """With notices about words that the model has never met, or cannot say."""
    if prediction.unknown_words:
        unmet = ", ".join(prediction.unknown_words)
        notices = (
            *notices,
            f"{lm.name} has never met: {unmet}. It reads such words letter by letter and does not understand them.",
        )
    first = prediction.mixture[0]
    if first.id >= lm.V:
        notices = (*notices, f"The model cannot say {first.token}; its memory can.")
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
