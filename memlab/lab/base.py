"""What all parts of the lab stand on: the home folder, its datastores, the ledger and what is cached."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from memlab.corpus.world import MASK
from memlab.errors import InputError
from memlab.lm.catalogue import BUNDLED, ModelInfo, info, load
from memlab.lm.model import LanguageModel
from memlab.memory.overlay import Changes, EditedStore
from memlab.memory.retrieval import Searchable
from memlab.memory.shelf import Cache, Shelf
from memlab.methods import METHODS, method
from memlab.methods.declare import Method
from memlab.record.database import open_database
from memlab.record.ledger import Ledger
from memlab.record.memory_edits import (
    changes_of,
    corpus_of,
)


class Base:
    """A home folder seen from one workspace."""

    def __init__(self, home: Path, workspace: str) -> None:
        self.home, self.workspace = home, workspace
        self._cache = Cache()
        self._shelf = Shelf(home, self._cache)
        self._taught: dict[Any, Any] = {}  # keys of taught texts, shared by all states of the ledger

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(open_database(self.home), self.workspace)

    def _changes(self, as_of: int | None) -> Changes:
        """The fold of the ledger as changes of memory, kept per state of the ledger."""
        head = self._ledger.head_hash()
        return self._cache.get(
            ("changes", self.workspace, head, as_of),
            lambda: changes_of(self._ledger.active(as_of), self._ledger.head() if as_of is None else as_of),
        )

    def _as_edited(self, store: Searchable, lm: LanguageModel, key: str, as_of: int | None) -> tuple[Searchable, int]:
        """The store as the workspace sees it, and the number of the last edit that this view contains."""
        changes = self._changes(as_of)
        if not changes:
            return store, changes.head
        corpus = corpus_of(store)

        def make() -> EditedStore:
            return EditedStore(store, lm, key, changes, corpus, self._taught)

        return self._cache.get(("edited", store, lm, key, changes), make), changes.head

    def _method(self, prompt: str, name: str | None) -> Method:
        return method(name) if name is not None else METHODS["bert-knn" if MASK in prompt else "knn-lm"]

    def _bundled_for(self, kind: str) -> str:
        return next(name for name in BUNDLED if info(name).kind == kind)

    def _model_and_store(
        self, model: str | None, store_name: str, how: Method, key: str
    ) -> tuple[LanguageModel, Searchable, list[str]]:
        if not self._shelf.is_built(store_name):
            lm = load(model or store_name)
            self._right_kind(lm, how)
            pending = self._shelf.pending(store_name, key)
            pending.check(lm)
            return lm, pending, []
        first = self._shelf.open(store_name)
        lm = load(model or first.fingerprint.model)
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
