"""Resolving a reading or a generation: model, memory, gate and mixing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from memlab.declare import Field, Method
from memlab.lab.house import LabHouse
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Segments, beyond_training, check_causal, windows, with_memory
from memlab.reading.passes import Order
from memlab.reading.reader import CacheOptions, Request, Sources
from memlab.reading.tracing import Mixing
from memlab.results import About

# arguments of a reading that are no settings of its method
OF_A_TEXT = ("short_term", "window", "stride", "leave_out", "cache", "theta", "lam_cache")
_OF_THE_CACHE = {"cache": "size", "theta": "theta", "lam_cache": "lam"}
OF_ALL = ("method", "model", "datastore", "gate", "as_of", "preset", "progress")


def reading_request(ability: str, arguments: Mapping[str, Any]) -> Request:
    """A request from keyword arguments of `Lab.read`: what is not one of them is a setting of the method."""
    given = dict(arguments)
    cache = CacheOptions(**{_OF_THE_CACHE[name]: given.pop(name) for name in _OF_THE_CACHE if name in given})
    own = {name: given.pop(name) for name in (*OF_ALL, *OF_A_TEXT) if name in given}
    own["method"] = own.get("method") or ""
    return Request(ability, cache=cache, settings=given, **own)


@dataclass(frozen=True)
class Resolved:
    """A request with all defaults filled in: what is read, how it is mixed, and the description for its result."""

    order: Order
    mixing: Mixing
    about: About


class Resolver:
    """Fills in the defaults of reading requests, and checks that model, memory and settings belong together."""

    def __init__(self, house: LabHouse) -> None:
        self.house = house

    def with_method(self, request: Request) -> tuple[Request, Method]:
        """The request with its method filled in, and the method. Raises NotFound, InputError."""
        how = self.house.method(request.ability, request.method or None, request.model)
        return replace(request, method=how.name), how

    def resolve(self, request: Request) -> Resolved:
        """The request with all defaults filled in. Raises MemlabError for what cannot be used."""
        request, how = self.with_method(request)
        request.check()
        s = self.house.reader(how).sources(request, self.house)
        check_causal(s.lm)
        local = windows(s.lm, request.window, request.stride)
        if s.base is not s.lm:
            windows(s.base, request.window, request.stride)  # the model of the keys reads the same windows
        carried = with_memory(s.lm, local, request.short_term)
        segments = carried if isinstance(carried, Segments) else None
        notices = self.house.notices(s)
        if segments and (warning := beyond_training(s.lm, segments)):
            notices = (*notices, warning)
        order = Order(s.lm, s.base, local, segments, s.key, s.search, s.mixer.asks, s.keys_local)
        mixing = Mixing(s.mixer, s.cache or request.cache)
        return Resolved(order, mixing, self._about(how, request, s, notices))

    def _about(self, how: Method, request: Request, s: Sources, notices: tuple[str, ...]) -> About:
        asked: dict[str, Any] = {
            "short_term": request.short_term, "cache": request.cache.size, "theta": request.cache.theta,
            "lam_cache": request.cache.lam, "gate": request.gate, "window": request.window, "stride": request.stride,
            "leave_out": request.leave_out, **(asdict(s.settings) if s.settings is not None else {}),
        }  # fmt: skip
        if s.gate is not None:
            asked["gate"] = s.gate
        workspace = self.house.context.workspace
        return About(how.name, s.lm.name, s.datastore, workspace, s.head, asked, s.mixer.gate, s.words, notices)

    def check_text_first(self, request: Request, check: Callable[[LanguageModel], object]) -> None:
        """Lets `check` refuse a text before a memory is built for it, where the model is known without the memory."""
        request, how = self.with_method(request)
        lm = self.house.reader(how).first_model(request, self.house)
        if lm is not None:
            check_causal(lm)
            check(lm)

    def settings(
        self, ability: str, method: str, model: str | None, datastore: str | None, preset: str = "calibrated"
    ) -> list[tuple[Field, Any]]:
        """The settings that apply to an ability, each with its default for this model and datastore.

        Raises:
            MemlabError: no such method, or a model and datastore that do not belong together.
        """
        how = self.house.method(ability, method, model)
        if model is not None and ability != "ask":
            check_causal(self.house.load(model))
        shown = how.fields(ability)
        if not shown:
            return []
        start = self.house.reader(how).defaults(Request(ability, method, model, datastore, preset=preset), self.house)
        return [(field, getattr(start, field.name)) for field in shown]

    def defaults(self, method: str, model: str | None, datastore: str | None, preset: str) -> Any:
        """The settings that a question uses where none are given; see `Lab.ask_defaults`."""
        how = self.house.method("ask", method, model)
        return self.house.reader(how).defaults(Request("ask", method, model, datastore, preset=preset), self.house)
