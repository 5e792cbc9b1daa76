"""What the states of one memory share: the encoded taught texts, and the term counts of edited texts.

A state is made after every edit. So that its cost depends on that edit and not on all edits before it,
each text is encoded and counted once and kept for as long as a state holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch

from memlab.lm.model import LanguageModel
from memlab.memory.articles import Terms
from memlab.memory.changes import Spans, Taught, blacked_out, overlaps
from memlab.memory.datastore import Searchable
from memlab.memory.entries import Entries, encode_keys, taught_entries
from memlab.memory.kept_keys import Encoded, KeptKeys, text_id
from memlab.memory.taught_index import TaughtEntries, common

AT_ONCE = 256  # taught texts that are encoded together


class Text:
    """A text with forgotten characters blacked out, as article search sees it."""

    def __init__(self, store: Searchable, text: str, gone: Spans) -> None:
        self._store = store
        self.shown = blacked_out(text, gone)

    @cached_property
    def terms(self) -> Terms:
        """Its weighted terms."""
        return self._store.articles.terms(self.shown)

    @staticmethod
    def count(texts: Sequence[Text]) -> None:
        """Computes the `terms` of all texts that lack them, together."""
        new = [text for text in texts if "terms" not in text.__dict__]
        if new:
            for text, terms in zip(new, new[0]._store.articles.terms_of([t.shown for t in new]), strict=True):
                text.__dict__["terms"] = terms

    @cached_property
    def titled(self) -> list[int]:
        """Rows of the articles whose title appears in it."""
        return self._store.articles.titled(self.shown)


class Texts:
    """The texts that edits of one datastore taught or changed, for one model and kind of key."""

    def __init__(self, store: Searchable, lm: LanguageModel, key: str, kept: KeptKeys | None = None) -> None:
        self._store, self._lm, self._key, self._kept = store, lm, key, kept
        self.width = lm.width(key)
        self._encoded: WeakValueDictionary[Any, Encoded] = WeakValueDictionary()
        self._texts: WeakValueDictionary[Any, Text] = WeakValueDictionary()
        self._forgotten: WeakValueDictionary[Any, np.ndarray] = WeakValueDictionary()
        self._last = TaughtEntries(self.width)

    def entries(self, taught: Sequence[Taught]) -> TaughtEntries:
        """The entries of a sequence of taught texts; the beginning that the last sequence shares is reused."""
        last = self._last
        same = common(last.taught, taught)
        self._last = made = last.extended(same, taught[same:], self.encoded(taught[same:]))
        return made

    def encoded(self, taught: Sequence[Taught]) -> list[Encoded]:
        """The entries of taught texts: from states in memory, from the disk, and the rest by forward passes."""
        out = {(t.text, t.spans): self._encoded.get((t.text, t.spans)) for t in taught}
        new = [Taught(0, "", text, spans) for (text, spans), found in out.items() if found is None]
        kept = self._kept.find(new) if self._kept and new else {}
        missing = []
        for t in new:
            found = kept.get(text_id(t))
            if found is None:
                missing.append(t)
            else:
                out[t.text, t.spans] = found
        for at in range(0, len(missing), AT_ONCE):  # each part is kept as soon as it is made
            part = missing[at : at + AT_ONCE]
            made = encode_taught(self._lm, part, self._key)
            if self._kept:
                self._kept.add({text_id(t): e for t, e in zip(part, made, strict=True)})
            for t, e in zip(part, made, strict=True):
                out[t.text, t.spans] = e
        whole = {at: e for at, e in out.items() if e is not None}
        for place, e in whole.items():
            self._encoded.setdefault(place, e)
        return [whole[t.text, t.spans] for t in taught]

    def text(self, text: str, gone: Spans) -> Text:
        """A text without the forgotten characters."""
        found = self._texts.get((text, gone))
        if found is None:
            found = self._texts[text, gone] = Text(self._store, text, gone)
        return found

    def forgotten(self, row: int, gone: Spans) -> np.ndarray:
        """Numbers of the entries of a document whose values have forgotten characters."""
        found = self._forgotten.get((row, gone))
        if found is None:
            entries = self._store.documents.entries([row])
            found = entries[overlaps(np.asarray(self._store.spans[entries])[:, 1:], gone)]
            self._forgotten[row, gone] = found
        return found


def encode_taught(lm: LanguageModel, taught: Sequence[Taught], key: str) -> list[Encoded]:
    """The entries of some texts, encoded together in batches."""
    planned = [taught_entries(lm, t.text, t.spans) for t in taught]
    with torch.inference_mode():
        keys = encode_keys(lm, _joined([p.entries for p in planned]), (key,))[key]
    first = np.cumsum([0] + [len(p.entries) for p in planned])
    return [
        Encoded(keys[first[n] : first[n + 1]].copy(), p.entries.values, p.entries.spans[:, 1:], p.unknown)
        for n, p in enumerate(planned)
    ]


def _joined(texts: Sequence[Entries]) -> Entries:
    """The entries of several texts as one, one text after the other."""
    contexts = [context for p in texts for context in p.contexts]
    first = np.cumsum([0] + [len(p.contexts) for p in texts])
    return replace(
        texts[0],
        contexts=contexts,
        context=np.concatenate([p.context + first[n] for n, p in enumerate(texts)]),
        position=np.concatenate([p.position for p in texts]),
        values=np.concatenate([p.values for p in texts]),
        spans=np.concatenate([p.spans for p in texts]),
    )
