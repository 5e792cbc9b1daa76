"""The interface of models that answer yes-or-no questions, and a simulated one with a given error rate."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from memlab.errors import InputError
from memlab.systems.beliefbank.bank import Belief


@dataclass(frozen=True)
class Question:
    """A property of an entity, and the beliefs that precede the question."""

    entity: str
    property: str
    context: tuple[Belief, ...] = ()


@dataclass(frozen=True)
class Answer:
    """label with confidence p in [.5, 1]. `score`: log-odds of yes before calibration."""

    question: Question
    label: bool
    p: float
    score: float
    prompt: str = ""

    def belief(self) -> Belief:
        """The answer as a belief of the model."""
        return Belief(self.question.entity, self.question.property, self.label, self.p)

    def to_dict(self) -> dict[str, Any]:
        return {
            "entity": self.question.entity, "property": self.question.property, "label": self.label, "p": self.p, "score": self.score,
            "prompt": self.prompt, "context": [b.to_dict() for b in self.question.context],
        }  # fmt: skip


class Answerer(Protocol):
    """Answers batches of questions."""

    @property
    def name(self) -> str:
        """The name of the model."""
        ...

    @property
    def uses_context(self) -> bool:
        """Whether beliefs before a question can change the answer."""
        ...

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """One answer for each question."""
        ...


class Simulated:
    """Not a model: the truth, with a share of the labels inverted. Context changes nothing.

    Which answers are wrong depends on the seed and the sentence alone, so that every order of the questions gets
    the same answers. Confidence is independent of correctness: uniform in [.5, 1] for right and wrong answers.
    """

    uses_context = False

    def __init__(self, truth: Mapping[str, Mapping[str, bool]], error: float, seed: int = 0) -> None:
        if not 0 <= error < 1:
            raise InputError(f"The error rate is {error!r}; allowed is a number from 0 to below 1, such as 0.25.")
        self.truth, self.error, self.seed = truth, error, seed
        self.name = f"simulated ({error:g} errors)"

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Answers to questions whose truth is known."""
        out = []
        for q in questions:
            right = self.truth[q.entity][q.property]
            wrong = self._draw(q, "wrong") < self.error
            p = 0.5 + 0.5 * self._draw(q, "confidence")
            label = right != wrong
            out.append(Answer(q, label, p, p if label else -p))
        return out

    def _draw(self, q: Question, what: str) -> float:
        digest = hashlib.sha256(f"{self.seed}|{what}|{q.entity}|{q.property}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64
