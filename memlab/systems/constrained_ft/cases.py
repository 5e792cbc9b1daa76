"""Edits: one fact with its old and new object, the sentences that train it and those that test it.

A `Case` comes from the bundled world (`case_of`: statement templates train, held-out question templates test) or from
public editing data (`outside`). `Known` is a fact with a model's answer, one for each subject and relation.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from memlab.corpus.model_kinds import MASK, model_kind
from memlab.corpus.world import Relation, World, fill
from memlab.errors import InputError, StoppedError
from memlab.lm.model import LanguageModel
from memlab.results import Fact
from memlab.systems.constrained_ft.gaps import Gap, Said, ask, gap, never


@dataclass(frozen=True)
class Question:
    """A sentence with [MASK] and the object that a correct answer has."""

    sentence: str
    object: str


@dataclass(frozen=True)
class Case:
    """One fact to edit.

    Args:
        subject, relation, old, new: what is changed.
        statements: sentences with [MASK] that are trained. prompt: the one whose efficacy is measured.
        question: the held-out test of A_M. paraphrases: further held-out questions.
        neighborhood: questions whose answers must not change.
    """

    subject: str
    relation: str
    old: str
    new: str
    statements: tuple[str, ...]
    prompt: str
    question: str
    paraphrases: tuple[str, ...]
    neighborhood: tuple[Question, ...] = ()

    @property
    def name(self) -> str:
        """The edit in one line."""
        return f"{self.relation} of {self.subject}: {self.old} -> {self.new}"

    def to_dict(self) -> dict[str, Any]:
        return {"subject": self.subject, "relation": self.relation, "object": self.old, "new": self.new}


@dataclass(frozen=True)
class Known:
    """A fact, its held-out question, and what a model answers (correctly, except from `ask_facts`)."""

    fact: Fact
    question: str
    said: Said

    @property
    def at(self) -> tuple[str, str]:
        """Subject and relation."""
        return self.fact.subject, self.fact.relation


def statements_of(relation: Relation, subject: str, kind: str) -> tuple[str, ...]:
    """The relation's statements about a subject with a gap for the object, as this kind of model is trained on them."""
    asked = model_kind(kind)
    usable = (t for t in asked.statements(relation) if asked.wording(t) is not None)
    return tuple(dict.fromkeys(fill(t, subject, MASK) for t in usable))


def case_of(world: World, lm: LanguageModel, fact: Fact, new: str) -> Case:
    """The edit that gives a fact of the bundled world a new object."""
    relation = world.relation(fact.relation)
    trained = statements_of(relation, fact.subject, lm.kind)
    questions = [fill(q, fact.subject, MASK) for q in relation.questions]
    return Case(
        fact.subject, relation.name, fact.object, new, trained, trained[0], questions[0], tuple(questions[1:])
    )  # fmt: skip


def ask_facts(
    world: World, lm: LanguageModel, facts: Sequence[Fact], stop: Callable[[], bool] = never
) -> list[Known | None]:
    """The first held-out question about each fact: a `Known`, right or wrong; None where the model cannot be asked.

    Raises:
        StoppedError: `stop` returned True.
    """
    asked: list[tuple[int, str, Gap]] = []
    for i, fact in enumerate(facts):
        if i % 500 == 0 and stop():
            raise StoppedError("Stopped while asking the model; nothing was recorded.")
        sentence = fill(world.relation(fact.relation).questions[0], fact.subject, MASK)
        try:
            asked.append((i, sentence, gap(lm, sentence, fact.object)))
        except InputError:
            continue  # the model cannot read this question or write its answer, so it does not know the fact
    out: list[Known | None] = [None] * len(facts)
    for (i, sentence, _), said in zip(asked, ask(lm, [g for _, _, g in asked], stop), strict=True):
        out[i] = Known(facts[i], sentence, said)
    return out


def well_known(world: World) -> list[Fact]:
    """The facts that the training text states often. New objects are drawn from theirs: a model never answers with an
    object that it was not trained on, and a few steps cannot change that."""
    return [f for f in world.facts if f.exposure == "frequent"]


def propose(facts: Iterable[Fact], chosen: Sequence[Fact], seed: int) -> list[str]:
    """A new object for each chosen fact: drawn from the objects of its relation in proportion to how many of `facts`
    have them, never its own (Zhu et al. 2020). Raises InputError for a relation with one object only."""
    counts: dict[str, Counter[str]] = {}
    for fact in facts:
        counts.setdefault(fact.relation, Counter())[fact.object] += 1
    out = []
    for fact in chosen:
        others = {o: n for o, n in sorted(counts.get(fact.relation, Counter()).items()) if o != fact.object}
        if not others:
            raise InputError(f"No other object is known for the relation {fact.relation}. Name one yourself.")
        draw = random.Random(f"{seed}:{fact.subject}:{fact.relation}")
        out.append(draw.choices(list(others), list(others.values()))[0])
    return out


def with_neighbors(cases: Sequence[Case], known: Sequence[Known], most: int, seed: int) -> list[Case]:
    """The cases with facts of the same relation or the same object as neighborhood, at most `most` for each case."""
    edited = {(c.subject, c.relation) for c in cases}
    out = []
    for case in cases:
        near = [
            k for k in known
            if k.at not in edited and (k.fact.relation == case.relation or k.fact.object in (case.old, case.new))
        ]  # fmt: skip
        chosen = random.Random(f"{seed}:{case.name}").sample(near, min(most, len(near)))
        out.append(replace(case, neighborhood=tuple(Question(k.question, k.fact.object) for k in chosen)))
    return out


def check_cases(lm: LanguageModel, cases: Sequence[Case]) -> None:
    """Raises InputError for edits that contradict each other, change nothing, or have an object that cannot be written."""
    seen: dict[tuple[str, str], str] = {}
    if not cases:
        raise InputError("No fact is given. Give at least one, for example France|capital|Lyon.")
    for case in cases:
        at = (case.subject, case.relation)
        if at in seen:
            raise InputError(
                f"Two edits of one batch concern the {case.relation} of {case.subject}: {seen[at]} and {case.new}. Keep one."
            )
        seen[at] = case.new
        if case.new == case.old:
            raise InputError(f"{case.new} is the {case.relation} of {case.subject} already. Choose another object.")
        gap(lm, case.prompt, case.new)
