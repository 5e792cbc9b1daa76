"""Neighbors that would be the text itself: found, and left out whenever a number is reported.

A text that built a datastore retrieves itself. It is recognized by its characters: a document of the
datastore that equals the text, contains it, or is contained in it. Then the entry of each token is known by
its characters. A text that a person taught stays: it is remembered on purpose. Near-duplicates are recognized by
what precedes them: an entry whose `CONTEXT` preceding remembered tokens are those of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from memlab.memory.datastore import Searchable
from memlab.memory.found import Found
from memlab.memory.overlay import EditedStore

CONTEXT = 8  # equal tokens before the value that make a near-duplicate
SPARE = 16  # neighbors searched beyond k, to fill the places of near-duplicates
_SHORTEST = 40  # characters: shorter documents occur in other texts by chance
LEAVE_OUT = ("self", "near", "nothing")


def own_entries(store: Searchable, text: str, spans: np.ndarray) -> np.ndarray:
    """(n, m) the datastore's own entries of each token of a text, -1 where there are fewer than m.

    m is the number of documents that share the text, 0 where the text is not part of the datastore.

    Args:
        spans: (n, 2) first and last character (exclusive) of each token.
    """
    columns = []
    built = store.base.documents if isinstance(store, EditedStore) else store.documents
    for row in range(len(built)):
        shifts = _shifts(store.documents.article(row).text, text)
        entries = store.documents.entries([row]) if shifts else np.empty(0, np.int64)
        for shift in shifts if len(entries) else ():
            places = np.asarray(store.spans[entries])[:, 1:] - shift  # in characters of the text
            at = np.minimum(np.searchsorted(places[:, 0], spans[:, 0]), len(entries) - 1)
            columns.append(np.where((places[at] == spans).all(axis=1), entries[at], -1))
    together = np.stack(columns, axis=1) if columns else np.empty((len(spans), 0), np.int64)
    together = -np.sort(-together, axis=1)  # documents inside a text follow one another: few columns are needed
    return together[:, : int((together >= 0).sum(1).max(initial=0))]


def _shifts(document: str, text: str) -> list[int]:
    """Where a text begins in a document, in characters of the document: every time that one contains the other."""
    if document == text:
        return [0]
    if len(text) >= _SHORTEST and text in document:
        return [match.start() for match in re.finditer(f"(?={re.escape(text)})", document)]
    if len(document) >= _SHORTEST and document in text:
        return [-match.start() for match in re.finditer(f"(?={re.escape(document)})", text)]
    return []


def contains(document: str, text: str) -> bool:
    """Whether a document is a text, holds it or is part of it, so that its entries are the text itself."""
    return bool(_shifts(document, text))


def contexts(ids: Sequence[int]) -> np.ndarray:
    """(N, CONTEXT) the tokens before each token of a text, the nearest first; -1 before its beginning."""
    out = np.full((len(ids), CONTEXT), -1, np.int64)
    for back in range(1, min(CONTEXT, len(ids) - 1) + 1):
        out[back:, back - 1] = ids[:-back]
    return out


def repeats(store: Searchable, entries: np.ndarray, before: np.ndarray) -> np.ndarray:
    """(n, k) whether the tokens before an entry are those before a token of a text: a near-duplicate.

    Args:
        entries: (n, k) found entries, -1 for none. before: (n, CONTEXT), see `contexts`.
    """
    same = (entries >= CONTEXT) & (before[:, -1:] >= 0)
    for back in range(1, CONTEXT + 1):
        same &= np.asarray(store.values[np.maximum(entries - back, 0)]) == before[:, back - 1 : back]
        if not same.any():
            return same
    row, first = (np.asarray(store.spans[np.maximum(entries - back, 0)])[..., 0] for back in (0, CONTEXT))
    return same & (row == first)


def without(found: Found, left_out: np.ndarray, k: int) -> Found:
    """The k nearest neighbors that are not left out; `left_out` is (n, k') bool."""
    gone = left_out | (found.entries < 0)
    order = np.argsort(gone, axis=1, kind="stable")[:, :k]
    entries, values, distances = (
        np.take_along_axis(np.where(left_out, fill, array), order, 1)
        for array, fill in ((found.entries, -1), (found.values, -1), (found.distances, np.inf))
    )
    return Found(entries, values, distances, found.searched)
