"""Which stored beliefs are given as context before a question (Kassner et al. 2021, section 4.3)."""

from __future__ import annotations

import random
from collections.abc import Sequence

from memlab.errors import InputError
from memlab.systems.beliefbank.bank import Bank, Belief, P
from memlab.systems.beliefbank.constraints import Constraint, ConstraintGraph
from memlab.systems.beliefbank.solver import Weights

NONE, ON_TOPIC, RELEVANT = "none", "on-topic", "relevant"
FEEDBACK = {
    NONE: "the question alone",
    ON_TOPIC: "three random beliefs about the same entity",
    RELEVANT: "the three beliefs that clash most with either answer; where there are fewer, random ones about the entity",
}
COUNT = 3


def context(
    kind: str, bank: Bank, graph: ConstraintGraph, about: tuple[str, str], weights: Weights, rng: random.Random
) -> tuple[Belief, ...]:
    """The beliefs that precede a question.

    Args:
        kind: a key of `FEEDBACK`. about: entity and property of the question.
        rng: chooses among equally good beliefs.

    Raises:
        InputError: an unknown kind.
    """
    if kind == NONE:
        return ()
    if kind not in FEEDBACK:
        raise InputError(f"There is no feedback {kind!r}. Allowed: {', '.join(FEEDBACK)}.")
    entity, property = about
    others = [b for b in bank.about(entity).values() if b.property != property]
    rng.shuffle(others)
    chosen: list[Belief] = []
    if kind == RELEVANT:
        strength = clashes(bank, graph, entity, property, weights)
        chosen = sorted((b for b in others if b.property in strength), key=lambda b: -strength[b.property])[:COUNT]
    named = {b.property for b in chosen}
    chosen += [b for b in others if b.property not in named][: COUNT - len(chosen)]
    return tuple(chosen)


def clashes(bank: Bank, graph: ConstraintGraph, entity: str, property: str, weights: Weights) -> dict[str, float]:
    """Properties of beliefs that clash with either answer to a question -> strength, the largest over the constraints.

    A belief clashes with an answer when both together violate a constraint. The strength is the constraint's weight
    times the belief's. A backward rule counts where all its other properties have a label and none satisfies it; its
    weight is divided among them.
    """
    about = bank.about(entity)
    out: dict[str, float] = {}
    for c in graph.touching.get(property, ()):
        others = _failing(c, property, {name: b.label for name, b in about.items()})
        for name in others:
            strength = weights.of(c) * about[name].weight(P) / len(others)
            out[name] = max(out.get(name, 0.0), strength)
    return out


def _failing(c: Constraint, property: str, labels: dict[str, bool]) -> Sequence[str]:
    """The other properties of a constraint if all of them have a label and none satisfies it; else an empty list."""
    others = [(name, label) for name, label in c.clause if name != property]
    if all(name in labels and labels[name] != label for name, label in others):
        return [name for name, _ in others]
    return []
