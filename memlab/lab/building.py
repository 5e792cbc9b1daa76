"""Building datastores."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from memlab.corpus.given import Texts
from memlab.corpus.hub_name import hub_name
from memlab.corpus.one_file import AS_THEY_ARE, TextOptions
from memlab.corpus.readers import Collection, read_texts
from memlab.corpus.received import drop_texts, keep_texts
from memlab.errors import InputError, NotFound, StoppedError, StoreError
from memlab.evaluate.prepare import bundled_stores, own_name, prepare_bundled, usual_keys
from memlab.evaluate.store_calibration import calibrate_stores
from memlab.lab.context import Context
from memlab.lab.jobs import Work, long_work
from memlab.lab.preparing import calibrated_method, preparation
from memlab.lm.catalogue import bundled_models
from memlab.lm.model import LanguageModel
from memlab.memory.building import Order, build, remove_store
from memlab.memory.datastore import Datastore, verify_store
from memlab.memory.entries import Reading
from memlab.memory.estimate import Estimate, estimate
from memlab.memory.hub_texts import check_installed, texts_or_hub
from memlab.memory.index_choice import IndexComparison, change_index, compare_indexes
from memlab.memory.marks import StoreCheck
from memlab.memory.shelf import StoreInfo
from memlab.outside import given_path
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.record.job_info import JobInfo
from memlab.results import Article
from memlab.results.contents import Contents

if TYPE_CHECKING:
    from memlab.lab import Lab


@dataclass(frozen=True)
class BuildRequest:
    """A datastore to be built; see `Lab.build` for each field."""

    name: str
    model: str = "atlas-mlm"
    keys: tuple[str, ...] = ()
    index: str | None = None
    window: int | None = None
    stride: int | None = None


class Building:
    """Builds and deletes datastores."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def prepare(self, work: Work, background: bool = True) -> None:
        """Builds and calibrates the bundled datastores that are missing, as a job of `work`; see `Lab.prepare`."""
        if all(self._is_prepared(m.name) for m in bundled_models()):
            return
        job = self.preparation()
        if background and job is not None and job.state == "stopped":
            return
        if job is not None and job.can_resume:
            with suppress(InputError):  # another window or process was faster
                work.resume(job.id)
        else:
            job = work.submit("prepare", "Building the bundled memories")
        if not background:
            work.wait(job.id)

    def bundled(self, progress: Progress = no_progress, stop: Stop = never_stop) -> list[StoreInfo]:
        """Builds and calibrates the bundled datastores now; repairs damaged ones.

        Raises:
            StoppedError: `stop` returned True. HomeError: the home folder cannot be written.
        """
        stores = [
            s
            for m in bundled_models()
            for s in prepare_bundled(self.context.home, m.name, calibrated_method(m.kind), progress, stop)
        ]
        return [self.context.shelf.info(s.name) for s in stores]

    def are_bundled_missing(self) -> bool:
        """Whether a bundled datastore has no folder yet; loads nothing."""
        return not bundled_stores() <= set(self.context.shelf.names())

    def _is_prepared(self, name: str) -> bool:
        """Whether the datastores of a bundled model are there and belong to it."""
        try:
            return self.context.shelf.is_built(name) and not self.are_bundled_missing()
        except StoreError:
            return False

    def preparation(self) -> JobInfo | None:
        """The last job that builds the bundled datastores; None where none was needed. Raises nothing."""
        return preparation(self.context)

    def read_texts(self, paths: Iterable[Path]) -> list[Article]:
        """The user's own texts: txt, md, csv, jsonl, parquet, also .gz; files or folders. Raises InputError."""
        return read_texts(paths)

    def build(
        self,
        documents: Texts,
        request: BuildRequest,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> list[StoreInfo]:
        """Builds a datastore from texts with any model; see `Lab.build`."""
        own_name(request.name)
        lm = self.context.load(request.model)
        chosen = request.keys or usual_key(lm)
        read = texts_or_hub(self.context.home, documents, AS_THEY_ARE, progress, stop)
        order = Order(request.name, chosen, request.index, Reading(request.window, request.stride))
        folders = build(self.context.home, lm, read.articles, order, lambda f, m: progress(0.95 * f, m), stop)
        for store in map(Datastore, folders):
            if store.meta.sources != read.report.sources:
                replace(store.meta, sources=read.report.sources).write(store.path)
        calibrate_own(lm, [Datastore(folder) for folder in folders], progress, stop)
        progress(1.0, "done")
        report = replace(read.report, notices=(*read.report.notices, *lm.notes))
        holds = self.context.shelf.contents(folders[0].name)  # all datastores of one build hold the same texts
        return [replace(self.context.shelf.info(folder.name), report=report, contents=holds) for folder in folders]

    def estimate(self, documents: Texts, request: BuildRequest) -> Estimate:
        """How large the datastore would be and how long its build would take: a sample of the texts is read and measured.

        Raises:
            NotFound: no such model. InputError: texts, key or window that cannot be used.
        """
        lm = self.context.load(request.model)
        reading = Reading(request.window, request.stride)
        return estimate(lm, self.texts_of(documents).articles, request.keys or usual_key(lm), request.index, reading)

    def texts_of(self, given: Texts, options: TextOptions = AS_THEY_ARE) -> Collection:
        """Paths, texts or articles as a collection; see `Lab.texts_of`."""
        return texts_or_hub(self.context.home, given, options)

    def order(
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
        """The parameters of a job that builds a datastore from files, folders, or data sets of the hub:

            lab.work.submit("build", "Building letters", **lab.building.order([Path("letters.txt")], "letters"))

        Raises:
            InputError: the name cannot be used, a data set's name is wrong, or the package that reads it is missing.
        """
        own_name(name)
        folder = given_path(model)
        return {
            "texts": [_absolute(text) for text in texts],
            "name": name,
            "model": str(folder.absolute()) if os.path.isfile(folder / "config.json") else model,
            "keys": list(keys),
            "index": index,
            "window": window,
            "stride": stride,
            "options": options.to_dict(),
        }

    def verify(self) -> list[StoreCheck]:
        """Whether every byte of the datastores' files is what was built; takes as long as reading them. Raises nothing."""
        return [verify_store(self.context.home, name) for name in self.context.shelf.names()]

    def keep_texts(self, files: Iterable[tuple[str, bytes]]) -> list[Path]:
        """Stores texts that a page received, by name and content, until a job has built a datastore from them.

        Returns:
            The files.

        Raises:
            HomeError: the home folder cannot be written.
        """
        return keep_texts(self.context.home, files)

    def info(self, name: str) -> StoreInfo:
        """One datastore. Raises NotFound."""
        if name not in self.context.shelf.names():
            raise NotFound.named("datastore", name, self.context.shelf.names())
        return self.context.shelf.info(name)

    def contents(self, name: str) -> Contents:
        """What a datastore holds: counts, its most frequent values, what it holds more than once, and a sample.

        Raises:
            NotFound: no such datastore. StoreError: it is damaged.
        """
        return self.context.shelf.contents(name)

    def compare_indexes(self, name: str, progress: Progress = no_progress, stop: Stop = never_stop) -> IndexComparison:
        """Recall and time of every index recipe over the keys of a datastore, which is not changed.

        Raises:
            NotFound: no such datastore. InputError: too few entries to compare. StoppedError: `stop` returned True.
        """
        return compare_indexes(self.context.shelf.open(name), progress=progress, stop=stop)

    def change_index(
        self, name: str, recipe: str, progress: Progress = no_progress, stop: Stop = never_stop
    ) -> StoreInfo:
        """Replaces the index of a user's own datastore; nothing is encoded again, and its settings stay.

        Raises:
            NotFound: no such datastore.
            InputError: a bundled one, an unknown recipe, or too few entries for it. StoppedError: `stop` returned True.
        """
        own_name(name)
        change_index(self.context.home, name, recipe, progress, stop)
        return self.context.shelf.info(name)

    def delete(self, name: str, confirm: str) -> None:
        """Deletes a user's own datastore; `confirm` is its name once more.

        Raises:
            NotFound: no such datastore.
            InputError: it is a bundled one, or `confirm` is a different name.
        """
        if name not in self.context.shelf.names():
            raise NotFound.named("datastore", name, self.context.shelf.names())
        own_name(name)
        if confirm != name:
            raise InputError(
                f"To delete the datastore {name!r}, give its name once more; {confirm!r} is a different name."
            )
        remove_store(self.context.home, name)


def usual_key(lm: LanguageModel) -> tuple[str, ...]:
    """The key of a datastore where none is given: for a causal model the paper's (the default of the method that is
    calibrated, where the model has it), for a masked model the one that calibration found best for the bundled model."""
    papers = str(calibrated_method(lm.kind).settings().key)
    return (papers,) if lm.kind == "causal" and papers in lm.keys else usual_keys(lm.kind)[:1]


def calibrate_own(lm: LanguageModel, stores: list[Datastore], progress: Progress, stop: Stop) -> None:
    """Tunes the method of the model's kind on the datastores of one build, and writes what was found into their meta.json
    with the key that did best; leaves them unchanged where that was done before, or where the collection is too small.

    Raises:
        StoppedError: `stop` returned True; the datastores are kept, and building the same again continues here.
    """
    method = calibrated_method(lm.kind)
    if all(method.name in store.meta.calibrated for store in stores):
        return

    def tick(share: float) -> None:
        if stop():
            raise StoppedError("stopped while calibrating; the datastore itself is kept")
        progress(0.95 + 0.05 * share, "calibrating")

    found = calibrate_stores(method, lm, stores, tick)
    if not found:
        return
    best = max(found.values(), key=lambda c: c.mean_logp)
    for store in reversed(stores):  # the first one last: it marks that all are done
        record = {**found[store.name].to_dict(), "preferred_key": best.settings["key"]}
        if store is not stores[0]:
            del record["preferred_key"]
        replace(store.meta, calibrated={**store.meta.calibrated, method.name: record}).write(store.path)


def _absolute(text: Path) -> str:
    """The absolute path of a file or folder, since a job may run elsewhere; the name of a data set unchanged."""
    name = hub_name(text)
    if name is None:
        return str(Path(text).absolute())
    check_installed()
    return str(name)


@long_work("prepare", resumable=True, alone=True)
def _prepare(lab: Lab, progress: Progress, stop: Stop) -> list[StoreInfo]:
    models = bundled_models()
    for n, m in enumerate(models):
        shown = partial(_part, progress, n, len(models), m.name)
        prepare_bundled(lab.home, m.name, calibrated_method(m.kind), shown, stop)
    return [info for info in lab.datastores() if info.name in bundled_stores()]


def _part(progress: Progress, n: int, of: int, name: str, fraction: float, message: str) -> None:
    progress((n + fraction) / of, f"{name}: {message}")


@long_work("compare-indexes")
def _compare_indexes(lab: Lab, progress: Progress, stop: Stop, name: str) -> IndexComparison:
    return lab.building.compare_indexes(name, progress, stop)


@long_work("change-index", resumable=True)
def _change_index(lab: Lab, progress: Progress, stop: Stop, name: str, recipe: str) -> StoreInfo:
    return lab.building.change_index(name, recipe, progress, stop)


@long_work("build", resumable=True)
def _build(
    lab: Lab,
    progress: Progress,
    stop: Stop,
    texts: list[str],
    name: str,
    keys: list[str],
    options: Mapping[str, Any] = MappingProxyType({}),
    **order: Any,
) -> list[StoreInfo]:
    progress(0.0, "reading the texts")
    documents = texts_or_hub(lab.home, map(Path, texts), TextOptions.of(options), progress, stop)
    built = lab.build(documents, name, keys=tuple(keys), progress=progress, stop=stop, **order)
    drop_texts(lab.home, map(Path, texts))
    return built
