"""The correct answers to a prompt according to the bundled world."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from memlab.corpus.world import MASK, World, fill


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
    masked = MASK in asked
    for relation, template, pattern in _wordings(world, masked):
        if (found := pattern.fullmatch(asked)) is None:
            continue
        for subject in _subjects(world).get(found["X"].casefold(), ()):
            answers = tuple(f.object for f in world.by_subject.get(subject, ()) if f.relation == relation)
            if answers:
                written = fill(template, subject, MASK)
                return Expected(subject, relation, answers, written if masked else written.partition(MASK)[0].rstrip())
    return None


@cache
def _wordings(world: World, masked: bool) -> list[tuple[str, str, re.Pattern[str]]]:
    """(relation, template, pattern) of all templates, questions first; unmasked, only those with the subject first."""
    found = []
    for kind in ("questions", "statements"):
        for relation in world.relations.values():
            for template in getattr(relation, kind):
                text = template if masked else template[: template.index("[Y]")]
                if "[X]" not in text:
                    continue
                text = re.escape(text.rstrip(". ")).replace(r"\[X\]", "(?P<X>.+?)").replace(r"\[Y\]", re.escape(MASK))
                found.append((relation.name, template, re.compile(text, re.IGNORECASE)))
    return found


@cache
def _subjects(world: World) -> dict[str, list[str]]:
    """Case-folded name -> subjects."""
    out: dict[str, list[str]] = {}
    for name in world.subjects:
        out.setdefault(name.casefold(), []).append(name)
    return out
