"""Resolving the options of a reading or a generation: model, memory, gate and mixing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from memlab.errors import InputError, NotFound
from memlab.lab.asking import PRESETS, Asking, split_arguments
from memlab.lab.context import Context
from memlab.lab.gates import Gates, still_building, whole_store
from memlab.lab.inventory import Inventory
from memlab.lab.preparing import build_if_bundled
from memlab.lm.catalogue import BUNDLED_SPALM, load_encoder
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Segments, beyond_training, check_causal, windows, with_memory
from memlab.lm.spalm import SpalmModel
from memlab.memory.datastore import Datastore
from memlab.memory.leave_out import LEAVE_OUT
from memlab.memory.retrieval import check_k
from memlab.methods import knn_lm, spalm
from memlab.methods.declare import checked
from memlab.methods.gates import KnnGate
from memlab.methods.reading import Progress, Search
from memlab.methods.sources import Order
from memlab.methods.spalm import GATES as SPALM_GATES
from memlab.methods.spalm import check_spalm
from memlab.methods.tracing import Mixing

READING_METHODS = ("base", "knn-lm", "spalm", "spalm+knn-lm")


@dataclass(frozen=True)
class ReadingRequest:
    """Unresolved options of a reading; see `Lab.read` for each."""

    method: str = "knn-lm"
    model: str | None = None
    datastore: str | None = None
    short_term: int = 0
    cache: int = 0
    gate: str | None = None
    as_of: int | None = None
    preset: str = "calibrated"
    window: int | None = None
    stride: int | None = None
    leave_out: str = "self"
    theta: float | None = None
    lam_cache: float = 0.1
    settings: dict[str, Any] = field(default_factory=dict)
    progress: Progress = field(default=lambda fraction, message: None, repr=False, compare=False)

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> ReadingRequest:
        """From keyword arguments of `Lab.read`: what is not a field here is a setting of the method."""
        own, settings = split_arguments(cls, arguments)
        return cls(**own, settings=settings)

    def check(self) -> None:
        """Raises NotFound or InputError for what can be refused before a model is loaded."""
        if self.method not in READING_METHODS:
            raise NotFound.named("method of reading", self.method, READING_METHODS)
        if self.preset not in PRESETS:
            raise InputError(f"There is no preset {self.preset!r}. Allowed: {', '.join(PRESETS)}.")
        if self.leave_out not in LEAVE_OUT:
            raise InputError(f"leave_out is {self.leave_out!r}; allowed is one of {', '.join(LEAVE_OUT)}.")
        for name in ("short_term", "cache", "window", "stride"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | None if name in ("window", "stride") else int):
                raise InputError(f"{name} is {value!r}; allowed is a whole number.")
        if self.theta is not None and not math.isfinite(self.theta):
            raise InputError(f"theta is {self.theta}; allowed is a number above 0.")
        if self.cache < 0 or not 0 <= self.lam_cache <= 1 or (self.theta is not None and self.theta <= 0):
            raise InputError(
                "The continuous cache needs a size of 0 (off) or more, lam_cache from 0 to 1, theta above 0."
            )


@dataclass(frozen=True)
class ResolvedMethod:
    """A method with everything that it reads with.

    Attributes:
        lm: the model that reads.
        base: the model that makes the keys.
        mixing: how states and neighbors become a distribution.
        head: number of the last edit that the memory contains.
        key, store, search: kind of key, name of the datastore, and the search in it; none without memory.
        asks: a gate that decides whether memory is searched at all.
        gate_kind, gate: the kind of gate, and how the settings of the trace name it.
        settings: those of the method; None without memory.
        notices: for the person who asked.
    """

    lm: LanguageModel
    base: LanguageModel
    mixing: Mixing
    head: int
    key: str = "last"
    store: str | None = None
    search: Search | None = None
    asks: KnnGate | None = None
    gate_kind: str = "none"
    gate: str | None = None
    settings: Any = None
    notices: tuple[str, ...] = ()


class Resolver:
    """Fills in the defaults of reading requests, and checks that model, memory and settings belong together."""

    def __init__(self, context: Context, inventory: Inventory, asking: Asking, gates: Gates) -> None:
        self.context, self.inventory, self.asking, self.gates = context, inventory, asking, gates

    def resolve(self, how: ReadingRequest) -> tuple[Order, Mixing, dict[str, Any]]:
        """The order, the mixing, and the fields of a trace that say so. Raises MemlabError for what cannot be used."""
        how.check()
        resolved = {"base": self._base, "knn-lm": self._knn_lm}.get(how.method, self._spalm)(how)
        lm, search = resolved.lm, resolved.search
        check_causal(lm)
        if search is not None:
            check_k(search.store, search.k)
        local = windows(lm, how.window, how.stride)
        if resolved.base is not lm:
            windows(resolved.base, how.window, how.stride)  # SPALM's encoder reads the same windows
        carried = with_memory(lm, local, how.short_term)
        notices, segments = resolved.notices, carried if isinstance(carried, Segments) else None
        if segments and (warning := beyond_training(lm, segments)):
            notices = (*notices, warning)
        order = Order(lm, resolved.base, local, segments, resolved.key, search, resolved.asks)
        asked = {
            "short_term": how.short_term, "cache": how.cache, "theta": how.theta, "lam_cache": how.lam_cache,
            "gate": how.gate, "window": how.window, "stride": how.stride, "leave_out": how.leave_out,
            **(asdict(resolved.settings) if resolved.settings is not None else {}),
        }  # fmt: skip
        if resolved.gate is not None:
            asked["gate"] = resolved.gate
        about = {
            "method": how.method, "model": lm.name, "datastore": resolved.store, "workspace": self.context.workspace,
            "as_of": resolved.head, "settings": asked, "gate_kind": resolved.gate_kind,
            "words": [*lm.words, *search.store.words] if search and search.store.words else lm.words,
            "notices": notices,
        }  # fmt: skip
        mixing = replace(resolved.mixing, cache=how.cache, theta=how.theta, lam_cache=how.lam_cache)
        return order, mixing, about

    def check_text_first(self, how: ReadingRequest, check: Callable[[LanguageModel], object]) -> None:
        """Lets `check` refuse a text before a memory is built for it, where the model is known without the memory."""
        if how.model is not None or how.datastore is None:
            usual = BUNDLED_SPALM if how.method.startswith("spalm") else self.context.bundled_for("causal")
            lm = self.context.load(how.model or usual)
            check_causal(lm)
            check(lm)

    def _base(self, how: ReadingRequest) -> ResolvedMethod:
        """The model alone."""
        if how.settings:
            raise InputError(f"Without memory there is no setting {next(iter(how.settings))!r}.")
        lm = self.context.load(how.model or self.context.bundled_for("causal"))
        return ResolvedMethod(lm, lm, Mixing(), self.context.changes(how.as_of).head, gate=how.gate)

    def _knn_lm(self, how: ReadingRequest) -> ResolvedMethod:
        """kNN-LM: the model, the memory that it made, and a gate."""
        if how.model is not None:
            check_causal(self.context.load(how.model))
        checked(knn_lm.Settings, how.settings)  # before anything is built
        name = how.datastore or self.inventory.store_of(how.model, "causal")
        build_if_bundled(self.context, name, how.progress)
        s = self.gates.knn_settings(name, how.preset, how.settings)
        lm, whole, notices = self.context.model_and_store(how.model, name, knn_lm.METHOD, s.key)
        kind = how.gate or "constant"
        store, head = self.context.as_edited(whole_store(whole), lm, s.key, how.as_of)
        gate = self.gates.open(kind, whole_store(whole), s)
        return ResolvedMethod(
            lm, lm, Mixing(temperature=s.temperature, gate=gate), head, s.key, name, Search(store, s.k, how.leave_out),
            gate if kind == "skip" else None, kind, how.gate, s, tuple(notices),
        )  # fmt: skip

    def _spalm(self, how: ReadingRequest) -> ResolvedMethod:
        """SPALM: its frozen encoder makes the queries, its own transformer reads."""
        if how.cache:
            raise InputError("The continuous cache mixes distributions; SPALM mixes vectors. Leave the cache out.")
        lm, encoder, whole, s = self.open_spalm(how)
        store, head = self.context.as_edited(whole, encoder, lm.record.key, how.as_of)
        mixing = Mixing(temperature=s.temperature, K=s.k, lam=s.lam, force=SPALM_GATES[s.gate])
        search = Search(store, max(s.k, s.knn_k if s.lam else 0), how.leave_out)
        return ResolvedMethod(
            lm, encoder, mixing, head, lm.record.key, whole.name, search, None, "spalm", s.gate, s
        )  # fmt: skip

    def open_spalm(self, how: ReadingRequest) -> tuple[SpalmModel, LanguageModel, Datastore, spalm.Settings]:
        """The SPALM, its frozen encoder, its memory, and settings."""
        lm = self.context.load(how.model or BUNDLED_SPALM)
        if not isinstance(lm, SpalmModel):
            raise InputError(
                f"{lm.name} is no SPALM. Use {BUNDLED_SPALM}, or train one: memlab train NAME --kind spalm."
            )
        encoder = load_encoder(lm)
        given = dict(how.settings) if how.gate is None else {**how.settings, "gate": how.gate}
        checked(spalm.Settings, given)  # before anything is built
        name = how.datastore or lm.record.datastore
        build_if_bundled(self.context, name, how.progress)
        if not self.context.shelf.is_built(name):
            raise still_building(name)
        store = self.context.shelf.open(name)
        sibling = f"{name}-{lm.record.key}"
        if store.fingerprint.key != lm.record.key and sibling in self.context.shelf.names():
            store = self.context.shelf.open(sibling)
        check_spalm(lm, encoder, store.fingerprint)
        start = spalm.Settings(k=lm.record.K)
        if how.method == "spalm+knn-lm":
            tuned = self.asking.settings("knn-lm", store.name, how.preset, lm.record.key)
            start = replace(start, lam=tuned.lam, temperature=tuned.temperature, knn_k=tuned.k)
        return lm, encoder, store, checked(spalm.Settings, given, start)
