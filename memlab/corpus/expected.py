"""The correct answers to a prompt according to the bundled world."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from memlab.corpus.model_kinds import MASK, kind_of_prompt, model_kind
from memlab.corpus.world import World, fill


@dataclass(frozen=True)
class Expected:
    """A prompt as a question of the world: its subject, the relation asked for, every right answer.

    `prompt` is the question as the world writes it: with capitals of names and at the beginning, and a full stop after
    the gap.
    """

    subject: str
    relation: str
    answers: tuple[str, ...]
    prompt: str


@lru_cache(maxsize=4096)  # hundreds of patterns are tried, and a page asks several times
def expected(world: World, prompt: str) -> Expected | None:
    """The world's answers to a prompt in the words of a template, with a gap or ending before the answer.

    None for any other prompt. Capitals and a full stop at the end do not matter.
    """
    asked = " ".join(prompt.split()).rstrip(". ")
    for relation, wording, pattern in _wordings(world, kind_of_prompt(asked).name):
        if (found := pattern.fullmatch(asked)) is None:
            continue
        for subject in _subjects(world).get(found["X"].casefold(), ()):
            answers = tuple(f.object for f in world.by_subject.get(subject, ()) if f.relation == relation)
            if answers:
                return Expected(subject, relation, answers, fill(wording, subject, MASK))
    return None


@cache
def _wordings(world: World, kind: str) -> list[tuple[str, str, re.Pattern[str]]]:
    """(relation, wording, pattern) of all templates that a kind of model can be asked, questions first."""
    found = []
    for part in ("questions", "statements"):
        for relation in world.relations.values():
            for template in getattr(relation, part):
                if (wording := model_kind(kind).wording(template)) is None:
                    continue
                pattern = re.escape(wording.rstrip(". ")).replace(r"\[X\]", "(?P<X>.+?)")
                found.append((relation.name, wording, re.compile(pattern, re.IGNORECASE)))
    return found


@cache
def _subjects(world: World) -> dict[str, list[str]]:
    """Case-folded name -> subjects."""
    out: dict[str, list[str]] = {}
    for name in world.subjects:
        out.setdefault(name.casefold(), []).append(name)
    return out
