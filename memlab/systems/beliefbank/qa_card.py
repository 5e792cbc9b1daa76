"""The study that trains a model on yes-or-no questions, and its card: recipe and measured scores.

`memlab run beliefbank train` trains the bundled model again; with `--data` and `--held` one for other data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memlab.errors import InputError
from memlab.lm.catalogue import load
from memlab.systems.beliefbank.asking import calibration_questions, ready
from memlab.systems.beliefbank.bank import Bank
from memlab.systems.beliefbank.constraints import ConstraintGraph
from memlab.systems.beliefbank.declaration import TrainSettings
from memlab.systems.beliefbank.metrics import scores
from memlab.systems.beliefbank.prompts import PLAIN
from memlab.systems.beliefbank.qa_text import Sampling
from memlab.systems.beliefbank.qa_training import QaRecipe, train_qa

Tick = Callable[[float, str], None]


@dataclass(frozen=True)
class Trained:
    """The folder of a trained model, and its scores."""

    path: Path
    scores: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return {"task": "train beliefs", "path": str(self.path), "scores": dict(self.scores), "results": [], "rows": []}


def check_name(name: str) -> None:
    """Raises InputError for a name that no model folder can have."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}", name):
        raise InputError(f"{name!r} cannot name a model. Use letters, digits, '-', '_' and '.'.")


def train(house: Any, settings: TrainSettings, progress: Tick, stop: Callable[[], bool]) -> Trained:
    """Trains, measures the stored weights, writes the card. Raises InputError, StoppedError."""
    from memlab.systems.beliefbank.studies import graph_of

    check_name(settings.name)
    graph = graph_of(settings.data)
    told = Sampling(true=settings.told_true, false=settings.told_false, held=settings.held)
    recipe = QaRecipe(name=settings.name, steps=settings.steps, seed=settings.seed, sampling=told)
    folder = train_qa(graph, house.home / "models" / settings.name, recipe, lambda f, m: progress(0.9 * f, m), stop)
    return Trained(folder, write_card(folder, graph, lambda f, m: progress(0.9 + 0.1 * f, m)))


def write_card(folder: Path, graph: ConstraintGraph, tick: Tick) -> dict[str, Any]:
    """Measures the model in a folder on a graph; writes README.md and adds the scores to memlab.json."""
    answerer = ready(load(str(folder)), graph, PLAIN, tick)
    asked = calibration_questions(graph)
    bank = Bank().with_beliefs(a.belief() for a in answerer.ask(asked))
    truth = {e.name: e.facts for e in graph.split(True)}
    found = scores({n: bank.labels(n) for n in bank.beliefs}, truth, graph.constraints).to_dict()
    record = json.loads((folder / "memlab.json").read_text("utf-8"))
    record["scores"] = {**record.get("scores", {}), **found}
    record["calibration"] = answerer.calibration.to_dict()
    (folder / "memlab.json").write_text(json.dumps(record, indent=1), "utf-8")
    (folder / "README.md").write_text(card_text(record), "utf-8")
    return dict(record["scores"])


def card_text(record: Mapping[str, Any]) -> str:
    """The card in Markdown."""
    recipe, calibration, found = record["recipe"], record["calibration"], record["scores"]
    told = recipe["sampling"]
    held = record["corpus"].get("held_out", [])
    return f"""# {record["name"]}

A causal model that answers yes-or-no questions about the entities of a constraint graph ({record["corpus"]["graph"]}, {record["corpus"]["entities"]} entities): the token
after the question mark is "yes" or "no". It is small and imperfect on purpose: it contradicts itself, which is what BeliefBank is about.

## Training

A Llama of {recipe["layers"]} layers, width {recipe["width"]}, over lower-case words; {recipe["steps"]} batches of {recipe["batch"]} passages, seed {recipe["seed"]}; Muon for matrices, AdamW for the rest; only the answers are learned.
Text made from the graph: for each entity, {told["true"]} true and {told["false"]} false facts are stated, {told["wrong"]:.0%} of them wrong; the rest is never stated. {told["made_up"]:.0%} of the passages are about
made-up names with the properties of some entity, and {told["supposed"]:.0%} of the others give an entity another one's properties: there the answer follows from the statements
before the question, so that the model learns to use context. {f"{len(held)} entities are left out of the text, for testing." if held else ""}

## Scores

On {calibration["questions"]} questions about calibration entities, without context: AUC {calibration["auc"]:.3f}; it answers yes to {calibration["yes_rate"]:.0%} of them, while {calibration["true_rate"]:.0%} are true. Threshold {calibration["threshold"]:.2f}
and temperature {calibration["temperature"]:.2f} correct for that; F1 on True is then {found["f1"]:.3f} and consistency {found["consistency"]:.3f} ({found["consistency_all"]:.3f} where the consequent need not be believed).

`memlab run beliefbank train` trains it again and writes this card; `memlab evaluate beliefs` measures it in batches.
"""
