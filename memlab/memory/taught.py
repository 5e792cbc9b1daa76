"""What the states of one memory have in common: taught texts that were encoded, edited texts that were read.

A state is made after every edit. So that it costs what the edit changed and not what all edits changed,
each text is encoded and counted once and kept for as long as a state holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch

from memlab.lm.model import LanguageModel
from memlab.memory.articles import Terms
from memlab.memory.changes import Spans, Taught, blacked_out, overlaps
from memlab.memory.datastore import Searchable
from memlab.memory.plan import encode_plan, plan_taught


@dataclass(frozen=True, eq=False)
class Encoded:
    """The entries of a taught text: keys (n, d) float16, values (n,), characters (n, 2).

    `unknown` maps an entry to its word where the model has no token for it.
    """

    keys: np.ndarray
    values: np.ndarray
    spans: np.ndarray
    unknown: dict[int, str]


class Text:
    """A text with forgotten characters blacked out, as article search meets it."""

    def __init__(self, store: Searchable, text: str, gone: Spans) -> None:
        self._store = store
        self.shown = blacked_out(text, gone)

    @cached_property
    def terms(self) -> Terms:
        """What its words count."""
        return self._store.articles.terms(self.shown)

    @cached_property
    def titled(self) -> list[int]:
        """Rows of the articles whose title stands in it."""
        return self._store.articles.titled(self.shown)


class Texts:
    """The texts that edits of one datastore are about, for one model and kind of key."""

    def __init__(self, store: Searchable, lm: LanguageModel, key: str) -> None:
        self._store, self._lm, self._key = store, lm, key
        self.width = lm.width(key)
        self._encoded: WeakValueDictionary[Any, Encoded] = WeakValueDictionary()
        self._texts: WeakValueDictionary[Any, Text] = WeakValueDictionary()
        self._forgotten: WeakValueDictionary[Any, np.ndarray] = WeakValueDictionary()

    def encoded(self, taught: Taught) -> Encoded:
        """The entries of a taught text; one forward pass if no state has it."""
        at = (taught.text, taught.spans)
        found = self._encoded.get(at)
        if found is None:
            planned = plan_taught(self._lm, taught.text, taught.spans)
            with torch.inference_mode():
                keys = encode_plan(self._lm, planned.plan, (self._key,))[self._key]
            found = Encoded(keys, planned.plan.values, planned.plan.spans[:, 1:], planned.unknown)
            self._encoded[at] = found
        return found

    def text(self, text: str, gone: Spans) -> Text:
        """A text without the forgotten characters."""
        found = self._texts.get((text, gone))
        if found is None:
            found = self._texts[text, gone] = Text(self._store, text, gone)
        return found

    def forgotten(self, row: int, gone: Spans) -> np.ndarray:
        """Entries of a document that hold forgotten characters."""
        found = self._forgotten.get((row, gone))
        if found is None:
            entries = self._store.documents.entries([row])
            found = entries[overlaps(np.asarray(self._store.spans[entries])[:, 1:], gone)]
            self._forgotten[row, gone] = found
        return found
