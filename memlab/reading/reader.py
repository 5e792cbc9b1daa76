"""What a method must define to answer: a `Reader`, which decides what reads and what is searched, and a `Mixer`.

A request (a prompt, a passage, a generation, with settings) goes through a method in two steps:

1. `Reader.sources(request, house)` decides everything that the request leaves open: which model answers, whose keys are
   compared, which memory is searched, with which settings. Nothing is computed yet.
2. After the forward pass and the search, `Mixer.mixture(inputs)` gives the distributions: a `Mixture`.

`House` is what a reader may use of the home folder and the workspace.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from memlab.declare import Method
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Searchable
from memlab.memory.leave_out import LEAVE_OUT
from memlab.memory.shelf import Shelf
from memlab.progress import Progress, no_progress
from memlab.reading.cache import SPREAD
from memlab.reading.gates import KnnGate
from memlab.reading.mixture import KnnMixture, Mixture, MixtureInputs, lambdas
from memlab.reading.states import Search
from memlab.results.gate import NO_GATE, GateInfo, lambda_gate

PRESETS = ("calibrated", "paper")


@dataclass(frozen=True)
class CacheOptions:
    """The continuous cache over what was read.

    size: words remembered, 0 is off. theta: how sharply similar states are preferred; None makes theta times the mean
    squared length of the states `spread`. lam: weight of the cache.
    """

    size: int = 0
    theta: float | None = None
    lam: float = 0.1
    spread: float = SPREAD


NO_CACHE = CacheOptions()


@dataclass(frozen=True)
class Request:
    """What is asked of a method, before models and memories are chosen.

    Args:
        ability: "ask", "read" or "generate".
        model, datastore: None takes those that belong to the method or to each other.
        as_of: the state of the workspace after that many edits; None is now.
        preset: where the settings that are not given come from, one of `PRESETS`.
        gate: name of a gate, of those that the method declares; None is its default.
        short_term: tokens of short-term memory. window, stride: how a text is cut. cache: see `CacheOptions`.
        leave_out: which entries a text may not find: "self", "near" or "nothing".
        settings: of the method, name -> value.
    """

    ability: str
    method: str
    model: str | None = None
    datastore: str | None = None
    as_of: int | None = None
    preset: str = "calibrated"
    gate: str | None = None
    short_term: int = 0
    window: int | None = None
    stride: int | None = None
    cache: CacheOptions = NO_CACHE
    leave_out: str = "self"
    settings: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = field(default=no_progress, repr=False, compare=False)

    def check(self) -> None:
        """Raises InputError for what is wrong whatever the model."""
        if self.preset not in PRESETS:
            raise InputError(f"There is no preset {self.preset!r}. Allowed: {', '.join(PRESETS)}.")
        if self.leave_out not in LEAVE_OUT:
            raise InputError(f"leave_out is {self.leave_out!r}; allowed is one of {', '.join(LEAVE_OUT)}.")
        whole = {"short_term": self.short_term, "cache": self.cache.size}
        for name, value in {**whole, "window": self.window, "stride": self.stride}.items():
            if isinstance(value, bool) or not isinstance(value, int if name in whole else int | None):
                raise InputError(f"{name} is {value!r}; allowed is a whole number.")
        if self.cache.theta is not None and not (math.isfinite(self.cache.theta) and self.cache.theta > 0):
            raise InputError(f"theta is {self.cache.theta}; allowed is a number above 0.")
        if self.cache.size < 0 or not 0 <= self.cache.lam <= 1:
            raise InputError("The continuous cache needs a size of 0 (off) or more, and lam_cache from 0 to 1.")


class House(Protocol):
    """What a reader may use: models, memories and edits as one workspace sees them."""

    @property
    def home(self) -> Path:
        """The home folder."""

    @property
    def shelf(self) -> Shelf:
        """Its datastores."""

    def load(self, model: str) -> LanguageModel:
        """A model by name, folder or hub name, with its own weights. Raises NotFound, InputError."""

    def default_model(self, kind: str) -> str:
        """The bundled model of a kind."""

    def default_store(self, model: str | None, kind: str) -> str:
        """The datastore that a model made, or the bundled one of the kind. Raises NotFound."""

    def settings(self, method_name: str, datastore: str | None, preset: str, key: str | None = None) -> Any:
        """Default settings of a method for a datastore."""

    def make_ready(self, datastore: str, progress: Progress) -> None:
        """Builds a bundled datastore that is not built yet."""

    def model_and_store(
        self, model: str | None, datastore: str, method: Method, key: str
    ) -> tuple[LanguageModel, Searchable, list[str]]:
        """The model that made a datastore, the datastore with one kind of key, and notices. Raises StoreError."""

    def edited(self, store: Searchable, lm: LanguageModel, key: str, as_of: int | None) -> Searchable:
        """The datastore with the workspace's edits."""

    def weights(self, lm: LanguageModel, as_of: int | None) -> LanguageModel:
        """The workspace's weights version of a model: the model itself where no edit changed its weights."""

    def state(self, part: str, as_of: int | None) -> Any:
        """A part of the workspace's state ("facts", "beliefs", ...) after edit `as_of` (None: the last)."""

    def head(self, as_of: int | None) -> int:
        """Number of the last edit that counts."""


