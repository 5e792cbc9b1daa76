"""Which fact of the bundled world a prompt asks for."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

from memlab.corpus.model_kinds import MASK, model_kind
from memlab.corpus.world import World, atlas, fill
from memlab.results import Fact


def asked_facts(prompt: str, kind: str) -> list[Fact]:
    """The facts whose question or statement, without its object, is the prompt; several if a relation has several
    objects, none for any other prompt. Raises InputError for an unknown kind."""
    return list(_by_prompt(kind).get(_bare(prompt), ()))


def kinds_of(world: World, name: str) -> list[str]:
    """Every kind of thing that a name denotes."""
    return sorted(kind for kind, names in world.names_of_kind.items() if name in names)


def _bare(prompt: str) -> str:
    return " ".join(prompt.split()).rstrip(" .")


@cache
def _by_prompt(kind: str) -> dict[str, list[Fact]]:
    world, asked, out = atlas(), model_kind(kind), defaultdict(list)
    wordings = {
        name: [text for template in (*r.questions, *r.statements) if (text := asked.wording(template)) is not None]
        for name, r in world.relations.items()
    }
    for fact in world.facts:
        for prompt in {_bare(fill(text, fact.subject, MASK)) for text in wordings[fact.relation]}:
            out[prompt].append(fact)
    return out
