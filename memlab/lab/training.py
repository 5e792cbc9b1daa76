"""Training models."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.declare import Recipe
from memlab.errors import InputError, NotFound
from memlab.evaluate.text_card import write_text_card
from memlab.evaluate.text_models import ATLAS, TextJob, TextTraining, material, recipe_for
from memlab.lab.house import LabHouse
from memlab.lab.jobs import long_work, stopping
from memlab.lm.catalogue import SHIPPED, ModelInfo, info
from memlab.lm.text_training import KINDS, TextRecipe
from memlab.outside import check_model_folder
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab import Lab


@dataclass(frozen=True)
class TrainOptions:
    """Options of a training on a text: steps (default: the recipe's), seed, and the folder that is written."""

    steps: int | None = None
    seed: int = 0
    out: Path | None = None


class Training:
    """Trains models from scratch."""

    def __init__(self, house: LabHouse) -> None:
        self.house = house

    def train(
        self,
        name: str,
        out: Path | None = None,
        steps: int | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> ModelInfo:
        """See `Lab.train`."""
        declared = registry().recipes.get(name)
        if declared is None or not declared.by_name:
            there = [r.name for r in registry().recipes.values() if r.by_name]
            raise NotFound.named("recipe", name, there, "A text of your own: --text FILE.")
        if declared.make is None:
            recipe = recipe_for(ATLAS, name, declared.kind, declared.seed, steps or declared.steps)
            return self._train_text(ATLAS, declared, recipe, declared.encoder, out, progress, stop)
        folder = (out or self.house.home / "models" / name).absolute()
        check_model_folder(folder)
        registry().code(declared.make, declared, "make")(self.house, declared, folder, steps, progress, stop)
        return info(str(folder))

    def text(
        self,
        name: str,
        text: Path | str,
        kind: str,
        encoder: str | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
        **options: Any,
    ) -> ModelInfo:
        """Trains a model from scratch on 90% of a text, scores it and writes its card.

        Args:
            text: a file or folder (txt, md, csv, jsonl, parquet, also .gz), or "atlas", the bundled world.
            kind: "base", "short-term" (memory), or the name of another recipe that a system declares; equal seeds and steps read the same tokens.
            encoder: for a kind that needs a frozen one: a base model trained on the same text, by folder or by its name
                in the home folder.
            options: steps, seed, and `out`: where its folder is written, by default `models/<name>` in the home folder.

        Raises:
            InputError: the name, text, kind, seed, steps or encoder cannot be used. LoadError: the code of a system cannot.
            StoppedError: `stop` returned True; nothing is written.
        """
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}", name) or name in SHIPPED:
            raise InputError(
                f"{name!r} cannot name a model of your own. Use letters, digits, '-', '_' and '.', and not the name of "
                "a bundled model."
            )
        how = TrainOptions(**options)
        encoder = self.house.context.whole_name(encoder) if encoder else None
        declared = registry().text_recipes.get(kind)
        if declared is None:
            raise InputError(f"There is no kind of model {kind!r}. Allowed: {', '.join(registry().text_recipes)}.")
        shape = {"steps": declared.steps, **_training(declared).shape}
        recipe = recipe_for(text, name, _kind(declared), how.seed, how.steps, shape)
        return self._train_text(text, declared, recipe, encoder, how.out, progress, stop)

    def _train_text(
        self,
        text: Path | str,
        declared: Recipe,
        recipe: TextRecipe,
        encoder: str | None,
        out: Path | None,
        progress: Progress,
        stop: Stop,
    ) -> ModelInfo:
        folder = (out or self.house.home / "models" / recipe.name).absolute()
        check_model_folder(folder)
        training, given = _training(declared), material(text, recipe)
        training.make(TextJob(self.house, given, recipe, encoder, folder, lambda f, m: progress(0.95 * f, m), stop))
        scoring = stopping(lambda f, m: progress(0.95 + 0.05 * f, m), stop)
        write_text_card(self.house, folder, text, training, scoring, declared.name)
        return info(str(folder))


def _training(declared: Recipe) -> TextTraining:
    """How a recipe trains a model on a text. Raises LoadError, and InputError for a kind that needs a training of its own."""
    _kind(declared)
    if declared.train is None:
        return TextTraining()
    made: TextTraining = registry().code(declared.train, declared, "training", TextTraining)()
    return made


def _kind(declared: Recipe) -> str:
    """The kind of model that the training is told: of the general one, which is for causal models, "base" or "short-term"."""
    if declared.train is not None or declared.kind in KINDS:
        return declared.kind
    if declared.kind != "causal":
        raise InputError(
            f"The recipe {declared.name!r} makes a {declared.kind} model and declares no training (`train`); the general one makes "
            f"causal models. Allowed: {', '.join(n for n, r in registry().text_recipes.items() if r != declared)}."
        )
    return "base"


@long_work("train")
def _train(lab: Lab, progress: Progress, stop: Stop, name: str, out: str | None, steps: int | None) -> ModelInfo:
    return lab.train(name, Path(out) if out else None, steps, progress, stop)


@long_work("train-text")
def _train_text(lab: Lab, progress: Progress, stop: Stop, out: str | None, **how: Any) -> ModelInfo:
    return lab.training.text(out=Path(out) if out else None, progress=progress, stop=stop, **how)
