"""Running prose for training: one text, split by position."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from memlab.corpus.readers import read_texts
from memlab.errors import InputError
from memlab.results import Article

SHARES = (0.90, 0.05, 0.05)  # training, validation, test
LEAST = 20_000  # characters


@dataclass(frozen=True)
class Parts:
    """The three parts of a text, in the order of the text; joined they are the text."""

    train: str
    validation: str
    test: str


def one_text(path: Path) -> str:
    """The texts of a file or folder (txt, md, csv, jsonl, parquet, also .gz), stripped, joined by an empty line."""
    return joined(read_texts([path]))


def joined(articles: Iterable[Article]) -> str:
    """Their texts, stripped, joined by an empty line."""
    return "\n\n".join(article.text.strip() for article in articles)


def parts(text: str) -> Parts:
    """90% for training, then 5% for validation, then 5% for test; each border moved to the end of its line.

    Raises:
        InputError: the text is too short to be split.
    """
    if len(text) < LEAST:
        raise InputError(f"The text has {len(text)} characters; training on a text needs at least {LEAST}.")
    first = _line_end(text, round(SHARES[0] * len(text)))
    second = _line_end(text, round((SHARES[0] + SHARES[1]) * len(text)))
    if not 0 < first < second < len(text):
        raise InputError(
            "The text cannot be split: its last tenth is a single line. Break it into lines or paragraphs."
        )
    return Parts(text[:first], text[first:second], text[second:])


def _line_end(text: str, at: int) -> int:
    """The character after the first line break at or after `at`."""
    return text.find("\n", at) + 1 or len(text)
