"""A first question for a collection of texts, made from one of its own sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from memlab.corpus.world import MASK

LEAST, MOST = 5, 24  # words of the sentence
TEXTS = 50  # that are searched, at most
_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
_WORD = re.compile(r"[\w'’-]+")


def first_prompt(texts: Iterable[str], kind: str, known: Callable[[str], bool] = lambda word: True) -> str | None:
    """A sentence of the texts without its last word: with [MASK] in its place for a masked model, else ending before it.

    Args:
        kind: "masked" or "causal". known: whether a word can be an answer: a masked model answers with one token.

    Returns:
        None if no text has a complete sentence of LEAST to MOST words that ends with a known word.
    """
    for _, text in zip(range(TEXTS), texts, strict=False):
        for sentence in _END.split(text):
            flat = " ".join(sentence.split())
            if not LEAST <= len(flat.split()) <= MOST or flat[-1:] not in ".!?":
                continue
            last = list(_WORD.finditer(flat))[-1]
            if known(last[0]) and flat[: last.start()].strip():
                before = flat[: last.start()]
                return f"{before}{MASK}{flat[last.end() :]}" if kind == "masked" else before.rstrip()
    return None
