"""The history of a workspace as the pages need it: what is active, and what to ask about an edit."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.corpus.statements import cloze
from memlab.results import Edit

KINDS = ("teach", "forget", "correct")
MARKS = ("undo", "redo")
MASK = "[MASK]"

__all__ = ["MARKS", "MASK", "authors", "chosen", "cloze", "holds", "kinds", "question_of", "undone"]


def holds(history: Sequence[Edit], seq: int) -> bool:
    """Whether edit `seq` exists and is not undone."""
    return any(edit.seq == seq and edit.active for edit in history)


def undone(history: Sequence[Edit]) -> set[int]:
    """The numbers of the edits that are undone now."""
    return {edit.seq for edit in history if not edit.active}


def kinds(history: Sequence[Edit]) -> list[str]:
    """The kinds of edits to choose from: those of memory, every other one that was made here, and undo and redo."""
    made = dict.fromkeys(edit.kind for edit in history)
    return list(dict.fromkeys([*KINDS, *(kind for kind in made if kind not in MARKS), *MARKS]))


def authors(history: Sequence[Edit]) -> list[str]:
    """Who edited, in the order of their first edit."""
    return list(dict.fromkeys(edit.author for edit in history))


def chosen(history: Sequence[Edit], kind: str | None, author: str | None, text: str) -> list[Edit]:
    """The edits of a kind, by an author, whose summary contains a text (ignoring case); newest first."""
    return [
        edit
        for edit in reversed(history)
        if kind in (None, edit.kind) and author in (None, edit.author) and text.lower() in edit.summary.lower()
    ]


def question_of(prompt: str) -> dict[str, str]:
    """The address of a question on the Ask page, which picks the method by the form of the prompt."""
    return {"prompt": prompt} if prompt else {}
