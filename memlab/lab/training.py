"""Training models."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.corpus.world import atlas
from memlab.declare import Recipe, load
from memlab.errors import InputError, NotFound
from memlab.evaluate.card import write_card
from memlab.evaluate.text_card import write_text_card
from memlab.evaluate.text_models import ATLAS, TextJob, TextTraining, material, recipe_for
from memlab.lab.house import LabHouse
from memlab.lab.jobs import long_work, stopping
from memlab.lab.preparing import calibrated_method
from memlab.lm.catalogue import SHIPPED, ModelInfo, info
from memlab.lm.text_training import KINDS, TextRecipe
from memlab.lm.training import RECIPES, train
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
        made = {r.name: r for s in registry().systems.values() for r in s.recipes if r.make is not None}
        if name in made:
            folder = (out or self.house.home / "models" / name).absolute()
            check_model_folder(folder)
            load(str(made[name].make))(self.house, made[name], folder, steps, progress, stop)
            return info(str(folder))
        bundled = {r.name: r for r in _recipes() if r.bundled}
        if name in bundled:
            r = bundled[name]
            recipe_of = recipe_for(ATLAS, r.name, r.kind, r.seed, steps or r.steps)
            return self._train_text(ATLAS, recipe_of, r.encoder, out, progress, stop)
        if name not in RECIPES:
            raise NotFound.named("recipe", name, (*RECIPES, *bundled, *made), "A text of your own: --text FILE.")
        recipe = RECIPES[name] if steps is None else replace(RECIPES[name], steps=steps)
        folder = (out or self.house.home / "models" / name).absolute()
        check_model_folder(folder)
        train(recipe, atlas(), folder, lambda f, m: progress(0.9 * f, m), stop)
        write_card(folder, calibrated_method(recipe.kind), stopping(lambda f, m: progress(0.9 + 0.1 * f, m), stop))
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
            kind: "base", "short-term" (memory), or one that a system declares; equal seeds and steps read the same tokens.
            encoder: for a kind that needs a frozen one: a base model trained on the same text, by folder or by its name
                in the home folder.
            options: steps, seed, and `out`: where its folder is written, by default `models/<name>` in the home folder.

        Raises:
            InputError: the name, text, kind, seed, steps or encoder cannot be used.
            StoppedError: `stop` returned True; nothing is written.
        """
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}", name) or name in SHIPPED:
            raise InputError(
                f"{name!r} cannot name a model of your own. Use letters, digits, '-', '_' and '.', and not the name of "
                "a bundled model."
            )
        how = TrainOptions(**options)
        encoder = self.house.context.whole_name(encoder) if encoder else None
        recipe = recipe_for(text, name, kind, how.seed, how.steps, _training(kind).shape)
        return self._train_text(text, recipe, encoder, how.out, progress, stop)

    def _train_text(
        self,
        text: Path | str,
        recipe: TextRecipe,
        encoder: str | None,
        out: Path | None,
        progress: Progress,
        stop: Stop = never_stop,
    ) -> ModelInfo:
        folder = (out or self.house.home / "models" / recipe.name).absolute()
        check_model_folder(folder)
        training, given = _training(recipe.kind), material(text, recipe)
        training.make(TextJob(self.house, given, recipe, encoder, folder, lambda f, m: progress(0.95 * f, m), stop))
        scoring = stopping(lambda f, m: progress(0.95 + 0.05 * f, m), stop)
        write_text_card(self.house, folder, text, training, scoring)
        return info(str(folder))


def _recipes() -> list[Recipe]:
    """The recipes of all systems that train on running text."""
    return [r for system in registry().systems.values() for r in system.recipes if r.train is not None]


def _training(kind: str) -> TextTraining:
    """How a kind of model is trained. Raises InputError for an unknown one."""
    if kind in KINDS:
        return TextTraining()
    found = {r.kind: r.train for r in _recipes()}
    if kind not in found:
        raise InputError(f"There is no kind of model {kind!r}. Allowed: {', '.join((*KINDS, *found))}.")
    made = load(str(found[kind]))()
    assert isinstance(made, TextTraining)
    return made


@long_work("train")
def _train(lab: Lab, progress: Progress, stop: Stop, name: str, out: str | None, steps: int | None) -> ModelInfo:
    return lab.train(name, Path(out) if out else None, steps, progress, stop)


@long_work("train-text")
def _train_text(lab: Lab, progress: Progress, stop: Stop, out: str | None, **how: Any) -> ModelInfo:
    return lab.training.text(out=Path(out) if out else None, progress=progress, stop=stop, **how)
