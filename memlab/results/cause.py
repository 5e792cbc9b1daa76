"""Why an answer is wrong, in one sentence, and what would repair it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memlab.results.facts import Fact
from memlab.serialize import as_json, json_value

NOT_A_WORD = "not one word"
NO_MEMORY = "no memory"
OUTVOTED = "memory outvoted"
MISSING = "fact missing"
FAR = "nearest key far away"
WRONG_ARTICLE = "passage of the wrong article"
ONE_NEIGHBOR = "one neighbor decides"
LOOK_ALIKES = "look-alikes"
CAUSES = (NOT_A_WORD, NO_MEMORY, OUTVOTED, MISSING, FAR, WRONG_ARTICLE, ONE_NEIGHBOR, LOOK_ALIKES)

LAMBDA, FORGET, CORRECT, TEACH = "lambda", "forget", "correct", "teach"


@dataclass(frozen=True)
class Repair:
    """One change that can make an answer right.

    Args:
        kind: "lambda" (ask with another weight of the memory), "forget", "correct" or "teach".
        label: what it does, for a button.
        sure: whether the answer was computed with it and is right; otherwise only a dry run of the edit can tell.
        lam: the weight (lambda). entries: their numbers in the datastore of the answer (forget). fact, new: the statement
            and its new object (correct). text, word: the sentence, and the word of it to remember (teach).
    """

    kind: str
    label: str
    sure: bool = False
    lam: float | None = None
    entries: tuple[int, ...] = ()
    fact: Fact | None = None
    new: str | None = None
    text: str | None = None
    word: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Without the fields that its kind does not use."""
        given = {
            name: value
            for name in ("lam", "entries", "fact", "new", "text", "word")
            if (value := getattr(self, name)) not in (None, ())
        }
        return {**as_json(self, "kind", "label", "sure"), **{name: json_value(value) for name, value in given.items()}}


@dataclass(frozen=True)
class Cause:
    """Why an answer is wrong.

    Args:
        name: one of `CAUSES`; see `memlab.evaluate.causes` for their definitions.
        sentence: the same with the words, passages and numbers of this answer.
        repairs: what would repair it, the smallest change first; empty where nothing here can.
    """

    name: str
    sentence: str
    repairs: tuple[Repair, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)
