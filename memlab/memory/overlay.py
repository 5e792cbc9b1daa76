"""A datastore as a workspace sees it: the base, minus what was forgotten, plus what was taught.

The ledger names sources (which characters of which document), not entry numbers, so the same
changes hold for every datastore, model and index. Here they are resolved to the entries of one store:
base entries that may no longer be found, and new entries numbered from N on. Texts are shown with
forgotten words blacked out, in the same number of characters, so that offsets stay valid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from memlab.lm.model import LanguageModel
from memlab.memory.articles import ArticleSearch
from memlab.memory.changes import Changes, Spans, article_of
from memlab.memory.datastore import Datastore, Documents, Searchable
from memlab.memory.found import Found
from memlab.memory.index import brute_force, rerank
from memlab.memory.search import MANY, search_all
from memlab.memory.taught import Text, Texts
from memlab.memory.taught_index import TaughtEntries
from memlab.results import Article


class NewEntries(NamedTuple):
    """Entries of taught texts: keys (M, d), values (M,), spans (M, 3) with rows counted from the base's last."""

    keys: np.ndarray
    values: np.ndarray
    spans: np.ndarray


class Joined:
    """A base array followed by new rows, read by entry number; nothing is copied."""

    def __init__(self, base: Any, new: np.ndarray) -> None:
        self.base, self.new = base, new

    def __getitem__(self, entries: Any) -> np.ndarray:
        entries = np.asarray(entries)
        n = len(self.base)
        if len(self.new) == 0:
            return np.asarray(self.base[entries])
        old = entries < n
        out = np.asarray(self.base[np.where(old, entries, 0)]).copy()
        out[~old] = self.new[entries[~old] - n]
        return out

    def __len__(self) -> int:
        return len(self.base) + len(self.new)


class EditedStore:
    """Used like the datastore below it; made once for each state of the ledger, never changed.

    Args:
        base: the datastore (or one whose keys are still being encoded).
        lm: the model that made it.
        texts: what it shares with other states of the same base.
        changes: what the workspace changed.
        corpus: identity of the base's collection, as sources name it.
    """

    def __init__(self, base: Searchable, lm: LanguageModel, texts: Texts, changes: Changes, corpus: str) -> None:
        self.base, self.changes, self.corpus = base, changes, corpus
        self.ready, self.name = base.ready, base.name
        self._lm, self._texts = lm, texts
        self.documents = _EditedDocuments(self)

    def __len__(self) -> int:
        return len(self.base) + len(self.new.values)

    @cached_property
    def gone(self) -> Mapping[int, Spans]:
        """The forgotten characters of the base's documents, by row."""
        rows = (
            (self.base.documents.row_of(document), spans)
            for (corpus, document), spans in self.changes.gone.items()
            if corpus == self.corpus
        )
        return {row: spans for row, spans in rows if row is not None}

    @cached_property
    def forgotten(self) -> np.ndarray:
        """Base entries that may not be found, sorted."""
        self._held = [self._texts.forgotten(row, spans) for row, spans in self.gone.items()]
        return np.sort(np.concatenate(self._held)) if self._held else np.empty(0, np.int64)

    @cached_property
    def allowed(self) -> np.ndarray | None:
        """(N,) bool over base entries; None when all may be found."""
        if len(self.forgotten) == 0:
            return None
        allowed = np.ones(len(self.base), bool)
        allowed[self.forgotten] = False
        return allowed

    @cached_property
    def articles(self) -> ArticleSearch:
        """Article search over the texts as they are now."""
        Text.count([*self.documents.changed.values(), *self.documents.taught])
        changed = {row: text.terms for row, text in self.documents.changed.items()}
        return self.base.articles.edited(changed, [(text.terms, text.titled) for text in self.documents.taught])

    @cached_property
    def taught(self) -> TaughtEntries:
        """The entries of the taught texts, forgotten ones included. Held, so that the next state shares them."""
        return self._texts.entries(self.changes.taught)

    @cached_property
    def _kept(self) -> np.ndarray | None:
        """(M',) bool over the entries of `taught`, those that are not forgotten; None for all."""
        return self.taught.kept(self.changes.gone)

    @cached_property
    def new(self) -> NewEntries:
        """The entries of the taught texts that are not forgotten."""
        return self._named[0]

    @property
    def left_out(self) -> Sequence[tuple[int, str]]:
        """(edit number, text) of everything taught that has no entry with this model; see `without_entry`."""
        return [(self.changes.taught[number].seq, text) for number, text in self.taught.left_out]

    @property
    def words(self) -> Mapping[str, int]:
        """The memory-only words, which the model has no token for, and their ids, from V on."""
        return self._named[1]

    @cached_property
    def _named(self) -> tuple[NewEntries, Mapping[str, int]]:
        every, kept = self.taught, self._kept
        values, words = every.values, dict[str, int]()
        if every.unknown:
            values = values.copy()
            for at, word in every.unknown:
                if kept is None or kept[at]:
                    values[at] = words.setdefault(word, self._lm.V + len(words))
        spans = every.spans + np.array([len(self.base.documents), 0, 0], np.int32)
        if kept is None:
            return NewEntries(every.keys, values, spans), words
        return NewEntries(every.keys[kept], values[kept], spans[kept]), words

    @cached_property
    def values(self) -> Any:
        """(N + M,) token ids."""
        return Joined(self.base.values, self.new.values)

    @cached_property
    def spans(self) -> Any:
        """(N + M, 3) document row, first and last character."""
        return Joined(self.base.spans, self.new.spans)

    def gather(self, entries: np.ndarray) -> np.ndarray:
        """(n, d) float32 keys of some entries, old and new."""
        n = len(self.base)
        old = entries < n
        out = np.empty((len(entries), self.new.keys.shape[1]), np.float32)
        if old.any():
            out[old] = self.base.gather(entries[old])
        out[~old] = self.new.keys[entries[~old] - n]
        return out

    def source_of(self, entry: int) -> str:
        """ "base", or the edit that taught the entry."""
        n = entry - len(self.base)
        return "base" if n < 0 else self.changes.taught[self.new.spans[n, 0] - len(self.base.documents)].document

    def search(self, queries: np.ndarray, k: int) -> Found:
        """The k nearest of the base's allowed entries and of all new ones."""
        assert isinstance(self.base, Datastore), "a store that is being built is searched within articles"
        searched = len(self) - len(self.forgotten)
        if len(self.forgotten) == len(self.base):
            found = Found.nothing(len(queries))
        else:
            found = search_all(self.base, queries, min(k, searched), self.allowed)
        if len(self.new.values):
            found = _merged(found, self._search_new(queries, k), k)
        return replace(found, searched=searched)

    def _search_new(self, queries: np.ndarray, k: int) -> Found:
        """The same comparison over the new entries alone."""
        n, keys, kept = len(self.base), self.new.keys, self._kept
        k = min(k, len(keys))
        if len(queries) >= MANY:
            found = brute_force(keys, queries, min(k + 4, len(keys)))
        else:
            found = self.taught.nearest(queries, k, kept)
            if kept is not None:  # its numbers are those before anything was forgotten
                found = np.where(found >= 0, (np.cumsum(kept) - 1)[found], -1)
        entries, distances = rerank(keys, queries, found, k)
        return Found(entries + n, self.new.values[entries], distances, len(keys))


