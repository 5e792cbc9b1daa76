"""Probes: how often model, memory and mixture answer held-out questions about facts correctly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memlab.corpus.world import EXPOSURES, World
from memlab.evaluate.questions import Asked, Question, ask_all, fact_questions, is_validation
from memlab.progress import Tick, no_tick
from memlab.reading.mixture import Mixture, MixtureInputs
from memlab.reading.reader import Sources

SIDES = ("lm", "knn", "mixture")


@dataclass(frozen=True)
class Row:
    """One question and what each side answered."""

    question: Question
    answers: dict[str, str]
    right: dict[str, bool]
    kind_right: dict[str, bool]

    def to_dict(self) -> dict[str, Any]:
        fact = self.question.fact.to_dict() if self.question.fact else {}
        return {**fact, "prompt": self.question.prompt, "answers": self.answers, "right": self.right}


def probe_facts(world: World, sources: Sources, numbers: Sequence[int], tick: Tick = no_tick) -> list[Row]:
    """The held-out questions of given numbers about all facts that calibration does not use.

    `tick` is called with the fraction done; exceptions abort.
    """
    facts = [f for f in world.facts if not is_validation(f)]
    questions = [q for n in numbers for q in fact_questions(world, sources.lm, facts, n)]
    asked = ask_all(sources, questions, tick)
    mixture = sources.mixer.mixture(MixtureInputs(sources.lm, asked.states, len(sources.words), asked.found))
    return probe(world, sources.words, asked, mixture)


def probe(world: World, words: Sequence[str], asked: Asked, mixture: Mixture) -> list[Row]:
    """The first word of each side for every question, whether it is right, and whether it is of the right kind."""
    rows = []
    for part, sides in mixture.chunks(np.arange(len(asked.questions))):
        parts = {"lm": sides.lm, "knn": sides.knn, "mixture": sides.mixture}
        first = {side: p.argmax(1).tolist() for side, p in parts.items() if p is not None}
        for at, n in enumerate(part):
            rows.append(_row(world, words, asked.questions[n], {side: ids[at] for side, ids in first.items()}))
    return rows


def _row(world: World, words: Sequence[str], question: Question, first: dict[str, int]) -> Row:
    kind = world.names_of_kind[world.relations[question.fact.relation].object_kind] if question.fact else frozenset()
    return Row(
        question,
        {side: words[i] for side, i in first.items()},
        {side: i == question.answer for side, i in first.items()},
        {side: words[i] in kind for side, i in first.items()},
    )


def table(world: World, rows: Sequence[Row], mixture: str) -> list[dict[str, Any]]:
    """P@1 of model, memory and mixture by exposure and over all, with 95% Wilson intervals.

    `kind` is the share of answers of the right kind, right or not (a city if a city is asked for); `baseline`
    is the P@1 of always answering with the relation's most common object.
    """
    from scipy.stats import binomtest  # at first use: it takes a second to import

    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.question.fact and row.question.fact.exposure:
            groups[row.question.fact.exposure].append(row)
        groups["all"].append(row)
    out = []
    for exposure in (*EXPOSURES, "all"):
        group = groups.get(exposure, [])
        facts = [r.question.fact for r in group if r.question.fact]
        common = sum(world.most_common(f.relation) == f.object for f in facts)
        for side in (s for s in SIDES if group and s in group[0].right):
            right = sum(r.right[side] for r in group)
            interval = binomtest(right, len(group)).proportion_ci(method="wilson")
            out.append(
                {
                    "method": mixture if side == "mixture" else side,
                    "exposure": exposure,
                    "questions": len(group),
                    "p@1": right / len(group),
                    "interval": [float(interval.low), float(interval.high)],
                    "kind": sum(r.kind_right[side] for r in group) / len(group),
                    "baseline": common / len(group),
                }
            )
    return out
