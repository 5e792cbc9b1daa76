"""Why a neighbor was retrieved: hide each prompt word in turn and see how the distance changes.

A masked model has a token for an unknown word, so the tokens of the word become mask tokens and every other
word keeps its position. A causal model has no such token, and any other would add a meaning of its own, so the
word is left out. All variants go through the model in one batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from memlab.corpus.model_kinds import CAUSAL, MASKED, of_kind
from memlab.declare import Method
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import ReadPrompt
from memlab.memory.datastore import Searchable
from memlab.memory.retrieval import Encoding, encode_many
from memlab.reading.mixing import knn_distances
from memlab.results import OccludedWord, Occlusion, Prediction


@dataclass(frozen=True)
class PromptWord:
    """A word of a prompt: its characters, and the places of its tokens among the ids."""

    text: str
    start: int
    end: int
    places: tuple[int, ...]


def prompt_words(lm: LanguageModel, read: ReadPrompt) -> list[PromptWord]:
    """The words of a prompt without punctuation and the gap; adjacent tokens without a space are one word."""
    special = set(lm.tokenizer.all_special_ids) - {lm.tokenizer.unk_token_id}
    places = [i for i, token in enumerate(read.ids) if token not in special]
    out: list[PromptWord] = []
    for place, token in zip(places, read.tokens, strict=True):
        if not any(c.isalnum() for c in token.text):
            continue
        last = out[-1] if out else None
        if last and last.end == token.start and token.text[:1].isalnum() and last.text[-1:].isalnum():
            out[-1] = PromptWord(last.text + token.text, last.start, token.end, (*last.places, place))
        else:
            out.append(PromptWord(token.text, token.start, token.end, (place,)))
    return out


def hidden(lm: LanguageModel, read: ReadPrompt, word: PromptWord) -> ReadPrompt:
    """The prompt without one of its words, as the model reads it. Raises InputError for an unknown kind of model."""
    return _way(lm).hide(lm, read, word)


def _mask(lm: LanguageModel, read: ReadPrompt, word: PromptWord) -> ReadPrompt:
    mask = lm.tokenizer.mask_token_id
    return replace(read, ids=tuple(mask if i in word.places else token for i, token in enumerate(read.ids)))


def _remove(lm: LanguageModel, read: ReadPrompt, word: PromptWord) -> ReadPrompt:
    ids = tuple(token for i, token in enumerate(read.ids) if i not in word.places)
    return replace(read, ids=ids, position=len(ids) - 1)


class _Way(NamedTuple):
    """How a word is hidden from a kind of model: a name for results, and the prompt without the word."""

    name: str
    hide: Callable[[LanguageModel, ReadPrompt, PromptWord], ReadPrompt]


_WAYS = {MASKED.name: _Way("mask", _mask), CAUSAL.name: _Way("removal", _remove)}


def _way(lm: LanguageModel) -> _Way:
    return of_kind(_WAYS, lm.kind, "way to hide a word")


def occlude(
    lm: LanguageModel,
    store: Searchable,
    encoded: Encoding,
    p: Prediction,
    method: Method,
    key: str,
    most: int | None = None,
) -> Occlusion:
    """Hides each word of the prompt of `p` and compares the distances of its first `most` neighbors.

    Raises:
        InputError: an unknown kind of model, or a prompt of one word, without which nothing is left.
    """
    start = time.perf_counter()
    words = prompt_words(lm, encoded.read)
    variants = [hidden(lm, encoded.read, word) for word in words]
    if any(len(v.ids) == 0 for v in variants):
        raise InputError("The prompt has one word; without it, nothing is left to read. Use a longer prompt.")
    queries, logp, _ = encode_many(lm, variants, key)  # (n, d), (n, V): one batch
    neighbors = p.neighbors[:most]
    entries = np.array([n.entry for n in neighbors])
    change = distances_to(store, method, queries, entries) - np.array([n.distance for n in neighbors])
    weights = np.array([n.weight for n in neighbors])
    said = p.mixture[0].id
    return Occlusion(
        answer=p.answer,
        p_answer=p.lm.of(said),
        way=_way(lm).name,
        words=tuple(
            OccludedWord(
                text=word.text,
                start=word.start,
                end=word.end,
                p_answer=float(np.exp(scores[said])) if said < lm.V else 0.0,
                mean_change=float(weights @ row / weights.sum()),
            )
            for word, scores, row in zip(words, logp, change, strict=True)
        ),
        neighbors=neighbors,
        change=change,
        ms=1e3 * (time.perf_counter() - start),
    )


def distances_to(store: Searchable, method: Method, queries: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """(n, k) distances of queries (n, d) to entries (k,), as the method uses them."""
    keys = store.gather(entries)
    squared = np.array([np.einsum("kd,kd->k", keys - q, keys - q, dtype=np.float64) for q in queries])
    return knn_distances(method, squared)