class Mixer(ABC):
    """How states and neighbors are mixed: what a method computes after forward pass and search.

    gate: what its gate is. shown: how many of the neighbors take part; None is all of them.
    asks: decides before the search whether a token is searched at all; None searches always.
    takes_cache: whether the continuous cache can be mixed in.
    """

    gate: GateInfo = NO_GATE
    shown: int | None = None
    asks: KnnGate | None = None
    takes_cache: bool = True

    @abstractmethod
    def mixture(self, inputs: MixtureInputs) -> Mixture:
        """The distributions of all positions."""

    def over(self, store: Searchable) -> Mixer:
        """The same mixing for another state of the memory; itself where it does not depend on the memory."""
        return self


@dataclass(frozen=True)
class ModelAlone(Mixer):
    """No long-term memory."""

    def mixture(self, inputs: MixtureInputs) -> Mixture:
        return KnnMixture(inputs)


@dataclass(frozen=True)
class KnnMixer(Mixer):
    """Mixes p_kNN with the model's distribution, by a gate that gives lambda.

    Args:
        knn_gate: gives lambda of each token. divisor: temperature or scale. root: whether distances are Euclidean.
    """

    knn_gate: KnnGate
    divisor: float
    root: bool = False

    @property
    def gate(self) -> GateInfo:  # type: ignore[override]
        return lambda_gate(self.knn_gate.kind)

    @property
    def asks(self) -> KnnGate | None:  # type: ignore[override]
        return self.knn_gate if self.knn_gate.saves_searches else None

    def mixture(self, inputs: MixtureInputs) -> Mixture:
        if inputs.found is None:
            return KnnMixture(inputs)
        lam = lambdas(self.knn_gate, inputs.lm, inputs.states, inputs.found)
        used = inputs.with_distances(np.sqrt(inputs.found.distances)) if self.root else inputs
        return KnnMixture(used, lam, self.divisor, self.gate)


@dataclass(frozen=True)
class Sources:
    """Everything that a request left open, as the reader decided it.

    Args:
        lm: the model that answers (a weights version where the workspace changed weights).
        base: the model whose states are the query keys, with its own weights. key: which of its representations.
        mixer: how they are mixed. head: number of the last edit that counts.
        search: the memory; None without. datastore: its name. within: "all", or "articles" (`articles` of them).
        gate: the name under which a request would ask for this gate. settings: of the method, None without any.
        store_base: the memory without the workspace's edits. keys_local: see `memlab.reading.passes.Order`.
        cache: the method's own continuous cache, in place of the request's.
    """

    lm: LanguageModel
    base: LanguageModel
    key: str
    mixer: Mixer
    head: int
    search: Search | None = None
    datastore: str | None = None
    within: str = "all"
    articles: int = 0
    gate: str | None = None
    settings: Any = None
    notices: tuple[str, ...] = ()
    store_base: Searchable | None = None
    keys_local: bool = False
    cache: CacheOptions | None = None

    @property
    def words(self) -> list[str]:
        """(V',) what a person reads for each id: the model's words, then those that only memory knows."""
        more = self.search.store.words if self.search else ()
        return [*self.lm.words, *more] if more else self.lm.words


class Reader(ABC):
    """How a method answers. A new one is made for each request, from the method's declaration."""

    def __init__(self, method: Method) -> None:
        self.method = method

    @abstractmethod
    def sources(self, request: Request, house: House) -> Sources:
        """Decides what the request leaves open. Raises MemlabError for what cannot be used, with what is allowed."""

    def first_model(self, request: Request, house: House) -> LanguageModel | None:
        """The model that will answer, where it is known before a memory is built; None otherwise."""
        if request.model is None and request.datastore is not None:
            return None
        return house.load(request.model or self.method.model or house.default_model(self.method.kind))

    def defaults(self, request: Request, house: House) -> Any:
        """The settings that the request would be answered with if it gave none."""
        return self.method.settings()
