"""Probes: how often model, memory and mixture answer held-out questions about facts rightly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memlab.corpus.world import EXPOSURES, World
from memlab.evaluate.questions import Asked, Question, ask_all, fact_questions, is_validation
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Datastore
from memlab.memory.plan import Tick
from memlab.methods import RECALL, Method
from memlab.methods.mixture import mix

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


def probe_facts(
    world: World,
    method: Method,
    lm: LanguageModel,
    store: Datastore,
    settings: Any,
    numbers: Sequence[int],
    tick: Tick = lambda share: None,
) -> list[Row]:
    """The held-out questions of given numbers about all facts that calibration has not seen.

    `tick` hears which share is asked; what it raises ends the work.
    """
    facts = [f for f in world.facts if not is_validation(f)]
    questions = [q for n in numbers for q in fact_questions(world, lm, facts, n)]
    asked = ask_all(lm, store, questions, min(settings.k, len(store)), settings.search, settings.articles, tick)
    return probe(world, lm.words, method, asked, settings)


def probe(world: World, words: Sequence[str], method: Method, asked: Asked, settings: Any) -> list[Row]:
    """The first word of each side for every question, whether it is right, and whether it is of the right kind."""
    rows = []
    for question, logp, found in zip(asked.questions, asked.logp, asked.found, strict=True):
        real = found.entries[0] >= 0
        k = min(settings.k, int(real.sum()))
        memory = RECALL[method.name](found.distances[0][real][:k], found.values[0][real][:k], len(words), settings)[1]
        sides = {"lm": logp, "knn": memory.logp, "mixture": mix(logp, memory.logp, settings.lam)}
        first = {side: int(scores.argmax()) for side, scores in sides.items()}
        kind = (
            world.names_of_kind[world.relations[question.fact.relation].object_kind] if question.fact else frozenset()
        )
        rows.append(
            Row(
                question,
                {side: words[i] for side, i in first.items()},
                {side: i == question.answer for side, i in first.items()},
                {side: words[i] in kind for side, i in first.items()},
            )
        )
    return rows


def table(world: World, rows: Sequence[Row], mixture: str) -> list[dict[str, Any]]:
    """P@1 of model, memory and mixture by exposure and over all, with 95% Wilson intervals.

    `kind` is the share of answers that are at least of the right kind (a city where a city is asked);
    `baseline` what one gets by always answering the relation's most common object.
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
        for side in SIDES if group else ():
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
