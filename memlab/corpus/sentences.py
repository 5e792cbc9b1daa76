"""Sentences of a text with their character offsets."""

from __future__ import annotations

import re

# A full stop, question or exclamation mark (and closing quotes), then space, then something that can start a sentence.
_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9À-ÖØ-Þ])|\n\s*\n")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Prof|No|vs|etc|e\.g|i\.e)|\b[A-Z])\.$")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence, without surrounding whitespace, in order.

    A heuristic for running prose: it splits after `.`, `!` or `?` before a capital letter or a
    digit, and at empty lines, but not after initials and common abbreviations.
    """
    spans = []
    start = 0
    for gap in _END.finditer(text):
        if "\n" not in gap.group() and _ABBREVIATION.search(text, start, gap.start()):
            continue
        spans.append((start, gap.start() + len(gap.group().rstrip())))
        start = gap.end()
    spans.append((start, len(text)))
    out = []
    for a, b in spans:
        piece = text[a:b]
        a += len(piece) - len(piece.lstrip())
        b -= len(piece) - len(piece.rstrip())
        if a < b:
            out.append((a, b))
    return out
