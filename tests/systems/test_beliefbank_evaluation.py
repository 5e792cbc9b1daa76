"""Metrics by hand, feedback as specified, the simulated answerer, calibration, batches."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from memlab.errors import InputError, StoppedError
from memlab.systems.beliefbank import studies
from memlab.systems.beliefbank.answers import Question, Simulated
from memlab.systems.beliefbank.bank import Bank, Belief
from memlab.systems.beliefbank.bundled import bundled_graph
from memlab.systems.beliefbank.constraints import EXCLUDES, IMPLIES, NEEDS, Constraint, ConstraintGraph, Entity
from memlab.systems.beliefbank.declaration import EvaluateSettings
from memlab.systems.beliefbank.evaluation import WAYS, BeliefScores, Evaluator, Plan, interval, questions_of
from memlab.systems.beliefbank.feedback import clashes, context
from memlab.systems.beliefbank.figures import COLUMNS, _in_rows
from memlab.systems.beliefbank.metrics import scores
from memlab.systems.beliefbank.model_answers import auc, calibrate
from memlab.systems.beliefbank.prompts import PROMPTS, Prompt
from memlab.systems.beliefbank.solver import Weights

BIRD, FISH, WINGS, ANIMAL = "IsA,bird", "IsA,fish", "HasPart,wings", "IsA,animal"
RULES = (
    Constraint(IMPLIES, BIRD, (WINGS,)),
    Constraint(IMPLIES, BIRD, (ANIMAL,)),
    Constraint(EXCLUDES, BIRD, (FISH,)),
    Constraint(NEEDS, WINGS, (BIRD,)),
)


def test_consistency_and_f1_by_hand():
    # bird and fish believed: bird -> wings violated, bird -> animal unknown, bird -> not fish and fish -> not bird violated
    found = scores({"x": {BIRD: True, FISH: True, WINGS: False}}, {"x": {BIRD: True, FISH: False, WINGS: True}}, RULES)
    assert (found.violated, found.applicable, found.applicable_all) == (3, 3, 4)
    assert found.consistency == 0
    assert found.consistency_all == pytest.approx(0.25)
    assert (found.hits, found.believed, found.true) == (1, 2, 2)
    assert found.f1 == pytest.approx(0.5)
    assert scores({}, {}, RULES).consistency == 1
    assert scores({"x": {"IsA,new": True}}, {"x": {}}, RULES).f1 == 0


def test_relevant_feedback_takes_the_strongest_clashes():
    graph = ConstraintGraph("g", "g", RULES, {})
    about = [
        Belief("x", FISH, True, 0.9), Belief("x", WINGS, False, 0.6), Belief("x", ANIMAL, True, 1.0), Belief("x", "IsA,a", True),
        Belief("x", "IsA,b", True),
    ]  # fmt: skip
    bank = Bank().with_beliefs(about)
    weights = Weights(forward=2.0)
    assert clashes(bank, graph, "x", BIRD, weights) == pytest.approx({FISH: 1.8, WINGS: 1.2})
    found = context("relevant", bank, graph, ("x", BIRD), weights, random.Random(0))
    assert [b.property for b in found[:2]] == [FISH, WINGS]
    assert len(found) == 3
    assert context("none", bank, graph, ("x", BIRD), weights, random.Random(0)) == ()
    topic = context("on-topic", bank, graph, ("x", FISH), weights, random.Random(0))
    assert len(topic) == 3
    assert FISH not in {b.property for b in topic}
    assert context("on-topic", bank, graph, ("nobody", BIRD), weights, random.Random(0)) == ()
    with pytest.raises(InputError, match="There is no feedback"):
        context("much", bank, graph, ("x", BIRD), weights, random.Random(0))


def test_a_simulated_answerer_errs_as_often_as_it_says():
    graph = bundled_graph()
    truth = {n: e.facts for n, e in graph.entities.items()}
    questions = [Question(n, p) for n, p in questions_of(graph.split(False), 40)]
    answers = Simulated(truth, 0.25).ask(questions)
    wrong = np.mean([a.label != truth[a.question.entity][a.question.property] for a in answers])
    assert wrong == pytest.approx(0.25, abs=0.03)
    assert answers == Simulated(truth, 0.25).ask(questions)
    assert all(0.5 <= a.p <= 1 for a in answers)
    assert all(a.label == truth[a.question.entity][a.question.property] for a in Simulated(truth, 0.0).ask(questions))
    for error in (-0.1, 1.0):
        with pytest.raises(InputError, match="error rate"):
            Simulated(truth, error)


def test_calibration_takes_the_prior_out():
    # a model that says yes too readily: all scores shifted by 3, and ten times too large
    rng = np.random.default_rng(0)
    truth = rng.random(2000) < 0.3
    scores_ = 10 * (np.where(truth, 1.0, -1.0) + rng.normal(0, 0.8, 2000)) + 30
    found = calibrate(list(scores_), list(truth))
    assert found.threshold == pytest.approx(30, abs=5)
    assert found.yes_rate > 0.9
    assert found.temperature > 3
    assert found.p_true(found.threshold) == pytest.approx(0.5)
    assert found.f1 > 0.8
    assert auc(np.array([0.1, 0.9, 0.5, 0.5]), np.array([False, True, True, False])) == pytest.approx(0.875)
    with pytest.raises(InputError, match="not enough"):
        calibrate([1.0] * 20, [True] * 20)


def test_prompts():
    graph = bundled_graph()
    asked = Question("swallow", BIRD, (Belief("swallow", "CapableOf,fly", True),))
    assert PROMPTS["question"].text(asked, graph) == "A swallow can fly. Is a swallow a bird?"
    assert PROMPTS["question"].text(Question("swallow", BIRD), graph) == "Is a swallow a bird?"
    shown = PROMPTS["true-or-false"].text(asked, graph)
    assert shown.count("True or false?") == 5
    assert shown.endswith("A swallow can fly. Statement: A swallow is a bird. True or false?")
    with pytest.raises(InputError, match="asks nothing"):
        Prompt("mine", "Hello")
    with pytest.raises(InputError, match="two different words"):
        Prompt("mine", "{question}", "yes", "yes")
    with pytest.raises(InputError, match="exactly one"):
        PROMPTS["question"].check("masked")
    with pytest.raises(InputError, match="leave"):
        PROMPTS["masked-question"].check("causal")


def _evaluated(**plan):
    graph = bundled_graph()
    truth = {n: e.facts for n, e in graph.entities.items()}
    asked = questions_of(graph.split(False)[:5], 0)
    made = Plan(asked, **{"batches": 3, "orders": 2, **plan})
    points = Evaluator(graph, Simulated(truth, 0.25), Weights(forward=10.0, back=1.0)).run(made)
    return BeliefScores("world", "simulated", {}, tuple(points)), made


def test_constraints_make_a_simulated_bank_consistent_and_better():
    found, _ = _evaluated()
    final = {row["method"]: row for row in found.final()}
    assert final["raw"]["f1"] == final["on-topic"]["f1"] == final["relevant"]["f1"]  # context changes nothing
    assert final["constraints"]["consistency"] > 0.95
    assert final["constraints"]["f1"] >= final["raw"]["f1"] + 0.1
    assert final["raw"]["f1_interval"] == pytest.approx(
        (final["raw"]["f1"],) * 2
    )  # the whole bank is the same in every order
    told = found.to_dict()
    assert set(told["f1"]) == {"raw", "on-topic", "relevant", "constraints", "relevant+constraints"}
    assert len(told["by_batch"]) == 15
    assert len(told["rows"]) == 30


def test_batches_cover_every_question_once():
    found, plan = _evaluated(ways=("raw",), orders=1)
    assert sorted(q for batch in plan.in_order(0) for q in batch) == sorted(plan.questions)
    assert plan.in_order(0) != plan.in_order(1)
    assert found.points[-1].scores.beliefs == len(plan.questions)
    assert found.final()[0]["interval"] is None


def test_wrong_plans_are_refused_and_stop_stops():
    with pytest.raises(InputError, match="cannot be asked in 10 batches"):
        Plan((("a", "b"),))
    with pytest.raises(InputError, match="There is no way"):
        Plan((("a", "b"),) * 10, ways=("magic",))
    graph = bundled_graph()
    answerer = Simulated({n: e.facts for n, e in graph.entities.items()}, 0.1)
    with pytest.raises(StoppedError):
        Evaluator(graph, answerer, Weights()).run(Plan(questions_of(graph.split(True), 5)), stop=lambda: True)


def test_interval_of_a_mean():
    assert interval([0.5]) is None
    low, high = interval([0.4, 0.5, 0.6])  # t(.975, 2) = 4.303, standard error .0577
    assert (low, high) == pytest.approx((0.5 - 0.2484, 0.5 + 0.2484), abs=1e-3)


def test_beliefs_of_a_graph_stand_in_rows_without_meeting() -> None:
    places = _in_rows({f"b{n}": (float(n % 7) / 1000, float(n) / 1000) for n in range(23)})
    assert [row for _, row in places.values()] == [float(n // COLUMNS) for n in range(23)]
    for row in range(5):
        across = sorted(x for x, y in places.values() if y == row)
        assert all(right - left >= 0.99 / COLUMNS for left, right in itertools.pairwise(across))
    assert places["b6"][0] > places["b5"][0]  # 6 of 7 is right of 5 of 7
    assert _in_rows({}) == {}


@dataclass(frozen=True)
class _OneSecondEach:
    """Answers nothing, and takes one second of a clock for each question."""

    clock: list[float]
    kept: None = None
    watch: None = None

    def ask(self, questions: Sequence[Question]) -> None:
        self.clock[0] += len(questions)


@pytest.mark.parametrize(
    ("minutes", "ways", "orders", "asked"),
    [
        (2.0, ("raw", "constraints"), 2, 3),  # 120 questions read once: 2 minutes
        (1.0, ("raw",), 2, 1),  # one minute holds 1.5 of 3 things
        (6.0, ("raw", "relevant"), 2, 3),  # read once without context and once in each order with it
        (5.9, ("raw", "relevant"), 2, 2),
        (0.1, tuple(WAYS), 1, 1),  # never none
    ],
)
def test_as_many_things_are_asked_as_the_minutes_hold(
    monkeypatch: pytest.MonkeyPatch, minutes: float, ways: tuple[str, ...], orders: int, asked: int
) -> None:
    things = [Entity(f"thing {n}", {f"IsA,p{i}": i % 2 == 0 for i in range(40)}) for n in range(3)]
    clock = [0.0]
    monkeypatch.setattr(studies.time, "perf_counter", lambda: clock[0])
    settings = EvaluateSettings(minutes=minutes, orders=orders)
    found, notes = studies._within(things, _OneSecondEach(clock), settings, ways)  # type: ignore[arg-type]
    assert found == things[:asked]
    assert [f"the first {asked} were asked" in note for note in notes] == ([] if asked == 3 else [True])
