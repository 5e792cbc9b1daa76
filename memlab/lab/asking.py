"""One prompt through model and memory."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from memlab.errors import InputError
from memlab.lab.inventory import Inventory
from memlab.lm.catalogue import info
from memlab.lm.model import LanguageModel
from memlab.memory.retrieval import Encoding, Retrieval, Searchable, check_k, encode, retrieve
from memlab.methods import method
from memlab.methods.answer import answer
from memlab.methods.declare import checked
from memlab.results import Prediction, Timings

PRESETS = ("calibrated", "paper")


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
            settings: see `lab.methods()[method].fields()`.

        Raises:
            MemlabError: whatever cannot be used, with what is allowed.
        """
        start = time.perf_counter()
        how = self._method(prompt, method)
        if model is not None:
            self._right_kind(info(model), how)
        store_name = datastore or self._store_of(model, how.kind)
        s = checked(how.settings, settings, self.settings(how.name, store_name, preset, settings.get("key")))
        lm, store, notices = self._model_and_store(model, store_name, how, s.key)
        search = s.search
        if search == "all" and not store.ready:
            search = "articles"
            notices.append("The memory is still being built; only the articles that the prompt is about were searched.")
        store, as_of = self._as_edited(store, lm, s.key, as_of)
        check_k(store, s.k)
        encoded, ms_encode = self._encode(lm, prompt, s.key)
        retrieved, ms_search = self._retrieve(store, prompt, encoded, lm, s, search)
        mixing = time.perf_counter()
        prediction = answer(
            how, lm, store, encoded, retrieved, s, workspace=self.workspace, notices=tuple(notices), as_of=as_of
        )
        done = time.perf_counter()
        timings = Timings(ms_encode, ms_search, 1e3 * (done - mixing), 1e3 * (done - start))
        return replace(prediction, timings=timings)

    def code(self, prediction: Prediction) -> str:
        """Python that gives the same prediction in a notebook."""
        given = ", ".join(f"{name}={value!r}" for name, value in prediction.settings.items())
        return (
            "from memlab import Lab\n\n"
            f"lab = Lab.open(workspace={prediction.workspace!r})\n"
            f"p = lab.ask({prediction.prompt!r}, method={prediction.method!r}, model={prediction.model!r},\n"
            f"            datastore={prediction.datastore!r}, as_of={prediction.as_of}, {given})\n"
            "p  # a notebook displays it; p.to_dict() has everything\n"
        )

    def _encode(self, lm: LanguageModel, prompt: str, key: str) -> tuple[Encoding, float]:
        """The encoding, and the milliseconds it took now (0 when it was cached)."""
        made: list[float] = []

        def make() -> Encoding:
            encoded = encode(lm, prompt, key)
            made.append(encoded.ms)
            return encoded

        return self._cache.get(("encoding", lm, prompt, key), make), sum(made)

    def _retrieve(
        self, store: Searchable, prompt: str, encoded: Encoding, lm: LanguageModel, s: Any, search: str
    ) -> tuple[Retrieval, float]:
        made: list[float] = []

        def make() -> Retrieval:
            retrieved = retrieve(store, prompt, encoded.key, s.k, search, s.articles)
            made.append(retrieved.ms)
            return retrieved

        at = ("search", store, lm, prompt, s.key, s.k, search, s.articles)
        return self._cache.get(at, make), sum(made)
