"""Questions arrive in batches; the bank grows, is made consistent, and feeds later questions (the paper's figure 4).

Five ways are compared: the model alone (raw), with on-topic feedback, with relevant feedback, with the constraint
solver, and with relevant feedback and the solver. After every batch the whole bank is scored.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from memlab.errors import InputError, StoppedError
from memlab.systems.beliefbank.answers import Answer, Answerer, Question
from memlab.systems.beliefbank.bank import Bank
from memlab.systems.beliefbank.constraints import ConstraintGraph, Entity
from memlab.systems.beliefbank.feedback import NONE, ON_TOPIC, RELEVANT, context
from memlab.systems.beliefbank.metrics import Scores, scores
from memlab.systems.beliefbank.solver import Solution, Weights, solve

WAYS: Mapping[str, tuple[str, bool]] = {
    "raw": (NONE, False),
    "on-topic": (ON_TOPIC, False),
    "relevant": (RELEVANT, False),
    "constraints": (NONE, True),
    "relevant+constraints": (RELEVANT, True),
}
Tick = Callable[[float, str], None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Point:
    """One way in one order after one batch.

    `unproven`: entities whose labels are not proven optimal. `slowest`, `seconds`: solver time of the slowest entity
    and of all.
    """

    way: str
    order: int
    batch: int
    scores: Scores
    flips: int = 0
    unproven: int = 0
    slowest: float = 0.0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "method": self.way, "order": self.order, "batch": self.batch, **self.scores.to_dict(), "flips": self.flips,
            "unproven": self.unproven, "slowest_s": self.slowest,
            "solver_s": self.seconds,
        }  # fmt: skip


def check_ways(ways: Sequence[str]) -> None:
    """Raises InputError for an unknown way, and lists the known ones."""
    for way in ways:
        if way not in WAYS:
            raise InputError(f"There is no way {way!r}. Allowed: {', '.join(WAYS)}.")


@dataclass(frozen=True)
class Plan:
    """What is asked: questions about entities, how many batches, in how many orders."""

    questions: tuple[tuple[str, str], ...]
    batches: int = 10
    orders: int = 3
    seed: int = 0
    ways: tuple[str, ...] = tuple(WAYS)

    def __post_init__(self) -> None:
        check_ways(self.ways)
        if len(self.questions) < self.batches:
            raise InputError(
                f"{len(self.questions)} questions cannot be asked in {self.batches} batches. Ask more, or use fewer batches."
            )

    def in_order(self, order: int) -> list[list[tuple[str, str]]]:
        """The batches of one order: a random permutation, cut into equal parts."""
        mixed = list(self.questions)
        random.Random(f"{self.seed}|order|{order}").shuffle(mixed)
        cuts = [round(i * len(mixed) / self.batches) for i in range(self.batches + 1)]
        return [mixed[a:b] for a, b in pairwise(cuts)]


@dataclass
class Evaluator:
    """Runs a plan. Solutions and answers are cached, since several ways produce the same beliefs."""

    graph: ConstraintGraph
    answerer: Answerer
    weights: Weights
    with_context: Answerer | None = None
    solved: dict[Any, Solution] = field(default_factory=dict)
    answered: dict[Question, Answer] = field(default_factory=dict)

    def run(self, plan: Plan, tick: Tick = lambda fraction, message: None, stop: Stop = lambda: False) -> list[Point]:
        """All points, by order, way and batch. Raises StoppedError when asked to stop."""
        truth = {name: e.facts for name, e in self.graph.entities.items()}
        out: list[Point] = []
        total = plan.orders * len(plan.ways) * plan.batches
        for order in range(plan.orders):
            batches = plan.in_order(order)
            for way in plan.ways:
                feedback, constrained = WAYS[way]
                bank, rng = Bank(), random.Random(f"{plan.seed}|{order}|{way}")
                for number, batch in enumerate(batches, 1):
                    if stop():
                        raise StoppedError("Stopped; nothing was kept of this evaluation.")
                    tick(len(out) / total, f"order {order + 1} of {plan.orders}, {way}, batch {number}")
                    bank = self._asked(bank, batch, feedback, rng)
                    solutions: list[Solution] = []
                    if constrained:
                        bank, solutions = self._solved(bank, stop)
                    labels = {name: bank.labels(name) for name in bank.beliefs}
                    found = scores(labels, truth, self.graph.constraints)
                    out.append(Point(way, order, number, found, *_effort(solutions)))
        return out

    def _asked(self, bank: Bank, batch: Sequence[tuple[str, str]], feedback: str, rng: random.Random) -> Bank:
        """The bank with the answers to a batch; feedback comes from what was believed before it."""
        used = self.answerer if feedback == NONE or self.with_context is None else self.with_context
        given = feedback if used.uses_context else NONE
        questions = [Question(*about, context(given, bank, self.graph, about, self.weights, rng)) for about in batch]
        new = [q for q in dict.fromkeys(questions) if q not in self.answered]
        for q, answer in zip(new, used.ask(new) if new else [], strict=True):
            self.answered[q] = answer
        return bank.with_beliefs(self.answered[q].belief() for q in questions)

    def _solved(self, bank: Bank, stop: Stop) -> tuple[Bank, list[Solution]]:
        solutions = []
        for name, about in bank.beliefs.items():
            if stop():
                raise StoppedError("Stopped; nothing was kept of this evaluation.")
            key = (name, frozenset((b.property, b.first, b.p) for b in about.values()))
            if key not in self.solved:
                self.solved[key] = solve(name, about, self.graph.constraints, self.weights)
            found = self.solved[key]
            solutions.append(found)
            bank = bank.with_beliefs(b.relabeled(found.labels[n]) for n, b in about.items())
        return bank, solutions


def _effort(solutions: Sequence[Solution]) -> tuple[int, int, float, float]:
    """Flips, entities without a proven optimum, seconds of the slowest entity and of all."""
    total = sum(s.seconds for s in solutions)
    slowest = max((s.seconds for s in solutions), default=0.0)
    return sum(len(s.flips) for s in solutions), sum(not s.proven for s in solutions), slowest, total


def questions_of(entities: Sequence[Entity], per_entity: int, seed: int = 0) -> tuple[tuple[str, str], ...]:
    """All facts of entities as (entity, property); a random sample of `per_entity` where there are more (0: all)."""
    out = []
    for e in entities:
        names = list(e.facts)
        if per_entity and len(names) > per_entity:
            names = sorted(random.Random(f"{seed}|{e.name}").sample(names, per_entity))
        out += [(e.name, name) for name in names]
    return tuple(out)


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95% interval of a mean of scores over orders (Student's t, cut to [0, 1]); None for fewer than two."""
    if len(values) < 2:
        return None
    from scipy.stats import t as student

    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5
    half = float(student.ppf(0.975, len(values) - 1)) * spread
    return (max(0.0, mean - half), min(1.0, mean + half))


