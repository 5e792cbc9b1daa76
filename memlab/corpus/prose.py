"""Files of running text: txt, md; headings of Wikipedia dumps; books of Project Gutenberg."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from memlab.corpus.door import decoded
from memlab.corpus.one_file import FileTexts, TextOptions, title_of
from memlab.results import Article

_START = re.compile(r"\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG EBOOK[^*]{0,300}\*\*\*[^\S\n]*\n?", re.I)
_END = re.compile(r"\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG EBOOK[^*]{0,300}\*\*\*", re.I)
_HEADING = re.compile(r"^ = ([^=\n]+) = ?$", re.M)


def read_prose(raw: bytes, path: Path, options: TextOptions) -> FileTexts:
    """One text, or one for each heading of the form " = Title = ". Raises InputError unless it is UTF-8."""
    text = decoded(raw, str(path)).replace("\r\n", "\n").replace("\r", "\n")
    begin, end = book_span(text)
    notices: tuple[str, ...] = ()
    if outside := len(text) - (end - begin):
        what = f"{path.name} is a book of Project Gutenberg: {outside:,} characters are outside its START and END marks"
        if options.without_license:
            text, notices = text[begin:end].strip("\n") + "\n", (f"{what}. They were left out.",)
        else:
            notices = (
                f"{what}, including its license. They are read like the book; --without-license leaves them out.",
            )
    return FileTexts(tuple(_parts(text, path)), notices=notices)


def book_span(text: str) -> tuple[int, int]:
    """First and last (exclusive) character of a book between its marks; the whole text without marks."""
    start = _START.search(text)
    begin = start.end() if start else 0
    end = _END.search(text, begin)
    return begin, end.start() if end else len(text)


def _parts(text: str, path: Path) -> Iterator[Article]:
    parts = _HEADING.split(text)
    if len(parts) == 1:
        yield Article(title_of(path), title_of(path), text)
        return
    if parts[0].strip():
        yield Article(title_of(path), title_of(path), parts[0].strip())
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        yield Article(title.strip(), title.strip(), body.strip())
