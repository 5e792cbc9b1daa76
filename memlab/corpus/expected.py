"""What the bundled world says is the answer to a prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from memlab.corpus.world import MASK, World


@dataclass(frozen=True)
class Expected:
    """A prompt as a question of the world: its subject, the relation asked for, and every right answer."""

    subject: str
    relation: str
    answers: tuple[str, ...]


def expected(world: World, prompt: str) -> Expected | None:
    """The answers of the world to a prompt in one of its wordings: with a gap, or the beginning up to the answer.

    None where the prompt asks for something else. Capitals do not matter, nor does a full stop at the end.
    """
    asked = " ".join(prompt.split()).rstrip(". ")
    masked = MASK in asked
    for relation, pattern in _wordings(world, masked):
        found = pattern.fullmatch(asked)
        subject = found and _subjects(world).get(found["X"].casefold())
        if not subject:
            continue
        answers = tuple(f.object for f in world.by_subject.get(subject, ()) if f.relation == relation)
        if answers:
            return Expected(subject, relation, answers)
    return None


@cache
def _wordings(world: World, masked: bool) -> list[tuple[str, re.Pattern[str]]]:
    """(relation, pattern) of all templates, questions first; without a gap those that name the subject before the answer."""
    found = []
    for kind in ("questions", "statements"):
        for relation in world.relations.values():
            for template in getattr(relation, kind):
                text = template if masked else template[: template.index("[Y]")]
                if "[X]" not in text:
                    continue
                text = re.escape(text.rstrip(". ")).replace(r"\[X\]", "(?P<X>.+?)").replace(r"\[Y\]", re.escape(MASK))
                found.append((relation.name, re.compile(text, re.IGNORECASE)))
    return found


@cache
def _subjects(world: World) -> dict[str, str]:
    """Every subject by its name in small letters."""
    return {name.casefold(): name for name in world.subjects}
