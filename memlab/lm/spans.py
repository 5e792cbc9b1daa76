"""Texts as a model reads them: token ids and the characters of each, special tokens left out."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[int, int]


def trimmed(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans without the blanks at their ends.

    GPT-2-like and Metaspace tokenizers count the blank before a word to the word's token. A token of blanks alone
    keeps its span.
    """
    out = []
    for a, b in spans:
        inner = text[a:b]
        begin, end = len(inner) - len(inner.lstrip()), len(inner.rstrip())
        out.append((a + begin, a + end) if begin < end else (a, b))
    return out
