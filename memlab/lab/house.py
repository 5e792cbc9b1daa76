"""What methods and studies may use of a lab: models, memories, edits and default settings, as one workspace sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memlab.corpus.model_kinds import kind_of_prompt
from memlab.declare import PROMPTED, Method, checked
from memlab.errors import InputError
from memlab.lab.calibrated import calibration_of
from memlab.lab.context import Context
from memlab.lab.inventory import Inventory
from memlab.lab.preparing import build_if_bundled
from memlab.lm.catalogue import BUNDLED, info
from memlab.lm.formats import checked_format
from memlab.lm.loading import SEQ2SEQ
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Datastore
from memlab.memory.retrieval import Searchable
from memlab.memory.shelf import Shelf
from memlab.progress import Progress, no_progress
from memlab.reading.reader import PRESETS, Reader, Sources
from memlab.systems.registry import registry


class LabHouse:
    """The `House` of `memlab.reading.reader` over one workspace."""

    def __init__(self, context: Context, inventory: Inventory) -> None:
        self.context, self.inventory = context, inventory

    @property
    def home(self) -> Path:
        """The home folder."""
        return self.context.home

    @property
    def shelf(self) -> Shelf:
        """Its datastores."""
        return self.context.shelf

    def load(self, model: str) -> LanguageModel:
        """A model by name, folder or hub name, with its own weights. Raises NotFound, InputError."""
        return self.context.load(model)

    def default_model(self, kind: str) -> str:
        """The bundled model of a kind."""
        return self.context.bundled_for(kind)

    def default_store(self, model: str | None, kind: str) -> str:
        """The datastore that a model made, or the bundled one of the kind. Raises NotFound."""
        return self.inventory.store_of(model, kind)

    def make_ready(self, datastore: str, progress: Progress = no_progress) -> None:
        """Builds a bundled datastore that is not built yet, unless a job is building it."""
        build_if_bundled(self.context, datastore, progress)

    def model_and_store(
        self, model: str | None, datastore: str, method: Method, key: str
    ) -> tuple[LanguageModel, Searchable, list[str]]:
        """The model that made a datastore, the datastore with one kind of key, and notices. Raises StoreError."""
        return self.context.model_and_store(model, datastore, method, key)

    def edited(self, store: Searchable, lm: LanguageModel, key: str, as_of: int | None) -> Searchable:
        """The datastore with the workspace's edits."""
        return self.context.as_edited(store, lm, key, as_of)[0]

    def weights(self, lm: LanguageModel, as_of: int | None) -> LanguageModel:
        """The workspace's weights version of a model: the model itself where no edit changed its weights."""
        return self.context.weights(lm, as_of)

    def state(self, part: str, as_of: int | None) -> Any:
        """A part of the workspace's state after edit `as_of` (None: the last)."""
        return self.context.ledger.state(part, as_of)

    def head(self, as_of: int | None) -> int:
        """Number of the last edit that counts."""
        return self.context.changes(as_of).head

    def settings(
        self, method_name: str, datastore: str | None = None, preset: str = "calibrated", key: str | None = None
    ) -> Any:
        """Default settings of a method: those calibrated on the datastore, or the paper's.

        Each kind of key has its own calibration; without `key`, the one that did best. A method that makes p_kNN as the
        calibrated one does shares its settings of p_kNN. A datastore without calibration gives the paper's settings with
        its own key.

        Raises:
            NotFound: no such method or datastore. InputError: no such preset, or a datastore of another kind of model.
        """
        chosen = registry().method(method_name)
        if preset not in PRESETS:
            raise InputError(f"There is no preset {preset!r}. Allowed: {', '.join(PRESETS)}.")
        if chosen.knn is None:
            return chosen.settings()
        if key is not None:
            checked(chosen.settings, {"key": key})
        name = datastore or self.context.bundled_for(chosen.kind)
        if preset == "paper":
            return self._of_the_paper(chosen, name, key)
        if not self.shelf.is_built(name):
            known = calibration_of(chosen, info(name).record.get("calibrated", {}))
            return checked(chosen.settings, {} if known is None else known.get("settings", {}))
        store = self.shelf.open(name)
        if store.fingerprint.kind not in chosen.kinds:
            raise InputError(
                f"{chosen.title} needs a datastore of a {chosen.kind} model; {name!r} was made by a {store.fingerprint.kind} one."
            )
        found = calibration_of(chosen, store.meta.calibrated)
        if found is None:
            return _papers(chosen, store, store.fingerprint.key)
        preferred = key or found.get("preferred_key", store.fingerprint.key)
        if preferred != store.fingerprint.key:
            if key is None and f"{name}-{preferred}" not in self.shelf.names():  # it was deleted
                return checked(chosen.settings, found["settings"])
            other = self.shelf.with_key(store, preferred)
            found = calibration_of(chosen, other.meta.calibrated)
            if found is None:  # built later, from too little text or by an earlier version
                return _papers(chosen, other, preferred)
        return checked(chosen.settings, found["settings"])

    def _of_the_paper(self, method: Method, name: str, key: str | None) -> Any:
        """The paper's settings; its key only where the datastore has it, else the key that was built."""
        paper = method.settings()
        if name in BUNDLED or not self.shelf.is_built(name):
            return paper
        store = self.shelf.open(name)
        wanted = key or paper.key
        held = wanted == store.fingerprint.key or f"{name}-{wanted}" in self.shelf.names()
        return _papers(method, store, wanted if held else store.fingerprint.key)

    def method(self, ability: str, name: str | None, model: str | None = None, prompt: str = "") -> Method:
        """The method of that name; without a name the one that the model was made for, else the first that fits.

        Args:
            ability: one of `memlab.declare.ABILITIES`. model: the model that will answer, where it is known.
            prompt: a prompt with [MASK] needs a masked model, any other a causal one.

        Raises:
            NotFound: no such method. InputError: it cannot do that, or not with this model, or nothing here reads the model; says why.
        """
        made = info(self.context.whole_name(model)) if model is not None else None
        if made is not None:
            checked_format(made.record, made.name)
        if name is None:
            asked = kind_of_prompt(prompt if ability == "ask" else "")
            kind = made.kind if made and not (asked.fills_gap and made.kind in PROMPTED) else asked.name
            fitting = registry().able(ability, kind)
            name = made.method if made and made.method in fitting else None
            name = name or next((m.name for m in fitting.values() if m.remembers), None) or next(iter(fitting), None)
            if name is None and made is not None:
                hint = registry().hint("encoder-decoder") if made.kind == SEQ2SEQ else ""
                raise InputError(f"{made.name} is {made.kind}, and no method can {ability} with such a model.{hint}")
            if name is None:
                raise InputError(f"No method can {ability} with a {kind} model.")
        how = registry().method(name)
        if made is not None and made.kind not in how.kinds:
            others = ", ".join(registry().able(ability, made.kind)) or "none"
            raise InputError(
                f"{how.title} needs a {how.kind} model; {made.name} is {made.kind}. Methods for it: {others}."
            )
        why = how.why_not(ability)
        if why is not None:
            raise InputError(f"{why} Methods that can: {', '.join(registry().able(ability))}.")
        return how

    def notices(self, sources: Sources) -> tuple[str, ...]:
        """What a person must know about record, model and memory: the record's notices, the model's, the method's."""
        return (*self.context.ledger.notices(), *sources.lm.notes, *sources.notices)

    def reader(self, method: Method) -> Reader:
        """The reader of a method. Raises LoadError where the code that its system declares for it is not there."""
        made: Reader = registry().code(method.reader, method, "reader", Reader)(method)
        return made


def _papers(method: Method, store: Datastore, key: str) -> Any:
    """The paper's settings of a method, with the key of a datastore and at most as many neighbors as it has entries."""
    known = {f.name: f for f in method.fields()}
    return checked(method.settings, {"key": key, "k": min(len(store), known["k"].default)})
