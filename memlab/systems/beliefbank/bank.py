"""Beliefs of a model about entities, and the bank that holds them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from memlab.errors import InputError

MODEL, SOLVER, PERSON = "model", "solver", "person"
ORIGINS = (MODEL, SOLVER, PERSON)
P, LOG_ODDS = "p", "log-odds"
MEASURES = (P, LOG_ODDS)
_property = property  # a belief has a field of that name
CAPS: Mapping[str, float] = {
    MODEL: 0.999,
    SOLVER: 0.999,
    PERSON: 1.0,
}  # a model's or the solver's label never weighs as much as a person's
CERTAIN = 0.999  # p is clipped here before its log-odds are taken, so that they stay finite


@dataclass(frozen=True)
class Belief:
    """One sentence and its label.

    Args:
        entity, property: what the sentence is about.
        label: as believed now.
        p: the model's confidence in `asserted`, in [.5, 1].
        origin: who gave the label: the model, the solver (it was flipped), or a person.
        asserted: the label before the solver flipped it.
        pinned: a trusted label; the solver keeps it whatever it costs.
    """

    entity: str
    property: str
    label: bool
    p: float = 1.0
    origin: str = MODEL
    asserted: bool | None = None
    pinned: bool = False

    def __post_init__(self) -> None:
        if self.origin not in ORIGINS:
            raise InputError(f"There is no origin {self.origin!r}. Allowed: {', '.join(ORIGINS)}.")
        if not 0.5 <= self.p <= 1:
            raise InputError(
                f"The confidence in {self.entity!r}, {self.property!r} is {self.p!r}; allowed is a number from 0.5 to 1."
            )

    @_property
    def flipped(self) -> bool:
        """Whether the solver changed the label."""
        return self.asserted is not None and self.asserted != self.label

    @_property
    def first(self) -> bool:
        """The label that was asserted; the solver always starts from it."""
        return self.label if self.asserted is None else self.asserted

    def weight(self, measure: str) -> float:
        """What flipping the asserted label costs: p, or its log-odds log(p / (1 - p)), each with p clipped."""
        p = min(self.p, CAPS[self.origin])
        if measure == P:
            return p
        p = min(p, CERTAIN)
        return math.log(p / (1 - p))

    def relabeled(self, label: bool) -> Belief:
        """The belief after solving, with this label; a pinned belief keeps its own."""
        if self.pinned:
            return self
        if label == self.first:
            return replace(self, label=label, asserted=None, origin=MODEL if self.origin == SOLVER else self.origin)
        return replace(self, label=label, asserted=self.first, origin=SOLVER)

    def to_dict(self) -> dict[str, Any]:
        return {
            "entity": self.entity, "property": self.property, "label": self.label, "p": self.p, "origin": self.origin,
            "flipped": self.flipped, "pinned": self.pinned,
        }  # fmt: skip


@dataclass(frozen=True)
class Bank:
    """Beliefs by entity and property. Frozen: every change gives a new bank."""

    beliefs: Mapping[str, Mapping[str, Belief]] = field(default_factory=dict)

    def about(self, entity: str) -> Mapping[str, Belief]:
        """The beliefs about an entity, by property."""
        return self.beliefs.get(entity, {})

    def labels(self, entity: str) -> dict[str, bool]:
        """What is believed of an entity: property -> label."""
        return {name: belief.label for name, belief in self.about(entity).items()}

    def __iter__(self) -> Any:
        return (belief for about in self.beliefs.values() for belief in about.values())

    @cached_property
    def size(self) -> int:
        """Number of beliefs."""
        return sum(len(about) for about in self.beliefs.values())

    def with_beliefs(self, beliefs: Iterable[Belief]) -> Bank:
        """A bank in which these beliefs replace those about the same sentences."""
        out = dict(self.beliefs)
        changed: dict[str, dict[str, Belief]] = {}
        for belief in beliefs:
            about = changed.setdefault(belief.entity, dict(self.about(belief.entity)))
            about[belief.property] = belief
        return Bank({**out, **changed})

    def without(self, entity: str, properties: Iterable[str]) -> Bank:
        """A bank without some beliefs about an entity."""
        gone = set(properties)
        return Bank({**self.beliefs, entity: {n: b for n, b in self.about(entity).items() if n not in gone}})
