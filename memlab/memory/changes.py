"""What the edits of a workspace changed, in terms of texts: characters forgotten, texts taught."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from cachetools import LRUCache

from memlab.results import Article, Source

BLACK = "█"

Spans = tuple[tuple[int, int], ...]  # first and last (exclusive) characters, in order, none touching another


@dataclass(frozen=True)
class Taught:
    """A text that an edit added; `spans` are the characters to remember (None: every word)."""

    seq: int
    title: str
    text: str
    spans: Spans | None = None

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

    def __hash__(self) -> int:  # without the texts: hashing thousands of them at each question is slow
        return hash((self.head, self.removed, len(self.taught)))

    @cached_property
    def gone(self) -> Mapping[tuple[str, str], Spans]:
        """The forgotten characters of each document, by corpus and document id."""
        return _GONE.of(self.removed)

    def gone_of(self, taught: Taught) -> Spans:
        """The forgotten characters of a taught text."""
        return self.gone.get(("edit", taught.document), ())


Gone = Mapping[tuple[str, str], Spans]


class _RecentlyGone:
    """The forgotten characters of sets of sources, by corpus and document id.

    Each edit makes a new set, which differs from a recent one by a few sources; only those documents are recomputed.
    """

    def __init__(self, size: int = 8) -> None:
        self._recent: LRUCache[frozenset[Source], Gone] = LRUCache(size)
        self._lock = threading.Lock()

    def of(self, removed: frozenset[Source]) -> Gone:
        with self._lock:
            if removed in self._recent:
                return self._recent[removed]
            similar = min(self._recent.items(), key=lambda kept: abs(len(kept[0]) - len(removed)), default=None)
        gone = _gone(removed) if similar is None else _gone_after(removed, *similar)
        with self._lock:
            return self._recent.setdefault(removed, gone)


def _gone(removed: Iterable[Source]) -> dict[tuple[str, str], Spans]:
    found: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for s in removed:
        found[s.corpus, s.document].append((s.start, s.end))
    return {document: joined(spans) for document, spans in found.items()}


def _gone_after(removed: frozenset[Source], before: frozenset[Source], gone: Gone) -> Gone:
    """`_gone(removed)` from that of another set."""
    touched = {(s.corpus, s.document) for s in removed ^ before}
    if 2 * len(touched) > len(gone):
        return _gone(removed)
    rest = {document: spans for document, spans in gone.items() if document not in touched}
    return {**rest, **_gone(s for s in removed if (s.corpus, s.document) in touched)}


_GONE = _RecentlyGone()


def edited_texts(articles: Sequence[Article], corpus: str, changes: Changes) -> list[Article]:
    """A collection as a workspace sees it: forgotten words blacked out, taught texts at the end."""
    out = []
    for article in articles:
        spans = changes.gone.get((corpus, article.id))
        out.append(replace(article, text=blacked_out(article.text, spans)) if spans else article)
    return out + [article_of(taught, changes.gone_of(taught)) for taught in changes.taught]


def article_of(taught: Taught, gone: Spans) -> Article:
    """A taught text without what was forgotten of it; its title is the beginning of the text."""
    title, text = blacked_out(taught.title, gone), blacked_out(taught.text, gone)
    return Article(taught.document, title, text, "taught")


def joined(spans: Sequence[tuple[int, int]]) -> Spans:
    """The same characters in order, with spans that overlap or touch merged."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return tuple(out)


def overlaps(spans: np.ndarray, gone: Spans) -> np.ndarray:
    """(n,) whether each span (first, last character) shares a character with one of the forgotten ones."""
    if not gone or not len(spans):
        return np.zeros(len(spans), bool)
    start, end = np.asarray(gone).T
    last = np.searchsorted(start, spans[:, 1]) - 1  # the last that begins before the span ends
    return (last >= 0) & (end[last] > spans[:, 0])


def blacked_out(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with the characters of the spans replaced one by one; spaces stay."""
    out, at = [], 0
    for start, end in joined(spans):
        out += [text[at:start], re.sub(r"\S", BLACK, text[start:end])]
        at = max(at, end)
    return "".join([*out, text[at:]])
