"""Building datastores and training models."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from memlab.corpus.readers import read_texts
from memlab.corpus.world import atlas
from memlab.errors import InputError, NotFound
from memlab.evaluate.card import write_card
from memlab.evaluate.prepare import (
    BUNDLED_KEYS,
    BuildProgress,
    Preparation,
    prepare_bundled,
)
from memlab.lab.inventory import Inventory
from memlab.lm.catalogue import BUNDLED, ModelInfo, bundled_models, info, load
from memlab.lm.training import RECIPES, train
from memlab.memory.building import Order, Progress, build
from memlab.memory.plan import Reading
from memlab.memory.shelf import StoreInfo
from memlab.results import Article


class Making(Inventory):
    """What takes minutes."""

    def prepare(self, background: bool = True) -> None:
        """Builds and calibrates the bundled datastores, if they are not there; in the background by default."""
        preparation = Preparation.of(self.home)
        preparation.start()
        if not background:
            preparation.join()

    def progress(self) -> list[BuildProgress]:
        """How far the bundled datastores are."""
        return Preparation.of(self.home).states()

    def build_bundled(self, progress: Progress = lambda fraction, message: None) -> list[StoreInfo]:
        """Builds and calibrates the bundled datastores now; repairs damaged ones."""
        stores = [s for m in bundled_models() for s in prepare_bundled(self.home, m.name, progress)]
        return [self._shelf.info(s.name) for s in stores]

    def read_texts(self, paths: Iterable[Path]) -> list[Article]:
        """Texts of one's own: txt, md, csv, jsonl, parquet, also .gz; files or folders."""
        return read_texts(paths)

    def build(
        self,
        documents: list[Article],
        name: str,
        model: str = "atlas-mlm",
        keys: tuple[str, ...] = (),
        index: str | None = None,
        window: int | None = None,
        stride: int | None = None,
        progress: Progress = lambda fraction, message: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> list[StoreInfo]:
        """Builds a datastore from texts with any model; goes on where an earlier try ended."""
        if name in BUNDLED:
            raise InputError(f"The name {name!r} belongs to a bundled datastore. Choose another one.")
        lm = load(model)
        chosen = keys or BUNDLED_KEYS[lm.kind][:1]
        folders = build(self.home, lm, documents, Order(name, chosen, index, Reading(window, stride)), progress, stop)
        return [self._shelf.info(folder.name) for folder in folders]

    def train(
        self,
        name: str,
        out: Path | None = None,
        steps: int | None = None,
        progress: Progress = lambda fraction, message: None,
    ) -> ModelInfo:
        """Trains a bundled model again from its recipe, scores it and writes its card.

        Args:
            out: where its folder is written; by default `models/<name>` in the home folder.
            steps: other than the recipe's; the card says so.
        """
        if name not in RECIPES:
            raise NotFound.named("recipe", name, RECIPES)
        recipe = RECIPES[name] if steps is None else replace(RECIPES[name], steps=steps)
        folder = train(
            recipe, atlas(), (out or self.home / "models" / name).absolute(), lambda f, m: progress(0.9 * f, m)
        )
        write_card(folder, lambda f, m: progress(0.9 + 0.1 * f, m))
        return info(str(folder))
