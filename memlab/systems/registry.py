"""The registry of systems: those in this folder, of installed packages, and those that a test or notebook adds.

A system whose import fails, that was declared for another version of memlab, that takes a name already used, or whose
declaration is wrong, is listed as unavailable with the reason; everything else works without it.
"""

from __future__ import annotations

import importlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import entry_points
from typing import Any

from memlab.corpus.lesson_actions import CLAIMS, VERBS
from memlab.declare import (
    API,
    Chapter,
    Command,
    Correction,
    LessonAction,
    LessonClaim,
    LongWork,
    Method,
    ModelFormat,
    Page,
    Recipe,
    Study,
    System,
)
from memlab.declare.checking import check_declaration
from memlab.declare.conflicts import check_beside, own_names
from memlab.declare.late import loaded, why
from memlab.errors import InputError, LoadError, NotFound
from memlab.record.kinds import EditKind, kinds, known_kind, register_kind, unregister_kind

ENTRY_POINTS = "memlab.systems"
_OWN = own_names(VERBS, CLAIMS)
_lock = threading.Lock()


@dataclass(frozen=True)
class Unavailable:
    """A system that cannot be used, and why."""

    name: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "unavailable": self.reason}


@dataclass(frozen=True)
class Registry:
    """Systems by name, in the order of registration, and those that cannot be used."""

    systems: dict[str, System] = field(default_factory=dict)
    unavailable: tuple[Unavailable, ...] = ()

    @property
    def methods(self) -> dict[str, Method]:
        """All methods by name, in the order of registration."""
        return {m.name: m for system in self.systems.values() for m in system.methods}

    @property
    def chapters(self) -> dict[str, tuple[Chapter, str | None]]:
        """Names that systems add to the lab -> (chapter, None), or (chapter, verb) where the name is one of its
        verbs."""
        every = [c for system in self.systems.values() for c in system.chapters]
        return {c.name: (c, None) for c in every} | {verb: (c, verb) for c in every for verb in c.verbs}

    @property
    def work(self) -> dict[str, LongWork]:
        """The kinds of jobs that systems declare, by name."""
        return {w.name: w for system in self.systems.values() for w in system.work}

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """The ways to correct a fact that systems declare."""
        return tuple(c for system in self.systems.values() for c in system.corrections)

    @property
    def recipes(self) -> dict[str, Recipe]:
        """The recipes of models, by name."""
        return {r.name: r for system in self.systems.values() for r in system.recipes}

    @property
    def text_recipes(self) -> dict[str, Recipe]:
        """The recipes that train a model of one's own on a text, by what `memlab train --kind` takes: their names, and a
        kind of model where no recipe has that name and one alone makes it."""
        usual_first = sorted(self.recipes.values(), key=lambda r: r.train is not None)
        named = {r.name: r for r in usual_first if not (r.bundled or r.by_name)}
        kinds = Counter(r.kind for r in named.values())
        return named | {r.kind: r for r in named.values() if kinds[r.kind] == 1 and r.kind not in named}

    @property
    def model_formats(self) -> dict[str, ModelFormat]:
        """The formats of model folders that systems declare, by name."""
        return {f.name: f for system in self.systems.values() for f in system.model_formats}

    @property
    def lesson_actions(self) -> dict[str, LessonAction]:
        """What systems let steps of lessons do, by name."""
        return {a.name: a for system in self.systems.values() for a in system.lesson_actions}

    @property
    def lesson_claims(self) -> dict[str, LessonClaim]:
        """What systems let steps of lessons claim, by name."""
        return {c.name: c for system in self.systems.values() for c in system.lesson_claims}

    @property
    def pages(self) -> dict[str, Page]:
        """The pages that systems bring, by name."""
        return {p.name: p for system in self.systems.values() for p in system.pages}

    def hint(self, situation: str) -> str:
        """What systems say about a situation of `memlab.declare.hints`, each sentence with a space before it."""
        return "".join(f" {s.hints[situation]}" for s in self.systems.values() if situation in s.hints)

    def commands(self, within: str = "") -> dict[str, Command]:
        """The commands of a group that systems declare, by name."""
        return {c.name: c for system in self.systems.values() for c in system.commands if c.within == within}

    def calibrated(self, kind: str) -> Method:
        """The method that datastores of a kind of model are calibrated for: the first with a p_kNN."""
        return next(m for m in self.able("ask", kind).values() if m.knn is not None)

    def system(self, name: str) -> System:
        """The system of this name. Raises NotFound, with the known systems, or the reason why it cannot be used."""
        for broken in self.unavailable:
            if broken.name == name and name not in self.systems:
                raise NotFound(f"The system {name!r} cannot be used: {broken.reason}")
        for system in self.systems.values():
            if name.replace("-", "_") == system.name:
                return system
        raise NotFound.named("system", name, self.systems)

    def method(self, name: str) -> Method:
        """The method of this name. Raises NotFound, which lists the methods."""
        methods = self.methods
        if name not in methods:
            raise NotFound.named("method", name, methods)
        return methods[name]

    def able(self, ability: str, kind: str | None = None) -> dict[str, Method]:
        """The methods with an ability (for a kind of model); the first is the default."""
        return {n: m for n, m in self.methods.items() if m.why_not(ability, kind) is None}

    def system_of(self, method: str) -> System:
        """The system that declares a method. Raises NotFound."""
        self.method(method)
        return next(s for s in self.systems.values() if any(m.name == method for m in s.methods))

    def code(self, reference: str, declared: Any, what: str, kind: type | None = None) -> Any:
        """Code that a declaration names.

        Args:
            declared: the `Method`, `Study`, `Recipe` ... that names it. what: its part in it, for example "reader".
            kind: the class that it must derive from; None for a function.

        Raises:
            LoadError: it cannot be loaded, or is something else; says of which system it is, and why.
        """
        owner = next((s for s in self.systems.values() if declared in _declared(s)), None)
        of = f" of the system {owner.name!r} ({owner.title})" if owner else ""
        called = f"The {what} of the {_CALLED.get(type(declared), 'declaration')} {declared.name!r}{of}"
        found = loaded(reference, called)
        wrong = _misfit(found, kind)
        if wrong is not None:
            raise LoadError(f"{called} cannot be used: {reference} {wrong}.")
        return found

    def study(self, system: str, study: str) -> tuple[System, Study]:
        """A system and its study of this name. Raises NotFound."""
        found = self.system(system)
        chosen = found.study(study)
        if chosen is None:
            raise NotFound.named(f"study of {found.title}", study, (s.name for s in found.studies))
        return found, chosen

    def with_system(self, system: Any, called: str) -> Registry:
        """The registry with one more system, or with the reason why it cannot be used."""
        try:
            self._check(system)
        except InputError as error:
            reason = str(error)
        except Exception as error:  # whatever a wrong declaration leads to
            reason = f"its declaration cannot be used: {why(error)}."
        else:
            return Registry({**self.systems, system.name: system}, self.unavailable)
        return Registry(self.systems, (*self.unavailable, Unavailable(called, reason)))

    def _check(self, system: Any) -> None:
        if not isinstance(system, System):
            raise InputError(f"its entry is a {type(system).__name__}; expected a memlab.declare.System.")
        if system.api != API:
            raise InputError(
                f"it was declared for version {system.api} of memlab's declarations; this is {API}. Get a version of it for "
                f"this memlab, or declare it with api={API}."
            )
        for kind in system.edits:
            if not isinstance(kind, EditKind):
                raise InputError(f"its edits hold a {type(kind).__name__}; expected is a memlab.record.kinds.EditKind.")
        check_declaration(system)
        check_beside(system, self.systems, _OWN)


