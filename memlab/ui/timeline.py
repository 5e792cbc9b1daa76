"""The history of a workspace, read for the pages: what holds, and what to ask about an edit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memlab.results import Edit
from memlab.ui.article import sentence_around

KINDS = ("teach", "forget", "correct", "undo", "redo")
MARKS = ("undo", "redo")
MASK = "[MASK]"

_LAST_WORD = re.compile(r"[^\W_](?:[\w'’-]*\w)?(?=\W*$)")


def holds(history: Sequence[Edit], seq: int) -> bool:
    """Whether edit `seq` is there and not taken back."""
    return any(edit.seq == seq and edit.active for edit in history)


def undone(history: Sequence[Edit]) -> set[int]:
    """The edits that are taken back now."""
    return {edit.seq for edit in history if not edit.active}


def cloze(text: str, word: str | None = None) -> str:
    """A question that a taught text answers: its first sentence with a gap for its last word.

    With `word`, the first sentence that holds it, with the gap there. Empty where there is no word.
    """
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)") if word else None
    found = pattern.search(text) if pattern else None
    first, last = sentence_around(text, found.start(), found.end()) if found else sentence_around(text, 0, 1)
    if found is None:
        found = _LAST_WORD.search(text[first:last])
        if found is None:
            return ""
        return text[first : first + found.start()] + MASK + text[first + found.end() : last]
    return text[first : found.start()] + MASK + text[found.end() : last]


def question_of(prompt: str) -> dict[str, str]:
    """The address of a question on the Ask page, with the method that its form asks for."""
    return {"prompt": prompt, "method": "bert-knn" if MASK in prompt else "knn-lm"} if prompt else {}
