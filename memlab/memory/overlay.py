"""A datastore as a workspace sees it: the base, minus what was forgotten, plus what was taught.

The ledger speaks of sources (which characters of which document), not of entry numbers, so the same
changes hold for every datastore, model and index. Here they are resolved to the entries of one store:
base entries that may no longer be found, and new entries numbered from N on. Texts are shown with
forgotten words blacked out, in the same number of characters, so that offsets stay valid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from memlab.lm.model import LanguageModel
from memlab.memory.articles import ArticleSearch
from memlab.memory.datastore import Datastore, Documents, Searchable
from memlab.memory.found import Found, nearest
from memlab.memory.plan import encode_plan, plan_taught
from memlab.memory.search import search_all
from memlab.results import Article, Source

BLACK = "█"


@dataclass(frozen=True)
class Taught:
    """A text that an edit added; `spans` are the characters to remember (None: every word)."""

    seq: int
    title: str
    text: str
    spans: tuple[tuple[int, int], ...] | None = None

    @property
    def document(self) -> str:
        """Its document id, and what neighbors from it give as their source."""
        return f"edit:{self.seq}"


@dataclass(frozen=True)
class Changes:
    """What the active edits of a workspace changed in its memory, as of `head`."""

    head: int = 0
    removed: frozenset[Source] = frozenset()
    taught: tuple[Taught, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.removed or self.taught)


@dataclass(frozen=True)
class NewEntries:
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
    """Reads like the datastore it is laid over; made once for each head of the ledger, never changed.

    Args:
        base: the datastore (or one whose keys are still being encoded).
        lm: the model that made it.
        key: which representation is its key.
        changes: what the workspace changed.
        corpus: identity of the base's collection, as sources name it.
        cache: keys of taught texts by (text, spans), shared between heads.
    """

    def __init__(
        self,
        base: Searchable,
        lm: LanguageModel,
        key: str,
        changes: Changes,
        corpus: str,
        cache: dict[Any, Any],
    ) -> None:
        self.base, self.changes = base, changes
        self.ready, self.name, self.corpus = base.ready, base.name, corpus
        self._removed = _by_document(changes.removed)
        self.new, self.words = self._encode(lm, key, cache)
        self.values: Any = Joined(base.values, self.new.values)
        self.spans: Any = Joined(base.spans, self.new.spans)
        self.documents = _EditedDocuments(base.documents, self)

    def __len__(self) -> int:
        return len(self.base) + len(self.new.values)

    @cached_property
    def forgotten(self) -> np.ndarray:
        """Base entries that may not be found, sorted."""
        out = []
        for (corpus, document), spans in self._removed.items():
            row = self.base.documents.row_of(document) if corpus == self.corpus else None
            if row is not None:
                entries = self.base.documents.entries([row])
                touched = overlaps(np.asarray(self.base.spans[entries])[:, 1:], spans)
                out.append(entries[touched])
        return np.sort(np.concatenate(out)) if out else np.empty(0, np.int64)

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
        return self.base.articles.edited(self.documents.changed, [t.text for t in self.changes.taught])

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
        return "base" if entry < len(self.base) else self.documents.article(int(self.spans[[entry]][0, 0])).id

    def search(self, queries: np.ndarray, k: int) -> Found:
        """The k nearest of the base's allowed entries and of all new ones."""
        assert isinstance(self.base, Datastore), "a store that is being built is searched within articles"
        allowed = self.allowed
        searched = len(self) - len(self.forgotten)
        if allowed is not None and not allowed.any():
            found = Found.nothing(len(queries))
        else:
            found = search_all(self.base, queries, min(k, searched), allowed)
        if len(self.new.values):
            found = _merged(found, _all_new(self, queries, k), k)
        return replace(found, searched=searched)

    def _encode(self, lm: LanguageModel, key: str, cache: dict[Any, Any]) -> tuple[NewEntries, Mapping[str, int]]:
        """The entries of the taught texts, and the ids (at and above V) of the words that only memory can say.

        Only texts not met before cost a forward pass.
        """
        words: dict[str, int] = {}
        keys, values, spans = [np.empty((0, lm.d), np.float16)], [np.empty(0, np.int32)], [np.empty((0, 3), np.int32)]
        for number, taught in enumerate(self.changes.taught):
            at = (taught.text, taught.spans, key, lm.name)
            if at not in cache:
                planned = plan_taught(lm, taught.text, taught.spans)
                with torch.inference_mode():
                    cache[at] = (encode_plan(lm, planned.plan, (key,))[key], planned)
            vectors, planned = cache[at]
            own = planned.plan.spans.copy()
            own[:, 0] = len(self.base.documents) + number
            keep = ~overlaps(own[:, 1:], self._removed.get(("edit", taught.document), []))
            keys.append(vectors[keep])
            own_values = planned.plan.values.copy()
            for entry, word in planned.unknown.items():
                own_values[entry] = words.setdefault(word, lm.V + len(words))
            values.append(own_values[keep])
            spans.append(own[keep])
        return NewEntries(np.concatenate(keys), np.concatenate(values), np.concatenate(spans)), words