def _misfit(found: Any, kind: type | None) -> str | None:
    """What is wrong with code that should be a function (None) or a class of a kind; None where nothing is."""
    if kind is None:
        return None if callable(found) else "is no function"
    if not isinstance(found, type) or not issubclass(found, kind):
        return f"is no {kind.__module__}.{kind.__name__}"
    left = sorted(getattr(found, "__abstractmethods__", ()))
    return f"does not define {', '.join(left)}" if left else None


_CALLED = {
    Method: "method",
    Study: "study",
    Recipe: "recipe",
    Chapter: "chapter",
    Command: "command",
    LongWork: "kind of job",
    Correction: "correction",
    LessonAction: "lesson action",
    LessonClaim: "lesson claim",
    Page: "page",
}


def _declared(system: System) -> list[Any]:
    """The parts of a declaration that name code."""
    named = (system.methods, system.studies, system.recipes, system.chapters, system.commands, system.work)
    also = (system.corrections, system.lesson_actions, system.lesson_claims, system.pages)
    return [part for parts in (*named, *also) for part in parts]


_added: list[System] = []
_kept: list[Registry] = []


def registry() -> Registry:
    """All systems; read once for each process, and again after `register`."""
    with _lock:
        if not _kept:
            _kept.append(_read())
        return _kept[0]


def register(system: System) -> None:
    """Adds a system for this process.

    Raises:
        InputError: a name is taken, or its declaration is wrong; the reason is that which `memlab systems` would list.
    """
    _add(system)


@contextmanager
def registered(system: System) -> Iterator[System]:
    """Registers a system, with its kinds of edits, inside a `with` block, for tests. Raises as `register`."""
    new = _add(system)
    try:
        yield system
    finally:
        with _lock:
            _added.remove(system)
            _kept.clear()
            for name in new:
                unregister_kind(name)


def _add(system: System) -> list[str]:
    """Adds a system; returns the kinds of edits that were not known before. Raises InputError."""
    found = registry()
    before = set(kinds())
    tried = with_kinds(found.with_system(system, getattr(system, "name", "")))
    if len(tried.unavailable) > len(found.unavailable):
        raise InputError(tried.unavailable[-1].reason)
    with _lock:
        _added.append(system)
        _kept.clear()
    return [kind.name for kind in kinds() if kind not in before]


def _read() -> Registry:
    from memlab.systems import BUILT_IN

    out = Registry()
    for name in BUILT_IN:
        system = importlib.import_module(f"memlab.systems.{name}").SYSTEM
        own = system if system.api == API else replace(system, api=API)  # it is of this version, as all of memlab
        out = out.with_system(own, name)
    assert not out.unavailable, out.unavailable
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name):
        try:
            system = point.load()
        except (Exception, SystemExit) as error:  # a broken package must not disable the others
            reason = f"it cannot be imported: {why(error)}"
            out = Registry(out.systems, (*out.unavailable, Unavailable(point.name, reason)))
        else:
            out = out.with_system(system, point.name)
    for system in _added:
        out = out.with_system(system, system.name)
    return with_kinds(out)


def with_kinds(found: Registry) -> Registry:
    """Registers the systems' kinds of edits; a system with one that cannot be registered becomes unavailable."""
    for system in found.systems.values():
        new = []
        try:
            for kind in system.edits:
                new += [kind.name] if known_kind(kind.name) is None else []
                register_kind(kind)
        except InputError as error:
            for name in new:
                unregister_kind(name)
            left = {name: s for name, s in found.systems.items() if s is not system}
            return with_kinds(Registry(left, (*found.unavailable, Unavailable(system.name, str(error)))))
    return found
