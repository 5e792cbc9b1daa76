"""What all chapters of the lab share: the home folder, its datastores, the ledger and the caches."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar
from weakref import WeakValueDictionary

from memlab.declare import Method
from memlab.errors import InputError, NotFound
from memlab.lab import calibrated
from memlab.lm.catalogue import BUNDLED, SHIPPED, ModelInfo, info, load
from memlab.lm.model import LanguageModel
from memlab.lm.versions import version_of
from memlab.memory.changes import Changes
from memlab.memory.kept_keys import KeptKeys
from memlab.memory.overlay import EditedStore
from memlab.memory.retrieval import Searchable
from memlab.memory.shelf import Cache, Shelf
from memlab.memory.taught import Texts
from memlab.record.database import open_database
from memlab.record.jobs import Jobs
from memlab.record.ledger import Ledger, check_as_of
from memlab.record.memory_edits import corpus_of
from memlab.record.memory_state import MemoryState
from memlab.record.weights_state import WEIGHTS, WeightsState
from memlab.systems.registry import registry

STATES = 32  # states of memories that are kept: each holds the keys of what was taught


class Shared:
    """What all labs of a home folder share, so that many workspaces need little more memory than one.

    Nothing in it belongs to one workspace: the edits are part of the key of everything that they change.
    """

    _of_home: ClassVar[WeakValueDictionary[Path, Shared]] = WeakValueDictionary()
    _guard = threading.Lock()

    def __init__(self, home: Path) -> None:
        self.cache = Cache()
        self.shelf = Shelf(home, self.cache)
        self.states = Cache(STATES)

    @classmethod
    def of(cls, home: Path) -> Shared:
        """The one object for a home folder in this process, for as long as a lab holds it."""
        with cls._guard:
            found = cls._of_home.get(home)
            if found is None:
                found = cls._of_home[home] = cls(home)
            return found


@dataclass(frozen=True, eq=False)
class Context:
    """A home folder seen from one workspace.

    Args:
        home: the home folder.
        workspace: the name of the workspace.
        shared: datastores and caches that all labs of the home folder share.
        supposed: the changes that count as "now" in a view of an edit that is only tried; None takes the ledger's.
    """

    home: Path
    workspace: str
    shared: Shared = field(repr=False)
    supposed: Changes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, home: Path, workspace: str) -> Context:
        """A workspace of a home folder; loads nothing."""
        return cls(home, workspace, Shared.of(home))

    def supposing(self, changes: Changes) -> Context:
        """The same workspace with other changes as "now", only for asking. The context itself is not changed."""
        return replace(self, supposed=changes)

    @property
    def shelf(self) -> Shelf:
        """The datastores of the home folder."""
        return self.shared.shelf

    @property
    def cache(self) -> Cache:
        """Encodings, searches and views; the key of each holds everything that its result depends on."""
        return self.shared.cache

    @property
    def states(self) -> Cache:
        """Memories as edits changed them."""
        return self.shared.states

    @cached_property
    def ledger(self) -> Ledger:
        """The recorded edits of the workspace."""
        registry()  # a ledger may hold edits of any system's kinds
        return Ledger(open_database(self.home), self.workspace)

    @cached_property
    def memory_state(self) -> MemoryState:
        """The fold of the ledger over its memory edits."""
        return MemoryState(self.ledger)

    @property
    def jobs(self) -> Jobs:
        """The recorded jobs of the home folder."""
        return Jobs.of(open_database(self.home))

    # Memory as the workspace sees it

    def changes(self, as_of: int | None) -> Changes:
        """The edits up to number `as_of` (None: all) as changes of memory, kept per state of the ledger.

        Raises:
            InputError: `as_of` is outside 0 to the last edit.
        """
        if as_of is None and self.supposed is not None:
            return self.supposed
        snapshot = self.memory_state.snapshot()
        check_as_of(self.workspace, snapshot.head, as_of)
        return self.states.get(("changes", self.workspace, snapshot.hash, as_of), lambda: snapshot.at(as_of))

    def as_edited(self, store: Searchable, lm: LanguageModel, key: str, as_of: int | None) -> tuple[Searchable, int]:
        """The store as the workspace sees it, and the number of the last edit that this view contains."""
        changes = self.changes(as_of)
        return self.with_changes(store, lm, key, changes), changes.head

    def with_changes(self, store: Searchable, lm: LanguageModel, key: str, changes: Changes) -> Searchable:
        """The store with changes applied, cached with the states of memory."""
        if not changes:
            return store
        at = ("edited", store, lm, key, changes)
        return self.states.get(at, lambda: self.new_overlay(store, lm, key, changes))

    def new_overlay(self, store: Searchable, lm: LanguageModel, key: str, changes: Changes) -> EditedStore:
        """A new overlay: the store with changes, from the texts that all its states share."""
        corpus, texts = self.cache.get(
            ("texts", store, lm, key), lambda: (corpus_of(store), Texts(store, lm, key, KeptKeys(self.home, lm, key)))
        )
        return EditedStore(store, lm, texts, changes, corpus)

    # Models

    def weights(self, lm: LanguageModel, as_of: int | None) -> LanguageModel:
        """A model with the weights that the workspace's edits (up to `as_of`) give it; itself where none changes them.

        Raises:
            DeltaError: the file of an edit is missing or was changed. InputError: `as_of` is outside 0 to the last edit.
        """
        state = self.weights_state(as_of)
        if not state.edits:
            return lm
        exact = lm.exact()  # weights are edited in float32
        refs = state.refs(exact.weights_hash)
        return version_of(exact, refs, self.home) if refs else lm

    def weights_state(self, as_of: int | None = None) -> WeightsState:
        """The edits of weights that hold now, or held after edit `as_of`."""
        registry()  # registers the systems' kinds of edits
        state: WeightsState = self.ledger.state(WEIGHTS, as_of)
        return state

    def load(self, model: str, dtype: str | None = None) -> LanguageModel:
        """A model by bundled name, the name that it was trained under here, folder or hub name. Raises NotFound.

        Args:
            dtype: the type that a datastore needs; None for the one chosen for this machine.
        """
        return load(self.whole_name(model), dtype)

    def whole_name(self, model: str) -> str:
        """The folder of a model that was trained here; any other name unchanged."""
        own = self.home / "models" / model
        return str(own) if model not in SHIPPED and os.path.isfile(own / "config.json") else model

    def bundled_for(self, kind: str) -> str:
        """The name of the bundled model of a kind, which is also that of its datastore. Raises NotFound without one."""
        for name in BUNDLED:
            if info(name).kind == kind:
                return name
        raise NotFound(
            f"memlab ships no {kind} model, and no datastore of one. Name a model or a datastore that fits, or choose a method "
            f"for a masked or causal model."
        )

    def model_and_store(
        self, model: str | None, store_name: str, how: Method, key: str
    ) -> tuple[LanguageModel, Searchable, list[str]]:
        """The model that answers (default: the one that made the datastore), the datastore with this key, notices.

        Raises:
            InputError: model, datastore and method do not belong together.
            NotFound: no such model or datastore.
        """
        if not self.shelf.is_built(store_name):
            lm = self.load(model or store_name)
            self.check_kind(lm, how)
            on_demand = self.shelf.on_demand(store_name, key)
            on_demand.check(lm)
            return lm, on_demand, calibrated.notice(how, store_name, info(store_name).record.get("calibrated", {}))
        first = self.shelf.open(store_name)
        lm = self.load(model or first.fingerprint.model, first.fingerprint.precision)
        self.check_kind(lm, how)
        first.check(lm)
        store = self.shelf.with_key(first, key)
        store.check(lm, key)
        notices = calibrated.notice(how, store_name, first.meta.calibrated)
        if store.fingerprint.index != "flat":
            notices.append(f"Found with the approximate index {store.fingerprint.index!r}; distances are exact.")
        return lm, store, notices

    def check_kind(self, lm: LanguageModel | ModelInfo, how: Method) -> None:
        """Raises InputError for a model of another kind than the method needs."""
        if lm.kind not in how.kinds:
            fitting = ", ".join(registry().able("ask", lm.kind)) or "none"
            raise InputError(
                f"{how.title} needs a {how.kind} model; {lm.name} is {lm.kind}. Methods for it: {fitting}."
            )
