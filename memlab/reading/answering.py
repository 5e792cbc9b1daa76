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
from memlab.reading.gate_ends import check_curve, settled, tipping_of
from memlab.reading.mixing import knn_distances
from memlab.reading.mixture import Mixture, MixtureInputs
from memlab.reading.reader import Sources
from memlab.reading.states import States
from memlab.results import Distribution, Gate, Neighbor, Prediction

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

    def forced(gate: float) -> Distribution:
        return Distribution(best.answer(0, gate).mixture, words)

    ends = {str(g): forced(float(g)) for g in (0, 1)} if best.gate.mixes == "vectors" else {}
    info = settled(best, sides, 0, (ends["0"].logp, ends["1"].logp) if ends else None)
    if ends:
        check_curve(info, sides, (ends["0"].logp, ends["1"].logp))
    found_out = info.mixes == "distributions" and info is not best.gate
    knn_weight = info.memory_weight(sides.gate) if found_out else sides.knn_weight
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
        gate=Gate(info, sides.gate, knn_weight),
        neighbors=near,
        prompt_tokens=encoded.read.tokens,
        tipping=tipping_of(info, model, memory, lambda g: int(best.answer(0, g).mixture.argmax())),
        articles=titles,
        searched=searched,
        entries=entries,
        counterfactuals=ends,
        forced=forced if info.curve == "computed" else None,
    )
    return with_unmet(prediction, lm, sources.notices)


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
