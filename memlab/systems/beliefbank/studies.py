"""The studies that BeliefBank declares: evaluation in batches, and tuning of the solver's weights."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from memlab.errors import InputError, StoppedError
from memlab.outside import given_path
from memlab.systems.beliefbank.answers import Answerer, Question, Simulated
from memlab.systems.beliefbank.asking import DEFAULT_MODEL, PER_ENTITY, contextual, quiet, ready, usual_prompt
from memlab.systems.beliefbank.bank import MEASURES, Bank
from memlab.systems.beliefbank.bundled import bundled_graph
from memlab.systems.beliefbank.constraints import ConstraintGraph, Entity
from memlab.systems.beliefbank.declaration import EvaluateSettings, TuneSettings
from memlab.systems.beliefbank.evaluation import (
    WAYS,
    BeliefScores,
    Evaluator,
    Plan,
    Stop,
    Tick,
    check_ways,
    questions_of,
)
from memlab.systems.beliefbank.feedback import NONE
from memlab.systems.beliefbank.graph_files import read_graph
from memlab.systems.beliefbank.metrics import scores
from memlab.systems.beliefbank.model_answers import ModelAnswerer
from memlab.systems.beliefbank.prompts import prompt_named
from memlab.systems.beliefbank.seq2seq import model_for_questions
from memlab.systems.beliefbank.solver import Weights, solve

FALSE_PER_TRUE = 2.5  # of the bundled world: false questions for each true one, about as in the BeliefBank data
TRIED = 32  # questions that are timed to estimate how long all take
FORWARD, BACK = (1.0, 3.0, 10.0), (0.1, 0.3, 1.0, 3.0)


def graph_of(data: str) -> ConstraintGraph:
    """The graph of a folder or file; the bundled one for an empty text. Raises InputError where it has no entities."""
    found = read_graph(given_path(data)) if data else bundled_graph()
    if not found.entities:
        raise InputError(
            f"{data} has no entities with facts, so nothing can be measured. Give a folder in the BeliefBank form."
        )
    return found


def _test_entities(graph: ConstraintGraph, answerer: Answerer) -> list[Entity]:
    """The entities to ask about: those held out of the model's training, if its record lists some of this graph."""
    names = answerer.held_out if isinstance(answerer, ModelAnswerer) else ()
    found = [graph.entities[name] for name in names if name in graph.entities]
    return found or graph.split(False)


def balanced(entities: list[Entity], seed: int) -> list[Entity]:
    """Entities with all their true facts and `FALSE_PER_TRUE` times as many false ones."""
    out = []
    for e in entities:
        yes = [p for p, label in e.facts.items() if label]
        no = [p for p, label in e.facts.items() if not label]
        kept = random.Random(f"{seed}|balanced|{e.name}").sample(no, min(len(no), round(FALSE_PER_TRUE * len(yes))))
        out.append(replace(e, facts={p: e.facts[p] for p in (*yes, *kept)}))
    return out


def _watched(progress: Tick, stop: Stop) -> Tick:
    """A callback between batches of questions: reports the message, and raises StoppedError once a stop was
    requested."""

    def tick(fraction: float, message: str) -> None:
        if stop():
            raise StoppedError("Stopped; nothing was kept.")
        progress(0.0, message)

    return tick


def _answerers(
    house: Any,
    graph: ConstraintGraph,
    settings: EvaluateSettings | TuneSettings,
    feedback: bool,
    progress: Tick,
    stop: Stop,
) -> tuple[Answerer, Answerer | None, dict[str, Any]]:
    """The answerers without and with feedback (None: no feedback), and their calibrations."""
    if settings.simulated > 0:
        truth = {name: e.facts for name, e in graph.entities.items()}
        return Simulated(truth, settings.simulated, settings.seed), None, {}
    lm = model_for_questions(house.home, settings.model or DEFAULT_MODEL, house.load)
    prompt = prompt_named(settings.prompt) if settings.prompt else usual_prompt(lm)
    watch = _watched(progress, stop)
    entities = graph.split(True) if settings.data else balanced(graph.split(True), settings.seed)
    asked = [Question(*about) for about in questions_of(entities, PER_ENTITY, settings.seed)]
    plain = replace(ready(lm, graph, prompt, watch, asked, house.home), watch=_watched(quiet, stop))
    told: dict[str, Any] = {"prompt": prompt.to_dict(), "without context": plain.calibration.to_dict()}
    if not feedback:
        return plain, None, told
    fed = contextual(plain, asked, settings.seed, watch)
    told["with context"] = fed.calibration.to_dict()
    return plain, fed, told


