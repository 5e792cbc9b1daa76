"""Consistency and F1 of a bank.

    tau = violated / applicable          consistency = 1 - tau

A constraint counts once for each entity (and an exclusion once for each direction) where its antecedent is believed:
the source is believed True. Only implications and exclusions count. Two definitions are given side by side:

    consistency          the consequent must be in the bank as well (without a label it cannot be violated)
    consistency_all      it need not; without a label it violates nothing, but counts as applicable
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from memlab.systems.beliefbank.constraints import EXCLUDES, IMPLIES, Constraint


@dataclass(frozen=True)
class Scores:
    """Counts over entities, and the scores computed from them."""

    violated: int
    applicable: int
    applicable_all: int
    hits: int
    believed: int
    true: int
    beliefs: int

    @property
    def consistency(self) -> float:
        """1 - tau over constraints whose consequent is in the bank; 1 where none applies."""
        return 1.0 if not self.applicable else 1 - self.violated / self.applicable

    @property
    def consistency_all(self) -> float:
        """1 - tau over all constraints whose antecedent is believed."""
        return 1.0 if not self.applicable_all else 1 - self.violated / self.applicable_all

    @property
    def f1(self) -> float:
        """F1 on the label True; 0 where nothing is true or believed."""
        return 2 * self.hits / (self.believed + self.true) if self.believed + self.true else 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "f1": self.f1, "consistency": self.consistency, "consistency_all": self.consistency_all, "violated": self.violated,
            "applicable": self.applicable, "applicable_all": self.applicable_all, "beliefs": self.beliefs,
        }  # fmt: skip


def scores(
    believed: Mapping[str, Mapping[str, bool]],
    truth: Mapping[str, Mapping[str, bool]],
    constraints: Iterable[Constraint],
) -> Scores:
    """Scores of labels (entity -> property -> label) against the truth; a property without a true label is left out of F1."""
    outgoing: dict[str, list[tuple[str, bool]]] = {}
    for c in constraints:
        if c.kind == IMPLIES:
            outgoing.setdefault(c.source, []).append((c.targets[0], True))
        elif c.kind == EXCLUDES:
            outgoing.setdefault(c.source, []).append((c.targets[0], False))
            outgoing.setdefault(c.targets[0], []).append((c.source, False))
    violated = applicable = applicable_all = hits = positive = true = beliefs = 0
    for entity, labels in believed.items():
        gold = truth.get(entity, {})
        beliefs += len(labels)
        for name, label in labels.items():
            if name in gold:
                true += gold[name]
                positive += label
                hits += label and gold[name]
            if label:
                for target, wanted in outgoing.get(name, ()):
                    applicable_all += 1
                    if target in labels:
                        applicable += 1
                        violated += labels[target] != wanted
    return Scores(violated, applicable, applicable_all, hits, positive, true, beliefs)
