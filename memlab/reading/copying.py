"""Spans of a generated text that occur word for word in a remembered passage.

A neighbor whose value is the generated token marks a place in a passage where the same word occurs. From there the
two texts are compared in both directions. Spans begin with a word, and are maximal: none lies within another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from memlab.memory.datastore import Searchable
from memlab.memory.overlay import EditedStore
from memlab.results import CopiedSpan

LEAST = 4  # tokens
_GAP = 2  # characters between neighboring tokens of a passage: a space, an empty line


def copied_spans(
    store: Searchable, ids: Sequence[int], texts: Sequence[str], votes: Sequence[Sequence[int]], least: int = LEAST
) -> tuple[CopiedSpan, ...]:
    """The maximal copied spans of at least `least` tokens, in order.

    Args:
        ids, texts: the n generated tokens. votes: of each, the entries among its neighbors that remember it, nearest first.
    """
    wordlike = [i for i, text in enumerate(texts) if any(c.isalnum() for c in text)]
    t = np.repeat(np.array(wordlike, np.int64), [len(votes[i]) for i in wordlike])
    entries = np.array([e for i in wordlike for e in votes[i]], np.int64)
    tokens = np.asarray(ids)
    left, right = _reach(store, tokens, t, entries, -1), _reach(store, tokens, t, entries, 1)
    left = t - np.array(wordlike, np.int64)[np.searchsorted(wordlike, t - left)]
    passages: dict[tuple[int, int], dict[int, None]] = defaultdict(dict)  # (first, last) -> entries where it begins
    for i in np.flatnonzero(left + right + 1 >= least):
        first, last = int(t[i] - left[i]), int(t[i] + right[i] + 1)
        begin = int(entries[i] - left[i])
        if begin not in passages[first, last] and _unbroken(store, begin, last - first):
            passages[first, last][begin] = None
    found = [span for span, begins in passages.items() if begins]
    maximal = [a for a in found if not any(b != a and b[0] <= a[0] and a[1] <= b[1] for b in found)]
    return tuple(_span(store, texts, first, last, list(passages[first, last])) for first, last in sorted(maximal))


def _reach(store: Searchable, tokens: np.ndarray, t: np.ndarray, entries: np.ndarray, way: int) -> np.ndarray:
    """How many tokens beyond token t and its entry are the same, before (way -1) or after them (1)."""
    forgotten = store.forgotten if isinstance(store, EditedStore) else np.empty(0, np.int64)
    reach, going = np.zeros(len(t), np.int64), np.arange(len(t))
    while len(going):
        step = way * (reach[going] + 1)
        there = (t[going] + step >= 0) & (t[going] + step < len(tokens))
        there &= (entries[going] + step >= 0) & (entries[going] + step < len(store))
        going, step = going[there], step[there]
        to = entries[going] + step
        here, beyond = store.spans[to - way], store.spans[to]
        before, behind = (beyond, here) if way < 0 else (here, beyond)
        same = (store.values[to] == tokens[t[going] + step]) & (here[:, 0] == beyond[:, 0])
        same &= (behind[:, 1] - before[:, 2] >= 0) & (behind[:, 1] - before[:, 2] <= _GAP)
        same &= ~np.isin(to, forgotten)
        going = going[same]
        reach[going] += 1
    return reach


def _unbroken(store: Searchable, begin: int, tokens: int) -> bool:
    """Whether only whitespace separates the entries: a token that is not an entry could be between them."""
    spans = store.spans[np.arange(begin, begin + tokens)]
    text = store.documents.article(int(spans[0, 0])).text
    return all(not text[a:b].strip() for a, b in zip(spans[:-1, 2], spans[1:, 1], strict=True))


def _span(store: Searchable, texts: Sequence[str], first: int, last: int, begins: list[int]) -> CopiedSpan:
    row, start, _ = store.spans[np.array([begins[0]])][0].tolist()
    end = int(store.spans[np.array([begins[0] + last - first - 1])][0, 2])
    title = store.documents.article(row).title
    text = "".join(texts[first:last]).strip()
    return CopiedSpan(first, last, text, title, start, end, begins[0], store.source_of(begins[0]), len(begins))