class _EditedDocuments(Documents):
    """The base's documents with forgotten words blacked out, followed by the taught texts."""

    def __init__(self, store: EditedStore) -> None:
        self.base, self.store = store.base.documents, store
        self._read: dict[int, Text] = {}

    def __len__(self) -> int:
        return len(self.base) + len(self.store.changes.taught)

    @property
    def articles(self) -> list[Article]:  # type: ignore[override]
        return [self.article(row) for row in range(len(self))]

    @cached_property
    def changed(self) -> Mapping[int, Text]:
        """The base's documents of which something was forgotten, by row."""
        return {row: self._text(row) for row in self.store.gone}

    def _text(self, row: int) -> Text:
        if row not in self._read:  # held, so that the next state shares it
            self._read[row] = self.store._texts.text(self.base.article(row).text, self.store.gone[row])
        return self._read[row]

    @cached_property
    def taught(self) -> Sequence[Text]:
        """The taught texts without what was forgotten of them."""
        changes = self.store.changes
        return [self.store._texts.text(taught.text, changes.gone_of(taught)) for taught in changes.taught]

    def article(self, row: int) -> Article:
        if row >= len(self.base):
            taught = self.store.changes.taught[row - len(self.base)]
            return article_of(taught, self.store.changes.gone_of(taught))
        article = self.base.article(row)
        return replace(article, text=self._text(row).shown) if row in self.store.gone else article

    def row_of(self, document: str) -> int | None:
        return self._added.get(document, self.base.row_of(document))

    def entries(self, rows: Sequence[int]) -> np.ndarray:
        """Entry numbers of some documents, forgotten ones left out."""
        n = len(self.base)
        old = self.base.entries([r for r in rows if r < n])
        if self.store.allowed is not None:
            old = old[self.store.allowed[old]]
        new = [np.arange(self._first[r - n], self._first[r - n + 1]) for r in rows if r >= n]
        return np.concatenate([old, *new]).astype(np.int64)

    @cached_property
    def _added(self) -> Mapping[str, int]:
        return {taught.document: len(self.base) + n for n, taught in enumerate(self.store.changes.taught)}

    @cached_property
    def _first(self) -> np.ndarray:
        """The first entry of each taught text, and the number of all entries."""
        texts = np.arange(len(self.store.changes.taught) + 1) + len(self.base)
        return len(self.store.base) + np.searchsorted(self.store.new.spans[:, 0], texts)


def _merged(a: Found, b: Found, k: int) -> Found:
    entries, values, distances = (
        np.concatenate(pair, axis=1)
        for pair in ((a.entries, b.entries), (a.values, b.values), (a.distances, b.distances))
    )
    # Both are in order and all entries of `a` come before those of `b`: a stable sort keeps ties by entry.
    order = np.arange(len(distances))[:, None], np.argsort(distances, axis=1, kind="stable")[:, :k]
    return Found(entries[order], values[order], distances[order], a.searched + b.searched)
