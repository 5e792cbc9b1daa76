"""One prompt through model and memory, with the methods that mix two distributions."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any
from weakref import ref

from memlab.errors import InputError
from memlab.lab.context import Context
from memlab.lab.inventory import Inventory
from memlab.lm.catalogue import info
from memlab.lm.model import LanguageModel
from memlab.memory.changes import Changes
from memlab.memory.overlay import EditedStore
from memlab.memory.retrieval import Encoding, Retrieval, Searchable, check_k, encode, retrieve
from memlab.memory.shelf import Cache
from memlab.methods import method
from memlab.methods.answer import answer
from memlab.methods.declare import Method, checked
from memlab.record.memory_edits import corpus_of, entries_named
from memlab.results import Prediction, Timings

PRESETS = ("calibrated", "paper")
DROPS = 16  # states of memory with neighbors dropped that are kept: each holds an article search of its own


@dataclass(frozen=True)
class AskRequest:
    """A question as it was asked; see `Lab.ask` for each argument."""

    prompt: str
    method: str | None = None
    model: str | None = None
    datastore: str | None = None
    as_of: int | None = None
    preset: str = "calibrated"
    without: Sequence[int] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, prompt: str, arguments: Mapping[str, Any]) -> AskRequest:
        """From keyword arguments of `Lab.ask`: what is not a field here is a setting of the method."""
        own, settings = split_arguments(cls, arguments)
        return cls(prompt, **own, settings=settings)


@dataclass(frozen=True)
class Question:
    """A question with all defaults resolved: the model, the memory that is searched, method and settings."""

    prompt: str
    how: Method
    lm: LanguageModel
    store: Searchable
    settings: Any
    search: str
    as_of: int
    without: tuple[int, ...]
    notices: tuple[str, ...]


class Asking:
    """Questions to the methods that mix the distribution of a model with that of its memory."""

    def __init__(self, context: Context, inventory: Inventory) -> None:
        self.context, self.inventory = context, inventory
        self._dropped = Cache(DROPS)

    def settings(
        self, method_name: str, datastore: str | None = None, preset: str = "calibrated", key: str | None = None
    ) -> Any:
        """Default settings of a method: those calibrated on the datastore, or the paper's.

        Each kind of key has a calibration of its own; without `key`, the one that did best. A datastore
        without calibration gives the paper's settings with its own key.
        """
        chosen = method(method_name)
        if preset not in PRESETS:
            raise InputError(f"There is no preset {preset!r}. Allowed: {', '.join(PRESETS)}.")
        if key is not None:
            checked(chosen.settings, {"key": key})
        name = datastore or self.context.bundled_for(chosen.kind)
        if preset == "paper":
            return chosen.settings()
        if not self.context.shelf.is_built(name):
            found = info(name).record.get("calibrated", {}).get(chosen.name, {})
            return checked(chosen.settings, found.get("settings", {}))
        store = self.context.shelf.open(name)
        if store.fingerprint.kind != chosen.kind:
            raise InputError(
                f"{chosen.title} needs a datastore of a {chosen.kind} model; {name!r} was made by a {store.fingerprint.kind} one."
            )
        found = store.meta.calibrated.get(chosen.name)
        if found is None:
            known = {f.name: f for f in chosen.fields()}
            return checked(chosen.settings, {"key": store.fingerprint.key, "k": min(len(store), known["k"].default)})
        preferred = key or found.get("preferred_key", store.fingerprint.key)
        if preferred != store.fingerprint.key:
            found = self.context.shelf.with_key(store, preferred).meta.calibrated[chosen.name]
        return checked(chosen.settings, found["settings"])

    def ask(self, request: AskRequest) -> Prediction:
        """The answer to a question; see `Lab.ask`. Raises MemlabError for whatever cannot be used."""
        start = time.perf_counter()
        question = self.resolve(request)
        s = question.settings
        check_k(question.store, s.k)
        encoded, ms_encode = self.encode(question.lm, question.prompt, s.key)
        retrieved, ms_search = self.retrieve(question, encoded, s.k)
        mixing = time.perf_counter()
        prediction = answer(
            question.how,
            question.lm,
            question.store,
            encoded,
            retrieved,
            s,
            workspace=self.context.workspace,
            notices=question.notices,
            as_of=question.as_of,
        )
        done = time.perf_counter()
        timings = Timings(ms_encode, ms_search, 1e3 * (done - mixing), 1e3 * (done - start))
        return replace(prediction, without=question.without, timings=timings)

    def resolve(self, request: AskRequest) -> Question:
        """Fills in every default of a question. Raises MemlabError for whatever cannot be used."""
        model, as_of = request.model, request.as_of
        how = self.context.method(request.prompt, request.method)
        if model is not None:
            self.context.check_kind(info(self.context.whole_name(model)), how)
        name = request.datastore or self.inventory.store_of(model, how.kind)
        given = request.settings
        s = checked(how.settings, given, self.settings(how.name, name, request.preset, given.get("key")))
        lm, base, notices = self.context.model_and_store(model, name, how, s.key)
        search = s.search
        if search == "all" and not base.ready:
            search = "articles"
            notices.append("The memory is still being built; only the articles that the prompt is about were searched.")
        store, head = self.context.as_edited(base, lm, s.key, as_of)
        left_out = tuple(dict.fromkeys(int(entry) for entry in request.without))
        if left_out:
            store = self._without(base, store, lm, s.key, self.context.changes(as_of), left_out)
        return Question(request.prompt, how, lm, store, s, search, head, left_out, tuple(notices))

    def _without(
        self,
        base: Searchable,
        seen: Searchable,
        lm: LanguageModel,
        key: str,
        changes: Changes,
        entries: tuple[int, ...],
    ) -> EditedStore:
        """The store `seen` as it would be if its entries of these numbers were forgotten, by way of their sources."""
        corpus = corpus_of(seen)
        gone = changes.removed | frozenset(entries_named(seen, corpus, entries))
        more = replace(changes, removed=gone)
        return self._dropped.get(("edited", base, lm, key, more), lambda: self.context.new_overlay(base, lm, key, more))

    def encode(self, lm: LanguageModel, prompt: str, key: str) -> tuple[Encoding, float]:
        """The encoding, and the milliseconds it took now (0 when it was cached)."""
        made: list[float] = []

        def make() -> Encoding:
            encoded = encode(lm, prompt, key)
            made.append(encoded.ms)
            return encoded

        return self.context.cache.get(("encoding", lm, prompt, key), make), sum(made)

    def retrieve(self, question: Question, encoded: Encoding, k: int) -> tuple[Retrieval, float]:
        """The k nearest entries, and the milliseconds it took to find them now."""
        made: list[float] = []
        s = question.settings

        def make() -> Retrieval:
            retrieved = retrieve(question.store, question.prompt, encoded.key, k, question.search, s.articles)
            made.append(retrieved.ms)
            return retrieved

        at = ("search", ref(question.store), question.lm, question.prompt, s.key, k, question.search, s.articles)
        return self.cache_of(question).get(at, make), sum(made)

    def cache_of(self, question: Question) -> Cache:
        """Where results about the memory of a question are kept."""
        return self._dropped if question.without else self.context.cache


def split_arguments(request: type, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keyword arguments as those that are fields of a request, and the rest: the settings of its method."""
    own = {f.name for f in fields(request)} - {"settings"}
    inside = {name: value for name, value in arguments.items() if name in own}
    return inside, {name: value for name, value in arguments.items() if name not in own}
