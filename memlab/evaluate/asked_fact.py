"""Which fact of the bundled world a prompt asks for."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

from memlab.corpus.world import MASK, World, atlas, fill
from memlab.results import Fact


def asked_facts(prompt: str, kind: str) -> list[Fact]:
    """The facts whose question or statement, without its object, is the prompt; several if a relation has several
    objects, none for any other prompt."""
    return list(_by_prompt(kind).get(_bare(prompt), ()))


def kinds_of(world: World, name: str) -> list[str]:
    """Every kind of thing that a name denotes."""
    return sorted(kind for kind, names in world.names_of_kind.items() if name in names)


def _bare(prompt: str) -> str:
    return " ".join(prompt.split()).rstrip(" .")


@cache
def _by_prompt(kind: str) -> dict[str, list[Fact]]:
    world, out = atlas(), defaultdict(list)
    for fact in world.facts:
        relation = world.relations[fact.relation]
        prompts = set()
        for template in (*relation.questions, *relation.statements):
            text = fill(template, fact.subject, MASK)
            if kind == "masked":
                prompts.add(_bare(text))
            elif template.index("[X]") < template.index("[Y]"):
                prompts.add(_bare(text[: text.index(MASK)]))
        for prompt in prompts:
            out[prompt].append(fact)
    return out
