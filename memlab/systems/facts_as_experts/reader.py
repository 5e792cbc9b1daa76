"""The reader: the fact memory with the workspace's edits, and the model that queries it."""

from __future__ import annotations

from typing import Any

from memlab.declare import checked
from memlab.errors import InputError
from memlab.reading.reader import House, Reader, Request, Sources
from memlab.reading.states import Search
from memlab.systems.facts_as_experts.declaration import GATES, MODEL, Settings
from memlab.systems.facts_as_experts.ledger import FACTS, FactState
from memlab.systems.facts_as_experts.mixture import FactMixer
from memlab.systems.facts_as_experts.model import FaeModel
from memlab.systems.facts_as_experts.store import as_fae, memory_name, short_name, store_of


class FactReader(Reader):
    """Chooses the model that answers and the state of its fact memory."""

    def sources(self, request: Request, house: House) -> Sources:
        if request.cache.size:
            raise InputError("The continuous cache mixes distributions; Facts as Experts mixes vectors. Leave it out.")
        s: Settings = checked(Settings, _settings(request))
        lm = self._model(request, house)
        state: FactState = house.state(FACTS, request.as_of)
        store = store_of(lm, state.of(short_name(lm)))
        return Sources(
            lm=lm,
            base=lm,
            key="last",
            mixer=FactMixer(store, GATES[s.gate]),
            head=house.head(request.as_of),
            search=Search(store, min(s.k, len(store.active)), "nothing") if len(store.active) else None,
            datastore=store.name,
            gate=s.gate,
            settings=s,
            store_base=store,
            notices=() if len(store.active) else ("The fact memory is empty; the context alone answers.",),
        )

    def _model(self, request: Request, house: House) -> FaeModel:
        """The model with the workspace's weights. Raises InputError for a model without a fact memory, or if a
        datastore is given."""
        found = as_fae(house.load(request.model or MODEL), MODEL)
        if request.datastore not in (None, memory_name(found.name)):
            raise InputError(
                f"Facts as Experts reads the fact memory of its model, {memory_name(found.name)!r}, not a datastore. Leave "
                f"{request.datastore!r} out."
            )
        return as_fae(house.weights(found, request.as_of), MODEL)

    def defaults(self, request: Request, house: House) -> Any:
        self._model(request, house)
        return Settings()


def _settings(request: Request) -> dict[str, Any]:
    given = dict(request.settings)
    return given if request.gate is None else {**given, "gate": request.gate}
