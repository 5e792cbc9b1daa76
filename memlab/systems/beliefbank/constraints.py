"""Constraints between properties of one entity, as clauses over beliefs.

A constraint relates properties ("IsA,bird": relation, comma, text), and holds for every entity:

    implies:  s -> t                 clause  not s, or t
    excludes: s -> not t             clause  not s, or not t         (the same in both directions)
    needs:    s -> t1 or t2 or ...   clause  not s, or t1, or t2 ... (a backward rule: "has a tail" -> dog or cat or ...)

Kassner et al.: BeliefBank, EMNLP 2021, section 3.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from memlab.errors import InputError, NotFound

IMPLIES, EXCLUDES, NEEDS = "implies", "excludes", "needs"
KINDS = {
    IMPLIES: "what has the first property has the second",
    EXCLUDES: "nothing has both properties",
    NEEDS: "what has the first property has at least one of the others",
}
NEAR = 5  # similar names that a message suggests


@dataclass(frozen=True)
class Constraint:
    """One rule. `weight` is relative to the others of its kind; the settings of the solver scale each kind."""

    kind: str
    source: str
    targets: tuple[str, ...]
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"There is no constraint relation {self.kind!r}. Allowed: {', '.join(KINDS)}.")
        if not self.targets or (self.kind != NEEDS and len(self.targets) != 1):
            raise InputError(
                f"A constraint that {self.kind} has {len(self.targets)} targets; allowed is exactly one (needs: one or more)."
            )
        if not 0 < self.weight < float("inf"):
            raise InputError(f"The weight of {self.id!r} is {self.weight:g}; allowed is a number above 0.")
        if self.source in self.targets:
            raise InputError(f"The constraint {self.id!r} relates a property to itself. Leave it out.")

    @property
    def id(self) -> str:
        """The same for equal rules of any weight; an exclusion has one id for both directions."""
        if self.kind == EXCLUDES:
            return f"{self.kind}: {' | '.join(sorted((self.source, *self.targets)))}"
        return f"{self.kind}: {self.source} > {' | '.join(sorted(self.targets))}"

    @cached_property
    def clause(self) -> tuple[tuple[str, bool], ...]:
        """Literals (property, label) of which at least one must hold."""
        return ((self.source, False), *((target, self.kind != EXCLUDES) for target in self.targets))

    @property
    def properties(self) -> tuple[str, ...]:
        """All properties in it, the source first."""
        return (self.source, *self.targets)

    def violated(self, labels: Mapping[str, bool]) -> bool:
        """Whether every literal is labeled and fails; an unlabeled property could still satisfy the clause."""
        return all(name in labels and labels[name] != label for name, label in self.clause)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "source": self.source, "targets": list(self.targets), "weight": self.weight}


@dataclass(frozen=True)
class Entity:
    """A thing: its name, whether it is used to calibrate, and what is true of it (property -> label)."""

    name: str
    facts: Mapping[str, bool] = field(default_factory=dict)
    calibration: bool = False
    countable: bool = True


@dataclass(frozen=True, eq=False)
class ConstraintGraph:
    """Properties, constraints between them, and entities with what is true of them.

    `listed`: properties in the order in which they are shown; those of constraints and facts follow.
    """

    name: str
    title: str
    constraints: tuple[Constraint, ...]
    entities: Mapping[str, Entity]
    listed: tuple[str, ...] = ()

    @cached_property
    def properties(self) -> tuple[str, ...]:
        """All properties: those in constraints and those in facts, in order of appearance."""
        named = (p for c in self.constraints for p in c.properties)
        known = (p for entity in self.entities.values() for p in entity.facts)
        return tuple(dict.fromkeys((*self.listed, *named, *known)))

    @cached_property
    def touching(self) -> Mapping[str, tuple[Constraint, ...]]:
        """Property -> the constraints that contain it."""
        out: dict[str, list[Constraint]] = {}
        for constraint in self.constraints:
            for name in constraint.properties:
                out.setdefault(name, []).append(constraint)
        return {name: tuple(found) for name, found in out.items()}

    def of_kind(self, *kinds: str) -> list[Constraint]:
        """The constraints of some kinds."""
        return [c for c in self.constraints if c.kind in kinds]

    def entity(self, name: str) -> Entity:
        """The entity of this name. Raises NotFound, which suggests similar names."""
        found = self.entities.get(name) or self.entities.get(name.lower())
        if found is None:
            raise unknown("entity", name, self.entities)
        return found

    def property(self, name: str) -> str:
        """The property of that id ("IsA,bird") or text ("bird"). Raises NotFound, which suggests similar names."""
        if name in self._known:
            return name
        same = [p for p in self.properties if p.partition(",")[2] == name]
        if len(same) == 1:
            return same[0]
        if same:
            raise NotFound(f"{name!r} is the text of {len(same)} properties. Say which: {', '.join(same)}.")
        raise unknown("property", name, self.properties)

    def split(self, calibration: bool) -> list[Entity]:
        """The calibration entities, or the others."""
        return [e for e in self.entities.values() if e.calibration == calibration]

    def with_constraints(self, constraints: Iterable[Constraint]) -> ConstraintGraph:
        """The same graph with other constraints."""
        return ConstraintGraph(self.name, self.title, tuple(constraints), self.entities, self.listed)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.properties)


def unknown(what: str, name: str, known: Iterable[str]) -> NotFound:
    """The error for a missing entity or property, with similar names suggested."""
    names = list(known)
    texts = {n.partition(",")[2] or n: n for n in names}
    near = difflib.get_close_matches(name.partition(",")[2] or name, texts, NEAR, 0.5)
    hint = (
        f"Did you mean {', '.join(texts[n] for n in near)}?"
        if near
        else f"There are {len(names):,}, such as {', '.join(names[:NEAR])}."
    )
    return NotFound(f"There is no {what} {name[:80]!r} in this constraint graph. {hint}")