@dataclass(frozen=True)
class BeliefScores:
    """Result of an evaluation."""

    data: str
    model: str
    settings: Mapping[str, Any]
    points: tuple[Point, ...]
    notes: tuple[str, ...] = ()
    calibration: Mapping[str, Any] = field(default_factory=dict)

    def _values(self, way: str, batch: int, name: str) -> list[float]:
        return [getattr(p.scores, name) for p in self.points if p.way == way and p.batch == batch]

    @property
    def ways(self) -> list[str]:
        """The ways that were compared."""
        return list(dict.fromkeys(p.way for p in self.points))

    @property
    def batches(self) -> int:
        """How many batches there were."""
        return max(p.batch for p in self.points)

    def row(self, way: str, batch: int) -> dict[str, Any]:
        """Means over orders after one batch, with intervals."""
        out: dict[str, Any] = {"method": way, "batch": batch}
        for name in ("f1", "consistency", "consistency_all"):
            values = self._values(way, batch, name)
            out[name], out[f"{name}_interval"] = float(np.mean(values)), interval(values)
        return out

    def by_batch(self) -> list[dict[str, Any]]:
        """`row` for every way and batch."""
        return [self.row(way, batch) for way in self.ways for batch in range(1, self.batches + 1)]

    def final(self) -> list[dict[str, Any]]:
        """`row` after the last batch, with flips, unproven entities and solver times."""
        out = []
        for way in self.ways:
            last = [p for p in self.points if p.way == way and p.batch == self.batches]
            row = self.row(way, self.batches)
            row["interval"] = row["f1_interval"]
            row["flips"] = float(np.mean([p.flips for p in last]))
            row["unproven"] = max(p.unproven for p in self.points if p.way == way)
            row["slowest_s"] = max(p.slowest for p in self.points if p.way == way)
            row["solver_s"] = float(np.mean([p.seconds for p in last]))
            out.append(row)
        return out

    def to_dict(self) -> dict[str, Any]:
        final = self.final()
        return {
            "task": "beliefs", "data": self.data, "model": self.model, "settings": dict(self.settings),
            "calibration": dict(self.calibration), "notes": list(self.notes),
            "f1": {row["method"]: row["f1"] for row in final},
            "consistency": {row["method"]: row["consistency"] for row in final},
            "results": final, "by_batch": self.by_batch(), "rows": [p.to_dict() for p in self.points],
        }  # fmt: skip

    def figures(self) -> dict[str, Any]:
        """F1 and consistency by batch."""
        from memlab.systems.beliefbank.figures import draw

        return draw(self.to_dict())
