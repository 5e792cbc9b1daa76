"""The entries of all taught texts of a state, in order, and their search.

Each edit makes a new state, and most states share all their taught texts but the last few with the state before. So the
entries of a state are made from those of an earlier one: what both have in common is copied or shared, and its search
index is used again, with the entries that it lacks compared one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import faiss
import numpy as np
import torch

from memlab.memory.changes import Spans, Taught, overlaps
from memlab.memory.index import candidates
from memlab.memory.kept_keys import Encoded

UNINDEXED = 512  # at most this many entries are compared one by one; with more, all are indexed again

Encode = Callable[[Sequence[Taught]], Sequence[Encoded]]


class TaughtEntries:
    """The entries of some taught texts, one text after the other; M in all.

    Attributes:
        taught: the texts, T. encoded: the entries of each.
        keys: (M, d) float16. values: (M,) token ids. spans: (M, 3) number of the text, first and last character.
        first: (T + 1,) the first entry of each text, and M.
        unknown: entry and word where the model has no token for it.
        left_out: number of the text, and what was taught of it and has no entry; see `without_entry`.
    """

    def __init__(self, width: int) -> None:
        """No texts, for keys of width d; `extended` adds some."""
        self.taught: tuple[Taught, ...] = ()
        self.encoded: tuple[Encoded, ...] = ()
        self.keys = np.empty((0, width), np.float16)
        self.values = np.empty(0, np.int32)
        self.spans = np.empty((0, 3), np.int32)
        self.first = np.zeros(1, np.int64)
        self.unknown: list[tuple[int, str]] = []
        self.left_out: list[tuple[int, str]] = []
        self._index: tuple[faiss.Index | None, int] = None, 0  # and how many of the first entries it covers

    def extended(self, same: int, taught: Sequence[Taught], encoded: Sequence[Encoded]) -> TaughtEntries:
        """The entries of the first `same` texts of this one, then those of further texts."""
        start, counts = int(self.first[same]), [len(e.values) for e in encoded]
        numbers = np.repeat(np.arange(same, same + len(taught), dtype=np.int32), counts)
        spans = np.concatenate([np.empty((0, 2), np.int32), *(e.spans for e in encoded)])
        out = TaughtEntries(self.keys.shape[1])
        out.taught, out.encoded = self.taught[:same] + tuple(taught), self.encoded[:same] + tuple(encoded)
        out.keys = _joined(self.keys[:start], [e.keys for e in encoded])
        out.values = _joined(self.values[:start], [e.values for e in encoded])
        out.spans = _joined(self.spans[:start], [np.column_stack([numbers, spans])])
        out.first = np.concatenate([self.first[:same], np.cumsum([start, *counts], dtype=np.int64)])
        out.unknown = [(at, word) for at, word in self.unknown if at < start]
        out.left_out = [(number, text) for number, text in self.left_out if number < same]
        for number, (t, e) in enumerate(zip(taught, encoded, strict=True), same):
            out.unknown += [(int(out.first[number]) + at, word) for at, word in e.unknown.items()]
            out.left_out += [(number, text) for text in without_entry(t, e)]
        out._index = self._index[0], min(self._index[1], start)
        return out

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def _number(self) -> Mapping[str, int]:
        return {t.document: number for number, t in enumerate(self.taught)}

    def kept(self, gone: Mapping[tuple[str, str], Spans]) -> np.ndarray | None:
        """(M,) bool, the entries without forgotten characters; None when none was forgotten."""
        kept = None
        for (corpus, document), spans in gone.items():
            if corpus != "edit" or (number := self._number.get(document)) is None:
                continue
            if kept is None:
                kept = np.ones(len(self), bool)
            here = slice(self.first[number], self.first[number + 1])
            kept[here] = ~overlaps(self.spans[here, 1:], spans)
        return kept

    def nearest(self, queries: np.ndarray, k: int, kept: np.ndarray | None) -> np.ndarray:
        """(B, >= k) entries, those that may be the k nearest of each query (B, d); -1 where there are fewer."""
        if len(self) - self._index[1] > UNINDEXED:
            self._index = _indexed(self.keys), len(self)
        index, indexed = self._index
        rest = np.arange(indexed, len(self))
        if kept is not None:
            rest = rest[kept[rest]]
        found = np.tile(rest, (len(queries), 1))
        if index is not None and indexed:
            allowed = np.zeros(index.ntotal, bool)
            allowed[:indexed] = True if kept is None else kept[:indexed]
            among = candidates(index, "flat", queries, k, None if allowed.all() else allowed)
            found = np.concatenate([among, found], axis=1)
        return found


def common(a: Sequence[Taught], b: Sequence[Taught]) -> int:
    """The number of equal texts that two sequences begin with."""
    n = min(len(a), len(b))
    if tuple(a[:n]) == tuple(b[:n]):  # most often, and fast: mostly the same objects
        return n
    return next(number for number, (left, right) in enumerate(zip(a, b, strict=False)) if left != right)


def without_entry(taught: Taught, made: Encoded) -> list[str]:
    """What was to be remembered of a text but has no entry: the words that were given, or the text as a whole.

    There is no entry for a word that the model reads as a part of a longer token ("York" in "New York"), and, with a
    masked model, for stop words and punctuation.
    """
    if taught.spans is None:
        return [] if len(made.values) else [taught.text]
    return [taught.text[a:b] for a, b in taught.spans if not overlaps(made.spans, ((a, b),)).any()]


def _joined(array: np.ndarray, more: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([array, *more]).astype(array.dtype, copy=False)


def _indexed(keys: np.ndarray) -> faiss.Index:
    full = torch.from_numpy(keys).float().numpy()  # numpy takes several times as long
    index = faiss.IndexScalarQuantizer(keys.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2)
    index.add(full)
    return index
