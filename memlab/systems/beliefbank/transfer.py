"""A small model trained from scratch on some entities of a graph, evaluated in batches on the others.

The model has never seen the entities that it is asked about: without context, it can only answer by how common a
property is. The study measures whether its own earlier answers, given back as context, help it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from memlab.errors import InputError
from memlab.systems.beliefbank.constraints import ConstraintGraph
from memlab.systems.beliefbank.declaration import EvaluateSettings, TransferSettings
from memlab.systems.beliefbank.evaluation import BeliefScores
from memlab.systems.beliefbank.qa_card import check_name, write_card
from memlab.systems.beliefbank.qa_text import Sampling
from memlab.systems.beliefbank.qa_training import QaRecipe, train_qa
from memlab.systems.beliefbank.studies import evaluate, graph_of

Tick = Callable[[float, str], None]
TRAINING = 0.7  # share of the progress bar


def recipe_of(settings: TransferSettings) -> QaRecipe:
    """The recipe of the model; its text states all facts of the entities that are not held out."""
    told = Sampling(
        true=1000, false=1000, wrong=settings.wrong, made_up=settings.made_up, supposed=0.2, held=settings.held
    )
    return QaRecipe(name=settings.name, steps=settings.steps, seed=settings.seed, sampling=told)


def transfer(house: Any, settings: TransferSettings, progress: Tick, stop: Callable[[], bool]) -> BeliefScores:
    """Trains (unless the same model is there already), then evaluates on the held-out entities.

    Raises:
        InputError: a name that cannot be used, or that another model has. StoppedError.
    """
    check_name(settings.name)
    graph, recipe = graph_of(settings.data), recipe_of(settings)
    folder = house.home / "models" / settings.name
    if not _is_there(folder, recipe, graph):
        train_qa(graph, folder, recipe, lambda f, m: progress(TRAINING * f, m), stop)
        write_card(folder, graph, lambda f, m: progress(TRAINING, m))
    asked = EvaluateSettings(
        data=settings.data, model=settings.name, batches=settings.batches, orders=settings.orders,
        questions=settings.questions, forward=settings.forward, back=settings.back, seed=settings.seed,
    )  # fmt: skip
    found = evaluate(house, asked, lambda f, m: progress(TRAINING + (1 - TRAINING) * f, m), stop)
    told = {**found.settings, "transfer": asdict(settings)}
    held = round(settings.held * len(graph.split(False)))
    note = f"Trained in {settings.steps} steps without any fact of the {held} entities that it is tested on."
    return replace(found, settings=told, notes=(note, *found.notes))


def _is_there(folder: Path, recipe: QaRecipe, graph: ConstraintGraph) -> bool:
    """Whether a model of this recipe and graph exists already. Raises InputError if another one has its name."""
    file = folder / "memlab.json"
    if not folder.exists():
        return False
    record = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    if record.get("recipe") != asdict(recipe) or record.get("corpus", {}).get("graph") != graph.name:
        raise InputError(f"There is another model {recipe.name!r} already. Choose another --name, or remove that one.")
    return True
