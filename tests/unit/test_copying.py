"""Copied spans by hand: two short articles, every word an entry unless it is left out."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np

from memlab.reading.copying import copied_spans
from memlab.results import CopiedSpan

RIVER = "the river is long . the hill is green"
CITY = "a city is by the river is long"
WORDS = sorted({*RIVER.split(), *CITY.split(), "new"})


class Store:
    """Texts as a datastore has them; `without` is a word that is no entry, `times` how often each text was read."""

    def __init__(self, *texts: str, without: str = "", pattern: str = r"\S+", times: int = 1) -> None:
        places = times * [
            (WORDS.index(m[0]), row, m.start(), m.end())
            for row, text in enumerate(texts)
            for m in re.finditer(pattern, text)
            if m[0] != without
        ]
        self.values = np.array([p[0] for p in places])
        self.spans = np.array([p[1:] for p in places])
        articles = [SimpleNamespace(title=f"Text {row}", text=text) for row, text in enumerate(texts)]
        self.documents = SimpleNamespace(article=articles.__getitem__)

    def __len__(self) -> int:
        return len(self.values)

    def source_of(self, entry: int) -> str:
        return "base"


def spans(store: Store, text: str, least: int = 3, asked: range | None = None) -> tuple[CopiedSpan, ...]:
    """The spans of a generated text; at the steps `asked` (default: all) every entry with its word was a neighbor."""
    ids = [WORDS.index(word) for word in text.split()]
    votes = [
        np.flatnonzero(store.values == i).tolist() if asked is None or n in asked else [] for n, i in enumerate(ids)
    ]
    stored: Any = store
    return copied_spans(stored, ids, [f" {word}" for word in text.split()], votes, least)


def test_a_span_is_as_long_as_it_can_be_and_says_where_it_stands() -> None:
    (span,) = spans(Store(RIVER), "new the river is long new")
    assert (span.first, span.last, span.text) == (1, 5, "the river is long")
    assert (span.document, span.source, span.entry, span.passages) == ("Text 0", "base", 0, 1)
    assert RIVER[span.start : span.end] == span.text


def test_one_neighbor_in_the_middle_is_enough() -> None:
    assert spans(Store(RIVER), "new the river is long new", asked=range(3, 4)) == spans(
        Store(RIVER), "new the river is long new"
    )
    assert spans(Store(RIVER), "the river is long", asked=range(0)) == ()


def test_what_is_shorter_than_asked_for_is_no_copy() -> None:
    assert spans(Store(RIVER), "the river new", least=3) == ()
    assert [s.text for s in spans(Store(RIVER), "the river new", least=2)] == ["the river"]


def test_passages_that_say_the_same_are_counted_and_the_nearest_is_named() -> None:
    (span,) = spans(Store(RIVER, CITY), "the river is long")
    assert (span.passages, span.document) == (2, "Text 0")


def test_a_longer_span_swallows_those_within_it_and_others_may_overlap() -> None:
    found = spans(Store(RIVER, CITY), "by the river is long . the hill")
    assert [(s.text, s.document) for s in found] == [
        ("by the river is long", "Text 1"),
        ("the river is long . the hill", "Text 0"),
    ]


def test_a_span_ends_where_the_article_ends() -> None:
    assert [s.text for s in spans(Store(RIVER, CITY), "hill is green a city is")] == ["hill is green", "a city is"]


def test_a_word_that_is_no_entry_breaks_the_span() -> None:
    """Without an entry for "is", "river" and "long" are neighbors among the entries but not in the text."""
    assert spans(Store(RIVER, without="is"), "the river long") == ()
    assert spans(Store(RIVER), "the river long") == ()


def test_what_no_entry_stands_for_breaks_the_span_however_short_it_is() -> None:
    assert spans(Store("the river: is long", pattern=r"\w+"), "the river is long") == ()
    assert len(spans(Store("the river\n\nis long", pattern=r"\w+"), "the river is long")) == 1


def test_a_span_does_not_run_from_the_end_of_a_window_into_the_next() -> None:
    """Overlapping windows read a text more than once; the entry after the last word is then the first word."""
    found = spans(Store(RIVER, times=2), "the hill is green the river is long")
    assert [s.text for s in found] == ["the hill is green", "the river is long"]


def test_a_span_begins_with_a_word() -> None:
    assert [s.text for s in spans(Store(RIVER), "new . the hill is")] == ["the hill is"]
    assert spans(Store(RIVER), "new . the hill") == ()
