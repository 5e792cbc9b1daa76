"""One prompt through model and memory, with any method; the other chapters ask through `Asking`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any
from weakref import ref

from memlab.corpus.model_kinds import kind_of_prompt
from memlab.declare import Method
from memlab.errors import InputError
from memlab.lab.context import Context
from memlab.lab.house import LabHouse
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.memory.own_store import OwnStore
from memlab.memory.retrieval import Encoding, Retrieval, Searchable, check_k, encode, retrieve
from memlab.memory.shelf import Cache
from memlab.reading.answering import answer
from memlab.reading.reader import PRESETS, Request, Sources
from memlab.record.memory_edits import corpus_of, entries_named
from memlab.results import Prediction, Timings

__all__ = ["PRESETS", "AskRequest", "Asking", "Question", "split_arguments"]

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
    """A question with all defaults resolved. `without`: entries that are left out of its memory."""

    prompt: str
    how: Method
    sources: Sources
    without: tuple[int, ...] = ()

    @property
    def lm(self) -> LanguageModel:
        """The model that answers."""
        return self.sources.lm

    @property
    def settings(self) -> Any:
        """Settings of the method."""
        return self.sources.settings

    @property
    def store(self) -> Searchable:
        """The memory that is searched. Raises InputError for a method without one."""
        if self.sources.search is None:
            raise InputError(f"{self.how.title} has no memory to look into.")
        return self.sources.search.store


class Asking:
    """Answers single prompts in one workspace."""

    def __init__(self, context: Context, house: LabHouse) -> None:
        self.context, self.house = context, house
        self._dropped = Cache(DROPS)

    def ask(self, prompt: str, **how: Any) -> Prediction:
        """One prompt through model and memory; arguments and errors as `Lab.ask`."""
        return self.answer(AskRequest.of(prompt, how))

    def again(self, p: Prediction, **changed: Any) -> Prediction:
        """The same question with some arguments of `Lab.ask` changed, for example `without=[12]` or `lam=0.9`."""
        asked = {"method": p.method, "model": p.model, "datastore": p.datastore or None, "as_of": p.as_of}
        return self.ask(p.prompt, **{**asked, "without": p.without, **p.settings, **changed})

    def answer(self, request: AskRequest) -> Prediction:
        """The answer to a question; see `Lab.ask`. Raises MemlabError for an argument that cannot be used."""
        start = time.perf_counter()
        question = self.resolve(request)
        encoded, ms_encode = self.encode(question)
        retrieved, ms_search = self.retrieve(question, encoded) if question.sources.search else (None, 0.0)
        mixing = time.perf_counter()
        prediction = answer(question.how, question.sources, encoded, retrieved, self.context.workspace)
        done = time.perf_counter()
        timings = Timings(ms_encode, ms_search, 1e3 * (done - mixing), 1e3 * (done - start))
        return replace(prediction, without=question.without, timings=timings)

    def resolve(self, request: AskRequest) -> Question:
        """Fills in every default of a question. Raises MemlabError for an argument that cannot be used."""
        how = self.house.method("ask", request.method, request.model, request.prompt)
        reader, model = self.house.reader(how), request.model
        wanted = kind_of_prompt(request.prompt).name
        if model is None and request.datastore is None and len(how.kinds) > 1 and wanted in how.kinds:
            model = self.house.default_model(wanted)
        asked = Request(
            "ask",
            how.name,
            model,
            request.datastore,
            request.as_of,
            request.preset,
            leave_out="nothing",
            settings=request.settings,
        )
        asked.check()
        if how.knn is None:  # its memory may have to be built first: an unusable prompt is refused before that
            first = reader.first_model(asked, self.house)
            if first is not None:
                read_prompt(first, request.prompt)
        sources = reader.sources(asked, self.house)
        sources = replace(sources, notices=self.house.notices(sources))
        left_out = tuple(dict.fromkeys(int(entry) for entry in request.without))
        if left_out and sources.search is not None:
            store = self._without(sources, request.as_of, left_out)
            search = replace(sources.search, store=store)
            sources = replace(sources, search=search, mixer=sources.mixer.over(store))
            check_k(sources.search.store, sources.search.k)  # type: ignore[union-attr]
        return Question(request.prompt, how, sources, left_out)

    def _without(self, sources: Sources, as_of: int | None, entries: tuple[int, ...]) -> Searchable:
        """The memory as it would be if its entries of these numbers were forgotten, by way of their sources."""
        assert sources.search is not None
        if isinstance(sources.search.store, OwnStore):
            return sources.search.store.without(entries)
        assert sources.store_base is not None
        seen, base, lm, key = sources.search.store, sources.store_base, sources.base, sources.key
        changes = self.context.changes(as_of)
        more = replace(changes, removed=changes.removed | frozenset(entries_named(seen, corpus_of(seen), entries)))
        return self._dropped.get(("edited", base, lm, key, more), lambda: self.context.new_overlay(base, lm, key, more))

    def encode(self, question: Question) -> tuple[Encoding, float]:
        """The encoding, and the milliseconds that it took (0 when it was cached)."""
        made: list[float] = []
        sources, prompt = question.sources, question.prompt

        def make() -> Encoding:
            encoded = encode(sources.lm, prompt, sources.key, sources.base)
            made.append(encoded.ms)
            return encoded

        return self.context.cache.get(encoding_key(sources, prompt), make), sum(made)

    def retrieve(self, question: Question, encoded: Encoding, k: int | None = None) -> tuple[Retrieval, float]:
        """The k nearest entries (default: as many as the method asks for), and the milliseconds that it took."""
        made: list[float] = []
        s, store = question.sources, question.store
        assert s.search is not None
        number = s.search.k if k is None else k

        def make() -> Retrieval:
            retrieved = retrieve(store, question.prompt, encoded.key, number, s.within, s.articles)
            made.append(retrieved.ms)
            return retrieved

        at = ("search", ref(store), s.base, question.prompt, s.key, number, s.within, s.articles)
        return self.cache_of(question).get(at, make), sum(made)

    def cache_of(self, question: Question) -> Cache:
        """The cache for results about the memory of a question."""
        return self._dropped if question.without else self.context.cache


def encoding_key(sources: Sources, prompt: str) -> tuple[Any, ...]:
    """The key of a prompt's encoding in the cache."""
    return ("encoding", sources.lm, sources.base, prompt, sources.key)


def split_arguments(request: type, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keyword arguments as those that are fields of a request, and the rest: the settings of its method."""
    own = {f.name for f in fields(request)} - {"settings"}
    inside = {name: value for name, value in arguments.items() if name in own}
    return inside, {name: value for name, value in arguments.items() if name not in own}