def evaluate(house: Any, settings: EvaluateSettings, progress: Tick, stop: Stop) -> BeliefScores:
    """F1 and consistency, batch by batch, of the five ways. Raises InputError, NotFound, StoppedError."""
    graph = graph_of(settings.data)
    weights = Weights(settings.lam, settings.forward, settings.back, settings.measure, settings.seconds)
    ways = tuple(way.strip() for way in settings.ways.split(",") if way.strip()) or tuple(WAYS)
    check_ways(ways)
    uses_feedback = any(WAYS[way][0] != NONE for way in ways)
    plain, fed, calibration = _answerers(house, graph, settings, uses_feedback, progress, stop)
    entities = _test_entities(graph, plain)[: settings.entities or None]
    if not settings.data:
        entities = balanced(entities, settings.seed)
    notes = []
    if settings.entities == 0 and isinstance(plain, ModelAnswerer):
        entities, fewer = _within(entities, plain, settings, ways)
        notes += fewer
    plan = Plan(
        questions_of(entities, settings.questions, settings.seed),
        settings.batches,
        settings.orders,
        settings.seed,
        ways,
    )
    points = Evaluator(graph, plain, weights, fed).run(plan, progress, stop)
    if settings.simulated > 0:
        notes.append(
            f"Simulated: no model; the truth with {settings.simulated:.0%} of the answers inverted and random confidences. Feedback has no effect."
        )
    if unproven := sum(p.unproven for p in points):
        notes.append(f"{unproven} solutions are the best found within {settings.seconds:g} s, not proven optimal.")
    if settings.orders < 2:
        notes.append("One order of the questions: no interval.")
    told = {**asdict(settings), "questions_asked": len(plan.questions), "test_entities": len(entities)}
    result = BeliefScores(settings.data or graph.name, plain.name, told, tuple(points), tuple(notes), calibration)
    return replace(result, notes=(*notes, *_remarks(result)))


def _within(
    entities: list[Entity], answerer: ModelAnswerer, settings: EvaluateSettings, ways: Sequence[str]
) -> tuple[list[Entity], list[str]]:
    """As many entities as can be asked within the minutes, by the measured speed of a few questions; a note if not
    all."""
    asked = questions_of(entities, settings.questions, settings.seed)
    tried = random.Random(f"{settings.seed}|speed").sample(asked, min(TRIED, len(asked)))
    start = time.perf_counter()
    replace(answerer, kept=None, watch=None).ask([Question(*about) for about in tried])
    each = (time.perf_counter() - start) / len(tried)
    readings = 1 + settings.orders * sum(WAYS[way][0] != NONE for way in ways)  # of each question
    needed = len(asked) * readings * each / 60
    if needed <= settings.minutes:
        return entities, []
    fit = max(1, int(len(entities) * settings.minutes / needed))
    note = (
        f"All {len(entities)} entities ({len(asked):,} questions) would take about {needed:,.0f} minutes here; the first {fit} "
        f"were asked. Give --entities {len(entities)} to ask about all, or more --minutes."
    )
    return entities[:fit], [note]


def _remarks(result: BeliefScores) -> list[str]:
    """Notes on constraints or feedback that did not raise F1."""
    final = {row["method"]: row["f1"] for row in result.final()}
    if "raw" not in final:
        return []
    out = []
    if final.get("constraints", 1.0) < final["raw"]:
        out.append(
            "Constraints lowered F1: where most answers are wrong, the cheapest consistent labels agree with the errors."
        )
    fed = [final[way] for way in ("on-topic", "relevant") if way in final]
    if fed and final["raw"] >= max(fed) and not result.model.startswith("simulated"):
        out.append(
            "Feedback did not raise F1: this model does not use the statements before a question, or they are wrong too often."
        )
    return out


@dataclass(frozen=True)
class Tuned:
    """Scores of settings on calibration entities, the best first."""

    data: str
    model: str
    rows: tuple[Mapping[str, Any], ...]
    raw: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        best = dict(self.rows[0])
        return {
            "task": "tune beliefs",
            "data": self.data,
            "model": self.model,
            "best": best,
            "raw": dict(self.raw),
            "results": [dict(r) for r in self.rows],
            "rows": [],
        }


def tune(house: Any, settings: TuneSettings, progress: Tick, stop: Stop) -> Tuned:
    """F1 and consistency on the calibration entities for a grid of weights; lambda stays 1, since only ratios matter."""
    graph = graph_of(settings.data)
    answerer, _, _ = _answerers(house, graph, settings, False, progress, stop)
    entities = graph.split(True)
    if not entities:
        raise InputError("The graph has no calibration entities. Add calibration_facts.json.")
    entities = entities if settings.data else balanced(entities, settings.seed)
    asked = [Question(*about) for about in questions_of(entities, settings.questions, settings.seed)]
    bank = Bank().with_beliefs(a.belief() for a in answerer.ask(asked))
    truth = {e.name: e.facts for e in entities}
    raw = scores({n: bank.labels(n) for n in bank.beliefs}, truth, graph.constraints).to_dict()
    grid = [(f, b, m) for f in FORWARD for b in BACK for m in MEASURES]
    rows: list[dict[str, Any]] = []
    for n, (forward, back, measure) in enumerate(grid):
        if stop():
            raise StoppedError("Stopped; nothing was kept.")
        progress(n / len(grid), f"forward {forward:g}, back {back:g}, {measure}")
        weights = Weights(1.0, forward, back, measure)
        found = {}
        for name, about in bank.beliefs.items():
            if stop():
                raise StoppedError("Stopped; nothing was kept.")
            found[name] = solve(name, about, graph.constraints, weights)
        scored = scores({name: s.labels for name, s in found.items()}, truth, graph.constraints)
        unproven = sum(not s.proven for s in found.values())
        rows.append(
            {
                "lam": 1.0,
                "forward": forward,
                "back": back,
                "measure": measure,
                **scored.to_dict(),
                "unproven": unproven,
                "seconds": sum(s.seconds for s in found.values()),
            }
        )
    rows.sort(key=lambda r: (-r["f1"], -r["consistency"]))
    return Tuned(settings.data or graph.name, answerer.name, tuple(rows), raw)
