"""How large a datastore of some texts would be and how long it would take, from a sample of the texts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.memory.cutting import WHOLE, Reading
from memlab.memory.entries import Entries, encode_keys, entries_of
from memlab.memory.index import recipe_for
from memlab.results import Article
from memlab.serialize import as_json

SAMPLE = 20_000  # characters that are tokenized
TRIED = 512  # entries of a causal model that are encoded, to measure the speed; masked ones need a pass each
TRIED_MASKED = 32
# Bytes in the index: per dimension of a key (2 uncompressed), and per entry (its number in a list, its edges).
_INDEX = {"flat": 2.0, "hnsw": 2.0, "ivf": 2.0, "ivfpq": 0.25, "fastscan": 0.25, "rabitq": 0.17}
_LISTED = {"flat": 0, "hnsw": 270, "ivf": 8, "ivfpq": 8, "fastscan": 8, "rabitq": 8}
_OF_ENTRY = 16  # value and place in the text


@dataclass(frozen=True)
class Estimate:
    """Approximate size and time of a build.

    entries: remembered words. megabytes: of all its files, with every key. seconds: of encoding, on this machine now.
    entries_per_s: the speed that was measured.
    """

    texts: int
    characters: int
    entries: int
    megabytes: float
    seconds: float
    entries_per_s: float

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


def estimate(
    model: LanguageModel,
    documents: Sequence[Article],
    keys: Sequence[str],
    recipe: str | None = None,
    reading: Reading = WHOLE,
) -> Estimate:
    """Reads a sample of the texts with the model, and measures.

    Raises:
        InputError: no text, nothing in the sample that can be remembered, or a key or window that the model lacks.
    """
    for key in keys:
        model.check_key(key)
    reading = reading.checked(model)
    characters = sum(len(a.text) for a in documents)
    sample = _sample(documents)
    planned = entries_of(model, sample, 0, reading)
    if not len(planned):
        raise InputError(
            f"Nothing in these texts can be remembered by {model.name}: they hold no word that is a single token."
        )
    entries = round(len(planned) * characters / sum(len(a.text) for a in sample))
    speed = _speed(model, planned, keys)
    used = recipe or recipe_for(entries, model.width(keys[0]))
    each = sum(model.width(key) * (2 + _INDEX.get(used, 2.0)) + _LISTED.get(used, 8) for key in keys) + _OF_ENTRY
    megabytes = (entries * each + characters) / 1e6
    return Estimate(len(documents), characters, entries, round(megabytes, 1), entries / speed, speed)


def _sample(documents: Sequence[Article]) -> list[Article]:
    """The beginnings of texts at equal intervals, about SAMPLE characters in all."""
    step = max(1, len(documents) // 20)
    chosen = documents[::step]
    share = max(200, SAMPLE // len(chosen))
    return [Article(a.id, a.title, a.text[:share]) for a in chosen if a.text]


def _speed(model: LanguageModel, planned: Entries, keys: Sequence[str]) -> float:
    """Entries encoded per second, measured on the first ones."""
    n = min(len(planned), TRIED_MASKED if planned.masked else TRIED)
    first = planned.some(np.arange(n))
    start = time.perf_counter()
    encode_keys(model, first, keys)
    return float(np.round(n / max(time.perf_counter() - start, 1e-6), 1))
