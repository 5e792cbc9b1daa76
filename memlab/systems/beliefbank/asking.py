"""A model ready to answer about a graph: loaded, with its prompt, calibrated once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from memlab.lm.json_file import read_json
from memlab.systems.beliefbank.answers import Question
from memlab.systems.beliefbank.bank import Bank, Belief
from memlab.systems.beliefbank.constraints import ConstraintGraph
from memlab.systems.beliefbank.evaluation import questions_of
from memlab.systems.beliefbank.feedback import ON_TOPIC, context
from memlab.systems.beliefbank.kept_scores import KeptScores
from memlab.systems.beliefbank.model_answers import Calibration, ModelAnswerer, Tick, calibrated, label_of
from memlab.systems.beliefbank.prompts import Prompt, default_prompt
from memlab.systems.beliefbank.seq2seq import AnyModel
from memlab.systems.beliefbank.solver import Weights

DEFAULT_MODEL = "atlas-qa"
PER_ENTITY = 60  # calibration questions about each calibration entity


_calibrations: LRUCache[Any, Calibration] = LRUCache(32)  # per process: all home folders share the bundled model
_lock = threading.Lock()


def quiet(fraction: float, message: str) -> None:
    """Ignores progress."""


def usual_prompt(model: AnyModel) -> Prompt:
    """The default prompt of a loaded model."""
    record = read_json(model.path / "memlab.json") if model.path is not None else {}
    return default_prompt(model.name, model.kind, record)


def calibration_questions(graph: ConstraintGraph, per_entity: int = PER_ENTITY) -> list[Question]:
    """Questions about the calibration entities of a graph."""
    return [Question(*about) for about in questions_of(graph.split(True), per_entity)]


def ready(
    model: AnyModel,
    graph: ConstraintGraph,
    prompt: Prompt,
    tick: Tick = quiet,
    questions: Sequence[Question] | None = None,
    home: Path | None = None,
) -> ModelAnswerer:
    """An answerer calibrated to remove its yes-prior; uncalibrated where the graph has too few calibration facts.

    `questions`: about calibration entities; by default a random sample of at most PER_ENTITY facts of each.
    `home`: where the scores of a large model are kept; None: nowhere.
    """
    kept = KeptScores.of(home, model, prompt) if home else None
    answerer = ModelAnswerer(model, graph, prompt, kept=kept)
    return _measured(answerer, calibration_questions(graph) if questions is None else questions, tick)


def _measured(answerer: ModelAnswerer, questions: Sequence[Question], tick: Tick) -> ModelAnswerer:
    """Calibrated on these questions; unchanged where they are fewer than ten or all of one label."""
    labels = {label_of(answerer.graph, q) for q in questions}
    if len(questions) < 10 or len(labels) < 2:
        return answerer
    at = (answerer.model.weights_hash, answerer.graph, answerer.prompt, tuple(questions))
    with _lock:
        known = _calibrations.get(at)
    if known is None:
        known = calibrated(answerer, questions, tick).calibration
        with _lock:
            _calibrations[at] = known
    return replace(answerer, calibration=known)


def contextual(plain: ModelAnswerer, questions: Sequence[Question], seed: int = 0, tick: Tick = quiet) -> ModelAnswerer:
    """The same model calibrated on questions that follow on-topic feedback from its own answers to the others.

    `questions`: about calibration entities, without context.
    """
    bank = Bank().with_beliefs(a.belief() for a in plain.ask(questions))
    rng, weights = random.Random(seed), Weights()

    def about(q: Question) -> tuple[Belief, ...]:
        return context(ON_TOPIC, bank, plain.graph, (q.entity, q.property), weights, rng)

    return with_feedback(plain, about, questions, tick)


def with_feedback(
    answerer: ModelAnswerer,
    about: Callable[[Question], tuple[Belief, ...]],
    questions: Sequence[Question],
    tick: Tick = quiet,
) -> ModelAnswerer:
    """The same model calibrated on questions that follow feedback, since context moves its yes-prior."""
    asked = [Question(q.entity, q.property, about(q)) for q in questions]
    return _measured(answerer, asked, tick)
