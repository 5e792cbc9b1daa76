"""Searching the sources by their text, by a word, or by document; forgotten ones are found, but blacked out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from memlab.corpus.door import checked_texts
from memlab.corpus.sentences import sentence_spans
from memlab.errors import InputError, NotFound
from memlab.memory.changes import blacked_out
from memlab.record.hash_chain import EditRow
from memlab.record.memory_edits import shortened
from memlab.record.memory_kinds import MEMORY_KINDS, sources_of
from memlab.results import Article, FoundSource, FoundSources, Source

MOST = 10_000  # places listed at once


def find_sources(
    articles: Sequence[Article],
    corpus: str,
    active: Sequence[EditRow],
    text: str | None = None,
    value: str | None = None,
    document: str | None = None,
    limit: int = 100,
) -> FoundSources:
    """Places in a collection and in the taught texts.

    Args:
        articles, corpus: the collection as it was read, and its identity.
        active: the edits that hold.
        text: a text to find, ignoring case. Without `value`, its occurrences are the places.
        value: a whole word to find, ignoring case; with `text`, only in sentences that contain the text.
        document: id, title or part of a title, to search in. Alone it gives the document's sentences.

    Raises:
        InputError: nothing to search for, broken characters, or a limit outside 1 to MOST.
        NotFound: no document of that name.
    """
    checked_texts((part for part in (text, value, document) if part), "What is searched for")
    text, value, document = (" ".join(part.split()) if part else None for part in (text, value, document))
    if not (text or value or document):
        raise InputError("Say what to search for: a text, a word (value) or a document.")
    if not isinstance(limit, int) or not 1 <= limit <= MOST:
        raise InputError(f"limit is {limit!r}; allowed is a whole number from 1 to {MOST}.")
    active = [row for row in active if row.kind in MEMORY_KINDS]
    taught = [
        Article(row.source, row.parameters["teaches"]["title"], row.parameters["teaches"]["text"], "taught")
        for row in active
        if "teaches" in row.parameters
    ]
    gone: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for row in active:
        for s in sources_of(row.parameters):
            if s.corpus in (corpus, "edit"):
                gone[s.document].append((s.start, s.end, row.sequence))
    total, out = 0, list[FoundSource]()
    for article in _chosen([*articles, *taught], document):
        own = gone.get(article.id, [])
        spans = [(start, end) for start, end, _ in own]
        shown = blacked_out(article.text, spans) if own else article.text
        added = article.id.startswith("edit:")
        title = blacked_out(article.title, spans) if added else article.title  # it is the beginning of the text
        for first, last, start, end in _places(article.text, text, value):
            total += 1
            if len(out) < limit:
                by = min((seq for a, b, seq in own if a < end and start < b), default=None)
                source = Source("edit" if added else corpus, article.id, start, end, shown[start:end])
                left, right = shown[first:start], shown[end:last]
                out.append(FoundSource(source, title, left, right, article.id if added else "base", by))
    return FoundSources(tuple(out), total)


def _chosen(articles: Sequence[Article], document: str | None) -> Sequence[Article]:
    """The document of that id or title; else those whose title contains it."""
    if document is None:
        return articles
    low = document.lower()
    exact = [a for a in articles if low in (a.id.lower(), a.title.lower())]
    found = exact or [a for a in articles if low in a.title.lower()]
    if not found:
        raise NotFound(f"There is no document {shortened(document)!r} here. `lab.articles()` lists them.")
    return found


def _places(whole: str, text: str | None, value: str | None) -> Iterator[tuple[int, int, int, int]]:
    """First and last character of the sentence, then of the place in it."""
    if any(part and part.lower() not in whole.lower() for part in (text, value)):
        return
    pattern = None
    if value:
        pattern = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)", re.IGNORECASE)
    elif text:
        pattern = re.compile(re.escape(text), re.IGNORECASE)
    for first, last in sentence_spans(whole):
        if pattern is None:
            yield first, last, first, last
        elif not text or text.lower() in whole[first:last].lower():
            for found in pattern.finditer(whole, first, last):
                yield first, last, found.start(), found.end()
