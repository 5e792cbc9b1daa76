"""A first question for a collection of texts, made from one of its own sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from memlab.corpus.model_kinds import MASK, model_kind

LEAST, MOST = 5, 24  # words of the sentence
TEXTS = 50  # that are searched, at most
_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
_WORD = re.compile(r"[\w'’-]+")


def first_prompt(texts: Iterable[str], kind: str, known: Callable[[str], bool] = lambda word: True) -> str | None:
    """A sentence of the texts without its last word: with [MASK] in its place for a masked model, else ending before it.

    Args:
        kind: of model. known: whether a word can be an answer: a masked model answers with one token.

    Returns:
        None if no text has a complete sentence of LEAST to MOST words that ends with a known word.

    Raises:
        InputError: an unknown kind.
    """
    asked = model_kind(kind)
    for _, text in zip(range(TEXTS), texts, strict=False):
        for sentence in _END.split(text):
            flat = " ".join(sentence.split())
            if not LEAST <= len(flat.split()) <= MOST or flat[-1:] not in ".!?":
                continue
            last = list(_WORD.finditer(flat))[-1]
            if known(last[0]) and flat[: last.start()].strip():
                return asked.prompt(f"{flat[: last.start()]}{MASK}{flat[last.end() :]}")
    return None