class _EditedDocuments(Documents):
    """The base's documents with forgotten words blacked out, followed by the taught texts."""

    def __init__(self, base: Documents, store: EditedStore) -> None:
        self.base, self.store = base, store
        self.changed: dict[int, str] = {}
        for (corpus, document), spans in store._removed.items():
            row = base.row_of(document) if corpus == store.corpus else None
            if row is not None:
                self.changed[row] = blacked_out(base.article(row).text, spans)
        rows = (
            np.bincount(store.new.spans[:, 0] - len(base), minlength=len(store.changes.taught))
            if len(store.new.spans)
            else np.zeros(len(store.changes.taught), np.int64)
        )
        self._new_count = rows
        self._new_first = len(store.base) + np.concatenate([[0], np.cumsum(rows)[:-1]]) if len(rows) else rows

    def __len__(self) -> int:
        return len(self.base) + len(self.store.changes.taught)

    @property
    def articles(self) -> list[Article]:  # type: ignore[override]
        return [self.article(row) for row in range(len(self))]

    def article(self, row: int) -> Article:
        if row >= len(self.base):
            taught = self.store.changes.taught[row - len(self.base)]
            spans = self.store._removed.get(("edit", taught.document), [])
            return Article(taught.document, taught.title, blacked_out(taught.text, spans), "taught")
        article = self.base.article(row)
        return replace(article, text=self.changed[row]) if row in self.changed else article

    def row_of(self, document: str) -> int | None:
        for number, taught in enumerate(self.store.changes.taught):
            if document == taught.document:
                return len(self.base) + number
        return self.base.row_of(document)

    def entries(self, rows: Sequence[int]) -> np.ndarray:
        """Entry numbers of some documents, forgotten ones left out."""
        n = len(self.base)
        old = self.base.entries([r for r in rows if r < n])
        if self.store.allowed is not None:
            old = old[self.store.allowed[old]]
        new = [self._new_first[r - n] + np.arange(self._new_count[r - n]) for r in rows if r >= n]
        return np.concatenate([old, *new]).astype(np.int64)


def edited_texts(articles: Sequence[Article], corpus: str, changes: Changes) -> list[Article]:
    """A collection as a workspace sees it: forgotten words blacked out, taught texts at the end."""
    removed = _by_document(changes.removed)
    out = []
    for article in articles:
        spans = removed.get((corpus, article.id))
        out.append(replace(article, text=blacked_out(article.text, spans)) if spans else article)
    for taught in changes.taught:
        text = blacked_out(taught.text, removed.get(("edit", taught.document), []))
        out.append(Article(taught.document, taught.title, text, "taught"))
    return out


def _by_document(sources: frozenset[Source]) -> dict[tuple[str, str], list[tuple[int, int]]]:
    out: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for s in sources:
        out[s.corpus, s.document].append((s.start, s.end))
    return dict(out)


def overlaps(spans: np.ndarray, removed: Sequence[tuple[int, int]]) -> np.ndarray:
    """(n,) whether each span (first, last character) shares a character with one of the removed ones."""
    hit = np.zeros(len(spans), bool)
    for start, end in removed:
        hit |= (spans[:, 0] < end) & (spans[:, 1] > start)
    return hit


def blacked_out(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with the characters of the spans replaced one by one; spaces stay."""
    chars = list(text)
    for start, end in spans:
        chars[start:end] = [c if c.isspace() else BLACK for c in chars[start:end]]
    return "".join(chars)


def _all_new(store: EditedStore, queries: np.ndarray, k: int) -> Found:
    """Exact search over the new entries."""
    n, count = len(store.base), len(store.new.values)
    keys = store.new.keys.astype(np.float32)
    squared = (queries**2).sum(1)[:, None] - 2 * queries @ keys.T + (keys**2).sum(1)  # (B, M), to choose candidates
    near = np.argsort(squared, axis=1, kind="stable")[:, : min(k, count)]
    gap = keys[near] - queries[:, None]
    return nearest(near + n, store.new.values[near], np.einsum("bkd,bkd->bk", gap, gap, dtype=np.float64), k, count)


def _merged(a: Found, b: Found, k: int) -> Found:
    entries, values, distances = (
        np.concatenate(pair, axis=1)
        for pair in ((a.entries, b.entries), (a.values, b.values), (a.distances, b.distances))
    )
    return nearest(entries, values, distances, k, a.searched + b.searched)
