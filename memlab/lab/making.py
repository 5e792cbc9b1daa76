"""Building datastores and training models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from memlab.corpus.given import Texts, texts_of
from memlab.corpus.one_file import AS_THEY_ARE, TextOptions
from memlab.corpus.readers import Collection, read_collection, read_texts
from memlab.corpus.received import drop_texts, keep_texts
from memlab.corpus.world import atlas
from memlab.errors import InputError, NotFound, StoreError
from memlab.evaluate.card import write_card
from memlab.evaluate.prepare import BUNDLED_KEYS, bundled_stores, own_name, prepare_bundled
from memlab.evaluate.text_card import write_text_card
from memlab.evaluate.text_models import ATLAS, ATLAS_ENCODER, ATLAS_SPALM, make_text_model, recipe_for
from memlab.lab.inventory import Inventory
from memlab.lab.jobs import long_work, obedient
from memlab.lm.catalogue import BUNDLED, ModelInfo, bundled_models, info
from memlab.lm.text_training import TextRecipe
from memlab.lm.training import RECIPES, train
from memlab.memory.building import Order, build, remove_store
from memlab.memory.datastore import verify_store
from memlab.memory.marks import StoreCheck
from memlab.memory.plan import Reading
from memlab.memory.shelf import StoreInfo
from memlab.outside import check_model_folder
from memlab.record.jobs import Progress, Stop
from memlab.results import Article


class Making(Inventory):
    """What takes minutes."""

    def prepare(self, background: bool = True) -> None:
        """Builds and calibrates the bundled datastores, if they are not there; in the background by default.

        In the background, what somebody stopped is left to be resumed by hand.
        """
        if all(self._is_prepared(m.name) for m in bundled_models()):
            return
        job = self.preparation()
        if background and job is not None and job.state == "stopped":
            return
        if job is not None and job.can_resume:
            with suppress(InputError):  # another window or process was faster
                self.resume_job(job.id)
        else:
            job = self.submit("prepare", "Building the bundled memories")
        if not background:
            self.wait_for_job(job.id)

    def build_bundled(
        self, progress: Progress = lambda fraction, message: None, stop: Stop = lambda: False
    ) -> list[StoreInfo]:
        """Builds and calibrates the bundled datastores now; repairs damaged ones."""
        stores = [s for m in bundled_models() for s in prepare_bundled(self.home, m.name, progress, stop)]
        return [self._shelf.info(s.name) for s in stores]

    def _is_prepared(self, name: str) -> bool:
        """Whether the datastores of a bundled model are there and belong to it."""
        try:
            return self._shelf.is_built(name) and bundled_stores() <= set(self._shelf.names())
        except StoreError:
            return False

    def read_texts(self, paths: Iterable[Path]) -> list[Article]:
        """Texts of one's own: txt, md, csv, jsonl, parquet, also .gz; files or folders."""
        return read_texts(paths)

    def texts_of(self, given: Texts, **options: Any) -> Collection:
        """Paths, texts or articles as a collection that `build` and `evaluate_perplexity` take, with a report of how
        they were read. Options: hidden, text_column, without_license; see `memlab.corpus.one_file.TextOptions`.
        """
        return texts_of(given, TextOptions.of(options))

    def build(
        self,
        documents: Texts,
        name: str,
        model: str = "atlas-mlm",
        keys: tuple[str, ...] = (),
        index: str | None = None,
        window: int | None = None,
        stride: int | None = None,
        progress: Progress = lambda fraction, message: None,
        stop: Stop = lambda: False,
    ) -> list[StoreInfo]:
        """Builds a datastore from texts with any model; goes on where an earlier try ended.

        `documents`: paths, texts or articles, `lab.build("letters.txt", name="letters")`; a string is a path where it
        names a file or folder (see `memlab.corpus.given`). What was left out is said by `report` of the result.
        """
        own_name(name)
        lm = self._load(model)
        chosen = keys or BUNDLED_KEYS[lm.kind][:1]
        read = texts_of(documents)
        order = Order(name, chosen, index, Reading(window, stride))
        folders = build(self.home, lm, read.articles, order, progress, stop)
        return [replace(self._shelf.info(folder.name), report=read.report) for folder in folders]

    def build_order(
        self,
        texts: Iterable[Path],
        name: str,
        model: str = "atlas-mlm",
        keys: tuple[str, ...] = (),
        index: str | None = None,
        window: int | None = None,
        stride: int | None = None,
        options: TextOptions = AS_THEY_ARE,
    ) -> dict[str, Any]:
        """The parameters of a job that builds a datastore from files or folders:

            lab.submit("build", "Building letters", **lab.build_order([Path("letters.txt")], "letters"))

        Raises:
            InputError: the name cannot be used.
        """
        own_name(name)
        folder = Path(model).expanduser()
        return {
            "texts": [str(Path(text).absolute()) for text in texts],
            "name": name,
            "model": str(folder.absolute()) if (folder / "config.json").is_file() else model,
            "keys": list(keys),
            "index": index,
            "window": window,
            "stride": stride,
            "options": options.to_dict(),
        }

    def keep_texts(self, files: Iterable[tuple[str, bytes]]) -> list[Path]:
        """Keeps texts that a page received, by name and content, until a job has built a datastore from them."""
        return keep_texts(self.home, files)

    def verify_datastores(self) -> list[StoreCheck]:
        """Whether every byte of the datastores' files is what was built; takes as long as reading them."""
        return [verify_store(self.home, name) for name in self._shelf.names()]

    def delete_datastore(self, name: str, confirm: str) -> None:
        """Deletes a datastore of one's own; `confirm` is its name once more.

        Raises:
            NotFound: no such datastore.
            InputError: it is a bundled one, or `confirm` is another name.
        """
        if name not in self._shelf.names():
            raise NotFound.named("datastore", name, self._shelf.names())
        own_name(name)
        if confirm != name:
            raise InputError(f"To delete the datastore {name!r}, give its name once more; {confirm!r} is another one.")
        remove_store(self.home, name)

    def train(
        self,
        name: str,
        out: Path | None = None,
        steps: int | None = None,
        progress: Progress = lambda fraction, message: None,
        stop: Stop = lambda: False,
    ) -> ModelInfo:
        """Trains a bundled model again from its recipe, scores it and writes its card.

        Args:
            out: where its folder is written; by default `models/<name>` in the home folder.
            steps: other than the recipe's; the card says so.

        Raises:
            NotFound: no such recipe.
            StoppedError: `stop` said so.
        """
        if name == ATLAS_SPALM.name:
            return self._train_text(
                ATLAS, replace(ATLAS_SPALM, steps=steps or ATLAS_SPALM.steps), ATLAS_ENCODER, out, progress, stop
            )
        if name not in RECIPES:
            raise NotFound.named("recipe", name, (*RECIPES, ATLAS_SPALM.name), "A text of your own: --text FILE.")
        recipe = RECIPES[name] if steps is None else replace(RECIPES[name], steps=steps)
        folder = (out or self.home / "models" / name).absolute()
        check_model_folder(folder)
        train(recipe, atlas(), folder, lambda f, m: progress(0.9 * f, m), stop)
        write_card(folder, obedient(lambda f, m: progress(0.9 + 0.1 * f, m), stop))
        return info(str(folder))

    def train_text(
        self,
        name: str,
        text: Path | str,
        kind: str,
        encoder: str | None = None,
        steps: int | None = None,
        seed: int = 0,
        out: Path | None = None,
        progress: Progress = lambda fraction, message: None,
        stop: Stop = lambda: False,
    ) -> ModelInfo:
        """Trains a model from scratch on 90% of a text, scores it and writes its card.

        Args:
            text: a file or folder (txt, md, csv, jsonl, parquet, also .gz), or "atlas", the bundled world.
            kind: "base", "short-term" (memory) or "spalm"; equal seeds and steps read the same tokens.
            encoder: of a SPALM: a base model trained on the same text, by folder or by its name in the home folder.
            out: where its folder is written; by default `models/<name>` in the home folder.

        Raises:
            InputError: the name, text, kind, seed, steps or encoder cannot be used.
            StoppedError: `stop` said so; nothing is written.
        """
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}", name) or name in (*BUNDLED, ATLAS_SPALM.name):
            raise InputError(
                f"{name!r} cannot name a model of one's own. Use letters, digits, '-', '_' and '.', and no bundled model's name."
            )
        encoder = self._whole_name(encoder) if encoder else None
        return self._train_text(text, recipe_for(text, name, kind, seed, steps), encoder, out, progress, stop)

    def _train_text(
        self,
        text: Path | str,
        recipe: TextRecipe,
        encoder: str | None,
        out: Path | None,
        progress: Progress,
        stop: Stop = lambda: False,
    ) -> ModelInfo:
        folder = (out or self.home / "models" / recipe.name).absolute()
        check_model_folder(folder)
        make_text_model(self.home, text, recipe, encoder, folder, lambda f, m: progress(0.95 * f, m), stop)
        write_text_card(self.home, folder, text, obedient(lambda f, m: progress(0.95 + 0.05 * f, m), stop))
        return info(str(folder))


