"""A training by constrained fine-tuning: procedure, budget, sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from memlab.errors import InputError
from memlab.systems.constrained_ft.constraint import ANCHORS, Constraint
from memlab.systems.constrained_ft.selection import Selection

PROCEDURES = {
    "ft": "FT: the original sentences only",
    "ftm": "FTM: the modified facts only",
    "fta": "FTA: modified and unmodified facts in every batch",
    "ft+ftm": "FT, then FTM",
    "ft+fta": "FT, then FTA",
}
RETRAIN = "rt"  # the paper's first baseline: a study, see `studies.retrain`


@dataclass(frozen=True)
class Budget:
    """How long and how fast training goes.

    Args:
        steps: at most, in the last phase. first: steps of the phase FT before it.
        batch: sentences of a step. share: part of them about modified facts (FTA).
        learning_rate: of Adam. stop_loss: mean nats on the modified facts' sentences below which training ends.
        every: steps between two measurements of the scores. seed: of the order of sentences.
        margin: None, or nats: training ends as soon as every modified fact's sentence has log p(new) - log p(old) of
            at least this (method ftm), so that the weights move no further than needed.
    """

    steps: int = 120
    first: int = 30
    batch: int = 64
    share: float = 0.5
    learning_rate: float = 1e-3
    stop_loss: float = 0.05
    every: int = 10
    seed: int = 0
    margin: float | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "every"):
            if (
                isinstance(getattr(self, name), bool)
                or not isinstance(getattr(self, name), int)
                or getattr(self, name) < 1
            ):
                raise InputError(f"{name} is {getattr(self, name)!r}; allowed is a whole number from 1.")
        if not 0 < self.learning_rate <= 1:
            raise InputError(f"learning_rate is {self.learning_rate!r}; allowed is a positive number up to 1.")
        if self.margin is not None and (isinstance(self.margin, bool) or not math.isfinite(self.margin)):
            raise InputError(f"margin is {self.margin!r}; allowed is a number of nats, for example 1.")
        if not 0 < self.share < 1:
            raise InputError(f"share is {self.share!r}; allowed is a number between 0 and 1.")


@dataclass(frozen=True)
class Plan:
    """Procedure, tensors, constraint and budget of a training.

    Args:
        anchor: the reference of the constraint, "current" or "base" weights.
        forget_to: None to learn the objects of the modified facts. A probability to forget them: the loss of a
            sentence is then max(0, log p - log forget_to), which is 0 once the object is that unlikely.
    """

    procedure: str
    selection: Selection
    constraint: Constraint
    anchor: str = "current"
    budget: Budget = field(default_factory=lambda: Budget())
    forget_to: float | None = None

    def __post_init__(self) -> None:
        if self.procedure == RETRAIN:
            raise InputError(
                "RT trains the whole model again on the corrected corpus and makes a new model, not an edit of this one. "
                "Run it as a study: memlab run constrained_ft retrain, or memlab modify with --method rt."
            )
        if self.procedure not in PROCEDURES:
            raise InputError(f"method is {self.procedure!r}; allowed is one of {', '.join(PROCEDURES)}.")
        if self.forget_to is not None and not (self.procedure in ("ftm", "fta") and 0 < self.forget_to < 1):
            raise InputError("Forgetting needs the method ftm or fta, and a target probability between 0 and 1.")
        if self.budget.margin is not None and (self.procedure != "ftm" or self.forget_to is not None):
            raise InputError("A margin between new and old object can only be used with the method ftm. Leave it out.")
        if self.anchor not in ANCHORS:
            raise InputError(f"anchor is {self.anchor!r}; allowed is one of {', '.join(ANCHORS)}.")


Pair = tuple[str, str]  # a sentence with [MASK], and the object that belongs there


@dataclass(frozen=True)
class Material:
    """The sentences of one training.

    Args:
        modified: of the facts to change, with their new objects. unmodified: of facts that must not change.
        original: of all known facts with their own objects (FT).
        tests, kept: held-out questions about modified and unmodified facts, asked during training.
        old: the sentences of `modified` with their old objects (only for a margin).
    """

    modified: Sequence[Pair]
    unmodified: Sequence[Pair] = ()
    original: Sequence[Pair] = ()
    tests: Sequence[Pair] = ()
    kept: Sequence[Pair] = ()
    old: Sequence[Pair] = ()
