"""One prompt through model and memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from weakref import ref

from memlab.errors import InputError
from memlab.evaluate.prepare import bundled_stores, prepare_bundled
from memlab.lab.inventory import Inventory
from memlab.lm.catalogue import BUNDLED, info
from memlab.lm.model import LanguageModel
from memlab.memory.changes import Changes
from memlab.memory.overlay import EditedStore
from memlab.memory.retrieval import Encoding, Retrieval, Searchable, check_k, encode, retrieve
from memlab.memory.shelf import Cache
from memlab.methods import method
from memlab.methods.answer import answer
from memlab.methods.declare import Method, checked
from memlab.methods.reading import Progress
from memlab.record.memory_edits import corpus_of, entries_named
from memlab.results import Prediction, Timings

PRESETS = ("calibrated", "paper")
DROPS = 16  # states of memory with neighbors dropped that are kept: each holds an article search of its own


@dataclass(frozen=True)
class Posed:
    """A question with everything decided: who reads it, which memory is searched, and how."""

    prompt: str
    how: Method
    lm: LanguageModel
    store: Searchable
    settings: Any
    search: str
    as_of: int
    without: tuple[int, ...]
    notices: tuple[str, ...]


class Asking(Inventory):
    """Questions."""

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
        name = datastore or self._bundled_for(chosen.kind)
        if preset == "paper":
            return chosen.settings()
        if not self._shelf.is_built(name):
            found = info(name).record.get("calibrated", {}).get(chosen.name, {})
            return checked(chosen.settings, found.get("settings", {}))
        store = self._shelf.open(name)
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
            found = self._shelf.with_key(store, preferred).meta.calibrated[chosen.name]
        return checked(chosen.settings, found["settings"])

    def ask(
        self,
        prompt: str,
        method: str | None = None,
        model: str | None = None,
        datastore: str | None = None,
        as_of: int | None = None,
        preset: str = "calibrated",
        without: Sequence[int] = (),
        **settings: Any,
    ) -> Prediction:
        """One prompt through model and memory.

        Args:
            prompt: a sentence with one [MASK] for a masked model, or the beginning of one for a causal model.
            method: "bert-knn" or "knn-lm"; by default the one that fits the prompt.
            model: the model that answers; by default the one that made the datastore.
            datastore: whose entries are searched; by default the bundled one of the model.
            as_of: the state after so many edits; None is now.
            preset: where settings come from that are not given: "calibrated" or "paper".
            without: entries to leave out, as if they had been forgotten: the answer is the one that
                `lab.forget(entries=...)` would give, and nothing is recorded.
            settings: see `lab.methods()[method].fields()`.

        Raises:
            MemlabError: whatever cannot be used, with what is allowed.
        """
        start = time.perf_counter()
        posed = self._pose(prompt, method, model, datastore, as_of, preset, without, settings)
        s = posed.settings
        check_k(posed.store, s.k)
        encoded, ms_encode = self._encode(posed.lm, prompt, s.key)
        retrieved, ms_search = self._retrieve(posed, encoded, s.k)
        mixing = time.perf_counter()
        prediction = answer(
            posed.how,
            posed.lm,
            posed.store,
            encoded,
            retrieved,
            s,
            workspace=self.workspace,
            notices=posed.notices,
            as_of=posed.as_of,
        )
        done = time.perf_counter()
        timings = Timings(ms_encode, ms_search, 1e3 * (done - mixing), 1e3 * (done - start))
        return replace(prediction, without=posed.without, timings=timings)

    def again(self, p: Prediction, **changed: Any) -> Prediction:
        """The same question with some arguments of `ask` changed, for example `without=[12]` or `lam=0.9`."""
        asked = {"method": p.method, "model": p.model, "datastore": p.datastore, "as_of": p.as_of, "without": p.without}
        return self.ask(p.prompt, **{**asked, **p.settings, **changed})

    def code(self, prediction: Prediction) -> str:
        """Python that gives the same prediction in a notebook."""
        given = ", ".join(f"{name}={value!r}" for name, value in prediction.settings.items())
        left_out = f", without={list(prediction.without)}" if prediction.without else ""
        return (
            "from memlab import Lab\n\n"
            f"lab = Lab.open(workspace={prediction.workspace!r})\n"
            f"p = lab.ask({prediction.prompt!r}, method={prediction.method!r}, model={prediction.model!r},\n"
            f"            datastore={prediction.datastore!r}, as_of={prediction.as_of}{left_out}, {given})\n"
            "p  # a notebook displays it; p.to_dict() has everything\n"
        )

    def _ready(self, name: str, progress: Progress = lambda fraction, message: None) -> None:
        """Builds a bundled datastore that is wanted whole, unless it is there or a job is at it."""
        model = next((m for m in BUNDLED if name == m or (name.startswith(f"{m}-") and name in bundled_stores())), None)
        if model is None or self._shelf.is_built(name):
            return
        job = self.preparation()
        if job is None or job.over:
            prepare_bundled(self.home, model, progress)

    def _pose(
        self,
        prompt: str,
        method: str | None,
        model: str | None,
        datastore: str | None,
        as_of: int | None,
        preset: str,
        without: Sequence[int],
        settings: dict[str, Any],
    ) -> Posed:
        """Everything that a question leaves open, decided. Arguments as in `ask`."""
        how = self._method(prompt, method)
        if model is not None:
            self._right_kind(info(self._whole_name(model)), how)
        name = datastore or self._store_of(model, how.kind)
        s = checked(how.settings, settings, self.settings(how.name, name, preset, settings.get("key")))
        lm, base, notices = self._model_and_store(model, name, how, s.key)
        search = s.search
        if search == "all" and not base.ready:
            search = "articles"
            notices.append("The memory is still being built; only the articles that the prompt is about were searched.")
        store, head = self._as_edited(base, lm, s.key, as_of)
        left_out = tuple(dict.fromkeys(int(entry) for entry in without))
        if left_out:
            store = self._without(base, store, lm, s.key, self._changes(as_of), left_out)
        return Posed(prompt, how, lm, store, s, search, head, left_out, tuple(notices))

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
        return self._drops.get(("edited", base, lm, key, more), lambda: self._laid_over(base, lm, key, more))

    @cached_property
    def _drops(self) -> Cache:
        return Cache(DROPS)

    def _encode(self, lm: LanguageModel, prompt: str, key: str) -> tuple[Encoding, float]:
        """The encoding, and the milliseconds it took now (0 when it was cached)."""
        made: list[float] = []

        def make() -> Encoding:
            encoded = encode(lm, prompt, key)
            made.append(encoded.ms)
            return encoded

        return self._cache.get(("encoding", lm, prompt, key), make), sum(made)

    def _retrieve(self, posed: Posed, encoded: Encoding, k: int) -> tuple[Retrieval, float]:
        """The k nearest entries, and the milliseconds it took to find them now."""
        made: list[float] = []
        s = posed.settings

        def make() -> Retrieval:
            retrieved = retrieve(posed.store, posed.prompt, encoded.key, k, posed.search, s.articles)
            made.append(retrieved.ms)
            return retrieved

        at = ("search", ref(posed.store), posed.lm, posed.prompt, s.key, k, posed.search, s.articles)
        return self._kept(posed).get(at, make), sum(made)

    def _kept(self, posed: Posed) -> Cache:
        """Where results about the memory of a question are kept."""
        return self._drops if posed.without else self._cache
