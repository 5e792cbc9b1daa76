"""What a model knows of the bundled world, and the cases of an edit: only known facts are changed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from cachetools import LRUCache

from memlab.corpus.world import MASK, World, fill
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.lm.threads import SMALL
from memlab.progress import Stop
from memlab.results import Fact
from memlab.systems.constrained_ft.cases import Case, Known, ask_facts, case_of, check_cases, propose, well_known
from memlab.systems.constrained_ft.gaps import never
from memlab.systems.constrained_ft.how import How, Models

FEW = 150  # facts of the bundled world that a large model is asked about

_known: LRUCache[tuple, list[Known]] = LRUCache(8)


def known_facts(
    world: World,
    lm: LanguageModel,
    earlier: Mapping[tuple[str, str], str],
    relations: set[str] | frozenset[str] = frozenset(),
    stop: Stop = never,
) -> list[Known]:
    """F: the facts that a model answers correctly; a fact of an earlier edit has its new object.

    A model of more than 30 million parameters is asked about a sample: facts of the edited relations, then others.
    """
    facts = [replace(f, object=earlier.get((f.subject, f.relation), f.object)) for f in world.facts]
    if lm.module.num_parameters() > SMALL:
        draw = random.Random(0)
        own = [f for f in facts if f.relation in relations]
        own = draw.sample(own, min(len(own), FEW // 2))
        rest = [f for f in facts if f.relation not in relations]
        facts = own + draw.sample(rest, FEW - len(own))
    at = (
        len(world.facts),
        lm.weights_hash,
        tuple(sorted(earlier.items())),
        frozenset(relations) if len(facts) < len(world.facts) else None,
    )
    if at not in _known:
        _known[at] = [k for k in ask_facts(world, lm, facts, stop) if k is not None and k.said.right]
    return _known[at]


def forget_level(world: World, lm: LanguageModel, cases: Sequence[Case]) -> float:
    """The median probability that a model gives to the object of a fact that it never saw (of the same relations, if
    there are at least five): the probability at which a fact counts as forgotten."""
    unseen = [f for f in world.facts if f.exposure == "unseen"]
    same = [f for f in unseen if f.relation in {c.relation for c in cases}]
    asked = [k for k in ask_facts(world, lm, (same if len(same) >= 5 else unseen)[:200]) if k is not None]
    return float(np.clip(np.median([k.said.p for k in asked]), 1e-6, 0.5)) if asked else 0.01


def proposals(world: World, facts: Sequence[Fact], seed: int = 0) -> list[str]:
    """A new object for each fact, drawn as in the benchmark (`cases.propose`)."""
    return propose(well_known(world), facts, seed)


def cases_of(world: World, models: Models, facts: Sequence[Fact], how: How) -> list[Case]:
    """The edits of some facts, each given with its new object.

    Raises:
        InputError: a fact that the world does not have or the model does not know, an object that it cannot write, or
            contradicting facts.
    """
    lm, earlier = models.now, models.earlier
    found = []
    for wanted in facts:
        name = world.relation(wanted.relation).name
        fact = next((f for f in world.by_subject.get(wanted.subject, ()) if f.relation == name), None)
        if fact is None:
            raise InputError(
                f"The bundled world has no {name} of {wanted.subject}, so {lm.name} cannot know it. "
                'To add a new fact, teach it: memlab teach "...".'
            )
        old = earlier.get((fact.subject, name), fact.object)
        new = " ".join(wanted.object.split()) if how.goal == "change" else old
        if how.goal == "change" and (not new or MASK in new):
            raise InputError(f"{wanted.object!r} is not an object. Give one, for example France|capital|Lyon.")
        found.append((replace(fact, object=old), new))
    cases = [case_of(world, lm, fact, new) for fact, new in found]
    check_cases(lm, cases) if how.goal == "change" else check_cases(lm, [replace(c, new=f"not {c.old}") for c in cases])
    for (fact, _), k in zip(found, ask_facts(world, lm, [f for f, _ in found]), strict=True):
        if (k is None or not k.said.right) and how.unknown == "refuse":
            said = "cannot be asked" if k is None else f"answers {k.said.top!r}"
            question = fill(world.relation(fact.relation).questions[0], fact.subject, MASK)
            raise InputError(
                f"{lm.name} does not know that the {fact.relation} of {fact.subject} is {fact.object}: to {question!r} it "
                f"{said}. Only known facts are modified. Teach it to memory (memlab teach), or train it into the weights "
                "anyway (unknown='train', --unknown train)."
            )
    return cases
