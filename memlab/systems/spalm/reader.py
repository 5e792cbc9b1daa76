"""SPALM's reader: its frozen encoder computes the queries, its own transformer reads the text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from memlab.declare import checked
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Datastore
from memlab.memory.retrieval import check_k
from memlab.reading.knn_reader import still_building
from memlab.reading.reader import House, Reader, Request, Sources
from memlab.reading.states import Search
from memlab.systems.spalm.combination import check_spalm
from memlab.systems.spalm.declaration import GATES, WITH_KNN, Settings
from memlab.systems.spalm.knn import knn_method
from memlab.systems.spalm.mixture import SpalmMixer
from memlab.systems.spalm.model import SpalmModel, load_encoder


class SpalmReader(Reader):
    """The reader of both methods: SPALM, and SPALM with kNN-LM mixed in after it."""

    def sources(self, request: Request, house: House) -> Sources:
        if request.cache.size:
            raise InputError("The continuous cache mixes distributions; SPALM mixes vectors. Leave the cache out.")
        lm, encoder, whole, s = self._decided(request, house)
        key = lm.record.key
        store = house.edited(whole, encoder, key, request.as_of)
        k = max(s.k, s.knn_k if s.lam else 0)
        check_k(store, k)
        return Sources(
            lm=house.weights(lm, request.as_of),
            base=encoder,
            key=key,
            mixer=SpalmMixer(s.k, s.lam, s.temperature, GATES[s.gate]),
            head=house.head(request.as_of),
            search=Search(store, k, request.leave_out),
            datastore=whole.name,
            gate=s.gate,
            settings=s,
            store_base=whole,
            keys_local=True,
        )

    def defaults(self, request: Request, house: House) -> Any:
        return self._decided(replace(request, settings={}, gate=None), house)[3]

    def _decided(self, request: Request, house: House) -> tuple[SpalmModel, LanguageModel, Datastore, Settings]:
        """The SPALM, its frozen encoder, its memory, and settings."""
        name = request.model or self.method.model
        assert name is not None
        lm = house.load(name)
        if not isinstance(lm, SpalmModel):
            raise InputError(
                f"{lm.name} is not a SPALM. Use {self.method.model}, or train one: memlab train NAME --kind spalm."
            )
        encoder = load_encoder(lm)
        given = dict(request.settings) if request.gate is None else {**request.settings, "gate": request.gate}
        checked(Settings, given)  # before anything is built
        store = self._memory(lm, request, house)
        check_spalm(lm, encoder, store.fingerprint)
        start = Settings(k=lm.record.K)
        if self.method.name == WITH_KNN.name:
            tuned = house.settings(knn_method().name, store.name, request.preset, lm.record.key)
            start = replace(start, lam=tuned.lam, temperature=tuned.temperature, knn_k=tuned.k)
        return lm, encoder, store, checked(Settings, given, start)

    def _memory(self, lm: SpalmModel, request: Request, house: House) -> Datastore:
        """The datastore of the text that the SPALM was trained with, with its encoder's key."""
        name = request.datastore or lm.record.datastore
        house.make_ready(name, request.progress)
        if not house.shelf.is_built(name):
            raise still_building(name)
        store = house.shelf.open(name)
        sibling = f"{name}-{lm.record.key}"
        if store.fingerprint.key != lm.record.key and sibling in house.shelf.names():
            store = house.shelf.open(sibling)
        return store
