"""Making the bundled datastores: build, calibrate, and say how far it is.

A first start takes about a minute; questions are answered meanwhile from the articles they ask for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from memlab.corpus.generator import atlas_articles
from memlab.corpus.world import atlas
from memlab.errors import MemlabError
from memlab.evaluate.calibration import calibrate
from memlab.evaluate.questions import fact_questions, is_validation
from memlab.lm.catalogue import bundled_models, load
from memlab.memory.building import Order, build
from memlab.memory.datastore import Datastore
from memlab.methods import METHODS

# The first key of each is that of the datastore itself; the others become datastores beside it.
BUNDLED_KEYS = {"masked": ("transform", "penultimate", "last"), "causal": ("last", "ffn")}
BUNDLED_METHOD = {"masked": "bert-knn", "causal": "knn-lm"}
BUNDLED_K = {"masked": 128, "causal": 256}


@dataclass(frozen=True)
class BuildProgress:
    """How far one bundled datastore is; `state` is waiting, running, done or failed."""

    name: str
    title: str
    fraction: float = 0.0
    message: str = "waiting"
    state: str = "waiting"
    error: str | None = None

    def to_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "title": self.title,
            "fraction": self.fraction,
            "message": self.message,
            "state": self.state,
            "error": self.error,
        }


def prepare_bundled(home: Path, name: str, progress: Callable[[float, str], None]) -> list[Datastore]:
    """Builds the datastores of one bundled model and calibrates its method, unless that is done."""
    model = load(name)
    order = Order(Path(name).name, BUNDLED_KEYS[model.kind])
    folders = build(home, model, atlas_articles(), order, lambda f, m: progress(0.85 * f, m))
    stores = [Datastore(folder) for folder in folders]
    method = BUNDLED_METHOD[model.kind]
    if any(method not in store.meta.calibrated for store in stores):
        progress(0.9, "calibrating")
        questions = fact_questions(atlas(), model, filter(is_validation, atlas().facts))
        found = {s.name: calibrate(METHODS[method], model, s, questions, BUNDLED_K[model.kind]) for s in stores}
        best = max(found.values(), key=lambda c: (c.p_at_1, c.mean_logp))
        for store in reversed(stores):  # the first one last: it says that all are done
            record = found[store.name].to_dict()
            if store is stores[0]:
                record["preferred_key"] = best.settings["key"]
            replace(store.meta, calibrated={**store.meta.calibrated, method: record}).write(store.path)
        stores = [Datastore(folder) for folder in folders]
    progress(1.0, "done")
    return stores


class Preparation:
    """Makes all bundled datastores of a home folder, one after the other, in a thread of its own."""

    _of_home: ClassVar[dict[Path, Preparation]] = {}
    _guard = threading.Lock()

    def __init__(self, home: Path) -> None:
        self.home = home
        self._states = {m.name: BuildProgress(m.name, f"Memory of {m.name}") for m in bundled_models()}
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, home: Path) -> Preparation:
        """The one preparation of a home folder in this process."""
        with cls._guard:
            return cls._of_home.setdefault(home, cls(home))

    def start(self) -> None:
        """Starts the thread, unless it runs or everything is done."""
        with self._guard:
            unfinished = any(s.state != "done" for s in self._states.values())
            if unfinished and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="memlab-prepare", daemon=True)
                self._thread.start()

    def join(self) -> None:
        """Waits until the thread has ended."""
        if self._thread is not None:
            self._thread.join()

    def states(self) -> list[BuildProgress]:
        """How far each datastore is."""
        return list(self._states.values())

    def _run(self) -> None:
        for name, state in self._states.items():
            if state.state == "done":
                continue
            self._set(name, state="running", message="starting", error=None)
            try:
                prepare_bundled(self.home, name, partial(self._step, name))
            except MemlabError as error:
                self._set(name, state="failed", error=str(error))
            except BaseException as error:
                self._set(name, state="failed", error=f"{type(error).__name__}: {error}")
                raise
            else:
                self._set(name, state="done", fraction=1.0, message="done")

    def _step(self, name: str, fraction: float, message: str) -> None:
        self._set(name, fraction=fraction, message=message)

    def _set(self, name: str, **changes: Any) -> None:
        self._states[name] = replace(self._states[name], **changes)
