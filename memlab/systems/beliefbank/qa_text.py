"""The text that `atlas-qa` learns from: statements about an entity, then yes-or-no questions about it.

Three kinds of passages are mixed. Passages about entities of the graph state a few facts of each, some of them wrong;
the model must guess its other properties. Passages about made-up things give a meaningless name the properties of a
random entity of the graph, so that an answer can only come from the statements before it. Counterfactual passages
(`supposed`) give one entity the properties of another, so that statements before a question outweigh what is known.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from memlab.systems.beliefbank.constraints import ConstraintGraph, Entity
from memlab.systems.beliefbank.phrasing import question, statement

MADE_UP: tuple[str, ...] = (
    *(
        "dax",
        "wug",
        "blicket",
        "toma",
        "fep",
        "zorp",
        "mipple",
        "gazzer",
        "tulver",
        "koba",
        "plim",
        "sarn",
        "dorf",
        "jeet",
    ),
    *(
        "nilp",
        "vash",
        "quorn",
        "bim",
        "tazzle",
        "rudge",
        "felk",
        "zib",
        "morv",
        "hask",
        "yendle",
        "lorp",
        "gick",
        "snaw",
    ),
    *("perl", "drell"),
)


@dataclass(frozen=True)
class Sampling:
    """What the text says about the entities of the graph.

    true, false: how many facts of each label are told of an entity.
    wrong: share of them whose label is inverted.
    made_up: share of passages about made-up things.
    supposed: share of the others whose properties are another entity's; two or more statements precede the questions.
    held: share of the entities that the text never mentions; calibration entities are never among them.
    statements, questions: at most this many per passage.
    """

    true: int = 6
    false: int = 14
    wrong: float = 0.08
    made_up: float = 0.35
    supposed: float = 0.35
    held: float = 0.0
    statements: int = 3
    questions: int = 5


def told_facts(graph: ConstraintGraph, sampling: Sampling, seed: int) -> dict[str, dict[str, bool]]:
    """Entity -> property -> label, as stated in the text; no other facts of the entities are stated."""
    out: dict[str, dict[str, bool]] = {}
    held = set(held_out(graph, sampling, seed))
    for entity in graph.entities.values():
        if entity.name in held:
            continue
        rng = random.Random(f"{seed}|told|{entity.name}")
        yes = [p for p, label in entity.facts.items() if label]
        no = [p for p, label in entity.facts.items() if not label]
        chosen = rng.sample(yes, min(sampling.true, len(yes))) + rng.sample(no, min(sampling.false, len(no)))
        out[entity.name] = {p: entity.facts[p] != (rng.random() < sampling.wrong) for p in chosen}
    return out


def held_out(graph: ConstraintGraph, sampling: Sampling, seed: int) -> list[str]:
    """The entities that the text never mentions, so that a model can be tested on them."""
    names = [e.name for e in graph.split(False)]
    return sorted(random.Random(f"{seed}|held").sample(names, round(sampling.held * len(names))))


def passages(graph: ConstraintGraph, sampling: Sampling, seed: int) -> Iterator[list[tuple[str, bool | None]]]:
    """Endless passages: sentences, each a statement (None) or a question with its answer."""
    rng = random.Random(seed)
    told = told_facts(graph, sampling, seed)
    names = list(told)
    while True:
        name = rng.choice(names)
        entity, facts = graph.entities[name], told[name]
        if rng.random() < sampling.made_up:
            yield _passage(Entity(rng.choice(MADE_UP)), dict(entity.facts), sampling, rng)
        elif rng.random() < sampling.supposed:
            yield _passage(entity, dict(graph.entities[rng.choice(names)].facts), sampling, rng, least=2)
        else:
            yield _passage(entity, facts, sampling, rng)


def _passage(
    entity: Entity, facts: dict[str, bool], sampling: Sampling, rng: random.Random, least: int = 0
) -> list[tuple[str, bool | None]]:
    yes = [p for p, label in facts.items() if label]
    no = [p for p, label in facts.items() if not label]
    out: list[tuple[str, bool | None]] = []
    for property in _drawn(yes, no, rng.randint(least, sampling.statements), 0.65, rng):
        out.append((statement(entity, property, facts[property]), None))
    for property in _drawn(yes, no, rng.randint(1, sampling.questions), 0.45, rng):
        out.append((question(entity, property), facts[property]))
    return out


def _drawn(yes: list[str], no: list[str], count: int, share: float, rng: random.Random) -> list[str]:
    """Properties without repetition, about `share` of them true."""
    chosen: dict[str, None] = {}
    for _ in range(count):
        chosen[rng.choice(yes if (rng.random() < share and yes) or not no else no)] = None
    return list(chosen)


def all_sentences(graph: ConstraintGraph) -> Iterator[str]:
    """Sentences that together contain every word of any question or statement, for the vocabulary.

    The words for an entity do not depend on the property, nor the reverse: every entity with one property, and one
    entity with every property, are enough.
    """
    things = list(graph.entities.values())
    pairs = [(entity, graph.properties[0]) for entity in things]
    pairs += [(things[0], property) for property in graph.properties]
    for entity, property in pairs:
        yield question(entity, property)
        yield statement(entity, property, True)
        yield statement(entity, property, False)
    yield from (f"{name}. yes no" for name in MADE_UP)
