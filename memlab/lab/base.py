"""What all parts of the lab stand on: the home folder, its datastores, the ledger and what is cached."""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import ClassVar
from weakref import WeakValueDictionary

from memlab.corpus.world import MASK
from memlab.errors import InputError
from memlab.lm.catalogue import BUNDLED, SHIPPED, ModelInfo, info, load
from memlab.lm.model import LanguageModel
from memlab.memory.changes import Changes
from memlab.memory.kept_keys import KeptKeys
from memlab.memory.overlay import EditedStore
from memlab.memory.retrieval import Searchable
from memlab.memory.shelf import Cache, Shelf
from memlab.memory.taught import Texts
from memlab.methods import METHODS, method
from memlab.methods.declare import Method
from memlab.record.database import open_database
from memlab.record.ledger import Ledger, check_as_of
from memlab.record.memory_edits import corpus_of
from memlab.record.memory_state import MemoryState

STATES = 32  # states of memories that are kept: each holds the keys of what was taught


class Shared:
    """What all labs of a home folder have in common: many workspaces need little more memory than one.

    Nothing in it belongs to one workspace: whatever edits change is kept under the edits themselves.
    """

    _of_home: ClassVar[WeakValueDictionary[Path, Shared]] = WeakValueDictionary()
    _guard = threading.Lock()

    def __init__(self, home: Path) -> None:
        self.cache = Cache()
        self.shelf = Shelf(home, self.cache)
        self.states = Cache(STATES)

    @classmethod
    def of(cls, home: Path) -> Shared:
        """The one of a home folder in this process, for as long as a lab holds it."""
        with cls._guard:
            found = cls._of_home.get(home)
            if found is None:
                found = cls._of_home[home] = cls(home)
            return found


class Base:
    """A home folder seen from one workspace."""

    def __init__(self, home: Path, workspace: str) -> None:
        self.home, self.workspace = home, workspace
        self._shared = Shared.of(home)
        self._cache, self._shelf, self._states = self._shared.cache, self._shared.shelf, self._shared.states
        self._supposed: Changes | None = None  # what holds "now" in a view of an edit that is not made

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(open_database(self.home), self.workspace)

    @cached_property
    def _memory_state(self) -> MemoryState:
        return MemoryState(self._ledger)

    def _changes(self, as_of: int | None) -> Changes:
        """The fold of the ledger as changes of memory, kept per state of the ledger."""
        if as_of is None and self._supposed is not None:
            return self._supposed
        told = self._memory_state.told()
        check_as_of(self.workspace, told.head, as_of)
        return self._states.get(("changes", self.workspace, told.hash, as_of), lambda: told.at(as_of))

    def _as_edited(self, store: Searchable, lm: LanguageModel, key: str, as_of: int | None) -> tuple[Searchable, int]:
        """The store as the workspace sees it, and the number of the last edit that this view contains."""
        changes = self._changes(as_of)
        return self._over(store, lm, key, changes), changes.head

    def _over(self, store: Searchable, lm: LanguageModel, key: str, changes: Changes) -> Searchable:
        """The store with changes laid over it."""
        if not changes:
            return store
        at = ("edited", store, lm, key, changes)
        return self._states.get(at, lambda: self._laid_over(store, lm, key, changes))

    def _laid_over(self, store: Searchable, lm: LanguageModel, key: str, changes: Changes) -> EditedStore:
        """The store with changes, made anew from the texts that all its states share."""
        corpus, texts = self._cache.get(
            ("texts", store, lm, key), lambda: (corpus_of(store), Texts(store, lm, key, KeptKeys(self.home, lm, key)))
        )
        return EditedStore(store, lm, texts, changes, corpus)

    def _method(self, prompt: str, name: str | None) -> Method:
        return method(name) if name is not None else METHODS["bert-knn" if MASK in prompt else "knn-lm"]

    def _load(self, model: str) -> LanguageModel:
        """A model by bundled name, the name that it was trained under here, folder or hub name."""
        return load(self._whole_name(model))

    def _whole_name(self, model: str) -> str:
        """The folder of a model that was trained here; any other name as it is."""
        own = self.home / "models" / model
        return str(own) if model not in SHIPPED and (own / "config.json").is_file() else model

    def _bundled_for(self, kind: str) -> str:
        return next(name for name in BUNDLED if info(name).kind == kind)

    def _model_and_store(
        self, model: str | None, store_name: str, how: Method, key: str
    ) -> tuple[LanguageModel, Searchable, list[str]]:
        if not self._shelf.is_built(store_name):
            lm = self._load(model or store_name)
            self._right_kind(lm, how)
            pending = self._shelf.pending(store_name, key)
            pending.check(lm)
            return lm, pending, []
        first = self._shelf.open(store_name)
        lm = self._load(model or first.fingerprint.model)
        self._right_kind(lm, how)
        first.check(lm)
        store = self._shelf.with_key(first, key)
        store.check(lm, key)
        notices = []
        if store.fingerprint.index != "flat":
            notices.append(f"Found with the approximate index {store.fingerprint.index!r}; distances are exact.")
        return lm, store, notices

    def _right_kind(self, lm: LanguageModel | ModelInfo, how: Method) -> None:
        if lm.kind != how.kind:
            fitting = ", ".join(m.name for m in METHODS.values() if m.kind == lm.kind) or "none"
            raise InputError(
                f"{how.title} needs a {how.kind} model; {lm.name} is {lm.kind}. Methods for it: {fitting}."
            )
