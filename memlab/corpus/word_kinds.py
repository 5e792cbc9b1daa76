"""Kinds of tokens in running text, by simple rules."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.corpus.sentences import sentence_spans

KINDS = ("name", "number", "word", "function word", "piece", "punctuation")


def kinds(text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """The kind of each token, given its first and last character (exclusive).

    - piece: continues a word that an earlier token began;
    - punctuation: no letter and no digit; number: a digit;
    - function word: an English stop word (scikit-learn's list);
    - name: a capital letter, not at the beginning of a sentence; word: everything else.
    """
    begins = {start for start, _ in sentence_spans(text)}
    return tuple(_kind(text, a, b, begins) for a, b in spans)


def _kind(text: str, start: int, end: int, begins: set[int]) -> str:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # at first use: it takes a second to import

    token = text[start:end]
    plain = token.strip()
    first = start + len(token) - len(token.lstrip())
    if not any(c.isalnum() for c in plain):
        return "punctuation"
    if 0 < start == first and text[start - 1].isalnum() and plain[0].isalnum():
        return "piece"
    if any(c.isdigit() for c in plain):
        return "number"
    if plain.lower() in ENGLISH_STOP_WORDS:
        return "function word"
    return "name" if plain[0].isupper() and first not in begins else "word"
