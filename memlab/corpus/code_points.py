"""Finding a word regardless of Unicode composition: "é" as one character, or as "e" and an accent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator


def occurrences(text: str, word: str) -> list[tuple[int, int]]:
    """First and last (exclusive) characters of every occurrence of the whole word in `text`.

    Canonically equivalent characters are equal: both sides are compared in their
    decomposed form, cut at whole characters with their accents.
    """
    if text.isascii():
        return _whole_words(text, word)
    decomposed, origin = "", []  # origin[i]: where the cluster of the i-th character begins; -1 within a cluster
    for start, end in _clusters(text):
        part = unicodedata.normalize("NFD", text[start:end])
        decomposed += part
        origin += [start] + [-1] * (len(part) - 1)
    origin.append(len(text))
    found = _whole_words(decomposed, unicodedata.normalize("NFD", word))
    return [(origin[a], origin[b]) for a, b in found if origin[a] >= 0 and origin[b] >= 0]


def _whole_words(text: str, word: str) -> list[tuple[int, int]]:
    """Occurrences of the word without a letter, digit or accent next to it."""
    found = (match.span() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text))
    return [(a, b) for a, b in found if b == len(text) or not unicodedata.combining(text[b])]


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """(begin, end) of each character together with the accents after it."""
    begin = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not unicodedata.combining(text[at]):
            yield begin, at
            begin = at
