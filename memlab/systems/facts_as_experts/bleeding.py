"""What else moves when rows of the fact memory change: the same questions with the memory before and after.

A fact that is not changed belongs to the first group that fits: it shares the old or the new object of a changed fact, its
subject, its relation, or nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.results import Fact
from memlab.serialize import as_json
from memlab.systems.facts_as_experts.measuring import Read, Said, name_of, tokens_of

EDITED, OBJECT, SUBJECT, RELATION, UNRELATED = "edited", "same object", "same subject", "same relation", "unrelated"
GROUPS = (EDITED, OBJECT, SUBJECT, RELATION, UNRELATED)


@dataclass(frozen=True)
class Replacement:
    """A fact whose row gets another object; `new` is None where the row is removed."""

    fact: Fact
    new: str | None


@dataclass(frozen=True)
class MovedAnswer:
    """One question before and after an edit: answers, probabilities, gates. `wanted`: the object in memory after the
    edit."""

    group: str
    prompt: str
    wanted: str
    before: str
    p_before: float
    after: str
    p_after: float
    gate_before: float
    gate_after: float

    @property
    def moved(self) -> bool:
        """Whether the answer changed."""
        return self.before != self.after

    def to_dict(self) -> dict[str, Any]:
        return {**as_json(self), "moved": self.moved}


@dataclass(frozen=True)
class GroupScore:
    """One group of questions: how many, the shares answered as the memory says before and after, how many answers
    moved, and how many were right before and wrong after (`lost`)."""

    group: str
    asked: int
    right_before: float
    right_after: float
    moved: int
    lost: int

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


def group_of(fact: Fact, changed: Sequence[Replacement]) -> str:
    """The first group of `GROUPS` that a fact belongs to."""
    keys = {(c.fact.subject, c.fact.relation) for c in changed}
    if (fact.subject, fact.relation) in keys:
        return EDITED
    if fact.object in {o for c in changed for o in (c.fact.object, c.new)}:
        return OBJECT
    if fact.subject in {c.fact.subject for c in changed}:
        return SUBJECT
    return RELATION if fact.relation in {c.fact.relation for c in changed} else UNRELATED


def answers(read: Read, before: Said, after: Said, changed: Sequence[Replacement]) -> Iterator[MovedAnswer]:
    """Every question before and after."""
    new = {(c.fact.subject, c.fact.relation): c.new for c in changed}
    names, keys = [group_of(f, changed) for f in read.facts], [(f.subject, f.relation) for f in read.facts]
    for n, fact in enumerate(read.facts):
        wanted = (new.get(keys[n]) or "") if keys[n] in new else fact.object
        yield MovedAnswer(
            names[n], read.prompts[n], wanted, name_of(read.lm, int(before.answer[n])), float(before.p[n]),
            name_of(read.lm, int(after.answer[n])), float(after.p[n]), float(before.gate[n]), float(after.gate[n]),
        )  # fmt: skip


def group_scores(read: Read, before: Said, after: Said, changed: Sequence[Replacement]) -> list[GroupScore]:
    """Scores of each group; the right answer to an edited fact is its old object before, and its new one (if any)
    after."""
    new = {(c.fact.subject, c.fact.relation): c.new for c in changed}
    group = np.array([group_of(f, changed) for f in read.facts])
    old = tokens_of(read.lm, [f.object for f in read.facts])
    now = tokens_of(read.lm, [new.get((f.subject, f.relation)) or f.object for f in read.facts])
    was, is_ = before.right(old), after.right(now)
    moved = before.answer != after.answer
    out = []
    for name in GROUPS:
        at = group == name
        if at.any():
            out.append(
                GroupScore(
                    name, int(at.sum()), float(was[at].mean()), float(is_[at].mean()), int(moved[at].sum()),
                    int((was & ~is_)[at].sum()),
                )
            )  # fmt: skip
    return out


def draw_replacements(facts: Sequence[Fact], among: Sequence[Fact], count: int, seed: int) -> list[Replacement]:
    """`count` facts drawn from `among`, each with another object of its relation, drawn in proportion to frequency."""
    rng = random.Random(f"facts-as-experts|{seed}")
    by_relation: dict[str, list[str]] = {}
    for f in facts:
        by_relation.setdefault(f.relation, []).append(f.object)
    out = []
    for fact in rng.sample(list(among), len(among)):
        others = [o for o in by_relation[fact.relation] if o != fact.object]
        if others:
            out.append(Replacement(fact, rng.choice(others)))
        if len(out) == count:
            break
    return out
