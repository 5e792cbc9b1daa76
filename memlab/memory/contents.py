"""Counts, frequent values, repetitions and a sample of a datastore, in whole-array passes over its values and spans."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from memlab.memory.datastore import Datastore
from memlab.results.contents import Contents, FrequentValue, SampleEntry

FREQUENT = 20  # values that are listed
SAMPLE = 5  # entries that are shown
AROUND = 60  # characters of text before and after the value of a shown entry
CONTEXT = 16  # remembered tokens before a value that are compared


def contents(store: Datastore) -> Contents:
    """What a datastore holds; takes about a second for a million entries, and 40 bytes of memory an entry.

    A value is shown as the text of its first entry spells it. Entries repeat each other where a 64-bit hash of the
    value and the `CONTEXT` remembered values before it in the same text is the same; two different contexts have the
    same hash with a probability of 2^-64.
    """
    values = np.asarray(store.values)
    count = np.bincount(values) if len(values) else np.zeros(0, np.int64)
    order = np.argsort(-count, kind="stable")[:FREQUENT]
    frequent = tuple(_frequent(store, values, int(value), int(count[value])) for value in order if count[value])
    articles = store.documents.articles
    texts = pa.array([a.text for a in articles], pa.large_string())
    return Contents(
        entries=len(values),
        texts=len(articles),
        characters=sum(len(a.text) for a in articles),
        values=int((count > 0).sum()),
        once=int((count == 1).sum()),
        frequent=frequent,
        same_texts=len(articles) - len(texts.unique()),
        same_contexts=len(values) - len(np.unique(context_hashes(values, np.asarray(store.spans[:, 0])))),
        context=CONTEXT,
        sample=tuple(_shown(store, int(n)) for n in _spread(len(values))),
    )


def context_hashes(values: np.ndarray, rows: np.ndarray, context: int = CONTEXT) -> np.ndarray:
    """(n,) uint64: a hash of each value and the `context` values before it in the same document.

    Args:
        values: (n,) token ids in the order of the text. rows: (n,) the document of each, one document after the other.
    """
    draw = np.random.default_rng(0)
    factors = draw.integers(0, 2**64, context + 1, np.uint64, endpoint=False) | np.uint64(1)
    mixed = _mixed(values.astype(np.uint64) + np.uint64(1))
    hashes = mixed * factors[0]
    for back in range(1, min(context, len(values) - 1) + 1):
        same = rows[back:] == rows[:-back]
        hashes[back:] += np.where(same, mixed[:-back] * factors[back], np.uint64(0))
    return hashes


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """The numbers with their bits spread over all 64 (the finalizer of splitmix64)."""
    out = numbers * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        out = (out ^ (out >> np.uint64(shift))) * np.uint64(factor)
    return out ^ (out >> np.uint64(31))


def _frequent(store: Datastore, values: np.ndarray, value: int, count: int) -> FrequentValue:
    row, begin, end = map(int, store.spans[int(np.argmax(values == value))])
    return FrequentValue(store.documents.article(row).text[begin:end], count, count / len(values))


def _spread(count: int) -> np.ndarray:
    """Numbers of entries at equal intervals."""
    some = min(SAMPLE, count)
    return (np.arange(some) * 2 + 1) * count // max(1, 2 * some)


def _shown(store: Datastore, entry: int) -> SampleEntry:
    row, begin, end = map(int, store.spans[entry])
    article = store.documents.article(row)
    before, after = article.text[max(0, begin - AROUND) : begin], article.text[end : end + AROUND]
    return SampleEntry(entry, before, article.text[begin:end], after, article.title)
