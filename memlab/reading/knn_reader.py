"""Reading with p_kNN mixed in: what all methods that mix in the distribution of the nearest neighbors have in common.

That is which memory is searched, by which key, what a single question searches (all entries, or the articles that it
is about), and how a datastore that is still being built is used.
"""

from __future__ import annotations

from typing import Any

from memlab.declare import checked
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.lm.passage import check_causal
from memlab.memory.datastore import Datastore, Searchable
from memlab.memory.overlay import EditedStore
from memlab.memory.retrieval import check_k
from memlab.reading.gates import Constant, KnnGate
from memlab.reading.reader import House, KnnMixer, Reader, Request, Sources
from memlab.reading.states import Search


class KnnReader(Reader):
    """A reader for a method that declares `knn`: settings k, lam, key, and the divisor."""

    def sources(self, request: Request, house: House) -> Sources:
        how = self.method
        assert how.knn is not None
        reading = request.ability != "ask"
        if request.model is not None and reading:
            check_causal(house.load(request.model))
        checked(how.settings, request.settings)  # before anything is built
        name = request.datastore or house.default_store(request.model, how.kind)
        if reading:
            house.make_ready(name, request.progress)
        s = self.settings(name, request, house)
        lm, base, notices = house.model_and_store(request.model, name, how, s.key)
        within = getattr(s, "search", "all")
        if reading:
            base = whole_store(base)
        elif within == "all" and not base.ready:
            within = "articles"
            notices.append("The memory is still being built; only the articles that the prompt is about were searched.")
        gate = self.gate(request.gate or "constant", base, s, house)
        store = house.edited(base, lm, s.key, request.as_of)
        answering = house.weights(lm, request.as_of)
        notices += [*not_remembered(store, lm), *other_keys(answering, lm)]
        check_k(store, s.k)
        mixer = KnnMixer(gate, getattr(s, how.knn.divisor), how.knn.root)
        return Sources(
            answering, lm, s.key, mixer, house.head(request.as_of), Search(store, s.k, request.leave_out),
            base.name, within, getattr(s, "articles", 0), request.gate, s, tuple(notices), base,
        )  # fmt: skip

    def settings(self, datastore: str, request: Request, house: House) -> Any:
        """The request's settings over the defaults of the datastore."""
        start = house.settings(self.method.name, datastore, request.preset, request.settings.get("key"))
        s = checked(self.method.settings, request.settings, start)
        if request.ability != "ask" and getattr(s, "search", "all") != "all":
            raise InputError(
                "Reading searches all entries; article search is for single questions. Leave out `search`."
            )
        return s

    def defaults(self, request: Request, house: House) -> Any:
        name = request.datastore or house.default_store(request.model, self.method.kind)
        start = house.settings(self.method.name, name, request.preset)
        return start if request.ability == "ask" else checked(self.method.settings, {"search": "all"}, start)

    def gate(self, kind: str, store: Searchable, settings: Any, house: House) -> KnnGate:
        """The gate of that name. Raises InputError or NotFound where the method does not have it."""
        if kind != "constant":
            raise InputError(f"{self.method.title} has one gate: constant.")
        return Constant(settings.lam)


def not_remembered(store: Searchable, lm: LanguageModel) -> list[str]:
    """One sentence where edits taught something that has no entry in this memory; else nothing."""
    left = store.left_out if isinstance(store, EditedStore) else []
    if not left:
        return []
    seq, text = left[0]
    more = f" The same holds for {len(left) - 1:,} more." if len(left) > 1 else ""
    return [
        f"Edit {seq} taught {text[:80]!r}, but it has no entry: {lm.name} reads it as a part of a longer word, or as a "
        f"word that is not remembered.{more}"
    ]


def other_keys(answering: LanguageModel, lm: LanguageModel) -> list[str]:
    """One sentence where edits changed the weights that answer but not the keys; else nothing."""
    if answering is lm:
        return []
    return [
        f"Edits changed the weights of {lm.name}. Keys and queries come from the model without these edits, and the "
        "model's own answer from the edited weights, so each question takes two forward passes. On the page Modify "
        "weights the memory can be encoded again with the edited weights."
    ]


def whole_store(store: Searchable) -> Datastore:
    """Raises InputError for a datastore that is still being built."""
    if not isinstance(store, Datastore):
        raise still_building(store.name)
    return store


def still_building(name: str) -> InputError:
    """The error for a datastore that is only partly built."""
    return InputError(f"The datastore {name!r} is still being built; reading needs all of it. Wait, or read with base.")