@long_work("prepare", resumable=True, alone=True)
def _prepare(lab: Making, progress: Progress, stop: Stop) -> list[StoreInfo]:
    models = bundled_models()
    for n, m in enumerate(models):
        prepare_bundled(lab.home, m.name, partial(_part, progress, n, len(models), m.name), stop)
    return [info for info in lab.datastores() if info.name in bundled_stores()]


def _part(progress: Progress, n: int, of: int, name: str, fraction: float, message: str) -> None:
    progress((n + fraction) / of, f"{name}: {message}")


@long_work("build", resumable=True)
def _build(
    lab: Making,
    progress: Progress,
    stop: Stop,
    texts: list[str],
    name: str,
    keys: list[str],
    options: Mapping[str, Any] = MappingProxyType({}),
    **order: Any,
) -> list[StoreInfo]:
    progress(0.0, "reading the texts")
    documents = read_collection(map(Path, texts), TextOptions.of(options))
    built = lab.build(documents, name, keys=tuple(keys), progress=progress, stop=stop, **order)
    drop_texts(lab.home, map(Path, texts))
    return built


@long_work("train")
def _train(lab: Making, progress: Progress, stop: Stop, name: str, out: str | None, steps: int | None) -> ModelInfo:
    return lab.train(name, Path(out) if out else None, steps, progress, stop)


@long_work("train-text")
def _train_text(lab: Making, progress: Progress, stop: Stop, out: str | None, **how: Any) -> ModelInfo:
    return lab.train_text(out=Path(out) if out else None, progress=progress, stop=stop, **how)
