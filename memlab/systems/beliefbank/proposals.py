"""Which beliefs a person should check first: those whose correction would change most.

In the paper, a person who corrected about six beliefs improved F1 by two points. The value of checking belief b is the
expected number of labels that it changes: the probability that its solved label is wrong, times the labels that then
change, its own included. Labels are solved again with b pinned to the other label, for the candidates that are most
doubtful and have the most constraints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from memlab.systems.beliefbank.bank import PERSON, Belief
from memlab.systems.beliefbank.constraints import ConstraintGraph
from memlab.systems.beliefbank.solver import Weights, solve

CANDIDATES = 12


@dataclass(frozen=True)
class Proposal:
    """One belief to check. `moves`: labels that change if it is wrong. `doubt`: how likely it is wrong."""

    belief: Belief
    doubt: float
    moves: int

    @property
    def value(self) -> float:
        """Labels that a check is expected to change, the belief's own included."""
        return self.doubt * (1 + self.moves)

    def to_dict(self) -> dict[str, Any]:
        return {**self.belief.to_dict(), "doubt": self.doubt, "moves": self.moves, "value": self.value}


def propose(beliefs: Mapping[str, Belief], graph: ConstraintGraph, weights: Weights, count: int = 6) -> list[Proposal]:
    """The beliefs about one entity that are most worth checking, by `Proposal.value`, the best first."""
    now = solve("", beliefs, graph.constraints, weights).labels
    labels = {name: b.first for name, b in beliefs.items()}

    def doubt(b: Belief) -> float:
        wrong = 1 - b.p if now[b.property] == b.first else b.p
        clashing = any(
            c.violated(labels) for c in graph.touching.get(b.property, ()) if all(p in labels for p in c.properties)
        )
        return max(wrong, 0.5) if clashing else wrong

    def links(b: Belief) -> int:
        return len(graph.touching.get(b.property, ()))

    open_ = [b for b in beliefs.values() if not b.pinned and links(b)]
    candidates = sorted(open_, key=lambda b: -(doubt(b) + 0.05) * links(b))[: max(CANDIDATES, count)]
    out = []
    for b in candidates:
        flipped = replace(b, label=not now[b.property], asserted=None, origin=PERSON, pinned=True)
        after = solve("", {**beliefs, b.property: flipped}, graph.constraints, weights).labels
        moves = sum(after[name] != now[name] for name in after if name != b.property)
        out.append(Proposal(b, doubt(b), moves))
    return sorted(out, key=lambda p: -p.value)[:count]
