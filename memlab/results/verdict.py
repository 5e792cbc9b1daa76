"""Whether an answer is right, and what memory did to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memlab.results.prediction import Prediction
from memlab.serialize import as_json

HELPED, MISLED, BOTH_RIGHT, BOTH_WRONG = "memory helped", "memory misled", "both right", "both wrong"
RIGHT, WRONG = "right", "wrong"  # of a method without memory
VERDICTS = (HELPED, MISLED, BOTH_RIGHT, BOTH_WRONG, RIGHT, WRONG)
_BLANKS = "Ġ▁ \t\n\u00a0"  # what tokenizers write before a word


def plain_word(token: str) -> str:
    """A token as a person writes the word: without the blank before it, in lower case."""
    return token.strip(_BLANKS).casefold()


def verdict_name(model: bool, mixture: bool, remembers: bool = True) -> str:
    """One of `VERDICTS`: from whether the model alone is right, and whether the mixture is."""
    if not remembers:
        return RIGHT if mixture else WRONG
    return {
        (False, True): HELPED,
        (True, False): MISLED,
        (True, True): BOTH_RIGHT,
        (False, False): BOTH_WRONG,
    }[model, mixture]


@dataclass(frozen=True)
class Verdict:
    """An answer compared with the expected one.

    `expected` are the right answers, `source` where they come from ("given", or "Atlas" for a fact of the bundled
    world); `model`, `memory` and `mixture` say whether the first word of each side is one of them, ignoring case (of a
    method that mixes vectors: with the gate at its ends, and as computed; memory is None for a method without memory).
    `known` is False where no expected answer is a single word of the model or its memory: then nothing can be right.
    """

    name: str
    expected: tuple[str, ...]
    source: str
    model: bool
    memory: bool | None
    mixture: bool
    known: bool

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


def verdict(p: Prediction, expected: Sequence[str], source: str = "given") -> Verdict:
    """Compares the first word of each side with the right answers."""
    wanted, remembers = {plain_word(answer) for answer in expected}, p.gate.info.mixes != "nothing"
    model, memory, mixture = (plain_word(side[0].token) in wanted for side in (p.lm, p.knn, p.mixture))
    name = verdict_name(model, mixture, remembers)
    answers = tuple(answer.strip() for answer in expected)
    return Verdict(name, answers, source, model, memory if remembers else None, mixture, bool(ids_of(p, expected)))


def ids_of(p: Prediction, expected: Sequence[str]) -> tuple[int, ...]:
    """The word ids that count as a right answer; case and the blank before a word are ignored."""
    wanted = {plain_word(answer) for answer in expected}
    return tuple(i for i, word in enumerate(p.mixture.words) if plain_word(word) in wanted)


def alternatives(text: str | None) -> tuple[str, ...]:
    """Right answers as a person writes them: "Bern" or "Bern | Berne"; none for an empty text."""
    return tuple(part.strip() for part in (text or "").split("|") if part.strip())
