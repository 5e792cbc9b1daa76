"""Training the two bundled models again that everything else starts from: `memlab train atlas-mlm` and `atlas-clm`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from memlab.corpus.world import atlas
from memlab.declare import Recipe
from memlab.errors import StoppedError
from memlab.evaluate.card import write_card
from memlab.lm.training import RECIPES, train
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.systems.registry import registry


def make(
    house: Any,
    recipe: Recipe,
    out: Path,
    steps: int | None = None,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> Path:
    """Trains the model from scratch on the bundled world, scores its stored weights and writes its card. Raises StoppedError."""

    def scoring(fraction: float, message: str) -> None:
        if stop():
            raise StoppedError(f"Stopped at {fraction:.0%}.")
        progress(0.9 + 0.1 * fraction, message)

    chosen = replace(RECIPES[recipe.name], steps=steps or recipe.steps, seed=recipe.seed)
    train(chosen, atlas(), out, lambda f, m: progress(0.9 * f, m), stop)
    write_card(out, registry().calibrated(chosen.kind), scoring)
    return out
