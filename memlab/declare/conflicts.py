"""What a system must not declare beside the others: names that are taken, figures and models of another method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from memlab.declare.columns import OWN
from memlab.declare.method import Method
from memlab.declare.reserved import COMMANDS, LAB, PAGES, WORK
from memlab.declare.system import System
from memlab.errors import InputError


def check_beside(system: System, others: Mapping[str, System], own: Collection[str]) -> None:
    """Checks a system beside the systems that are there, by name.

    Args:
        own: names that memlab itself uses, as `own_names` gives them.

    Raises:
        InputError: a name that memlab or another system uses, or that the system declares twice; a column of perplexity with the
            figures of another method; models of a method that the system does not declare.
    """
    methods = {m.name: m for other in others.values() for m in other.methods}
    if system.name in others:
        raise InputError(f"there is already a system named {system.name!r} ({others[system.name].title}).")
    taken = sorted(methods.keys() & {m.name for m in system.methods})
    if taken:
        raise InputError(f"there is already a method named {taken[0]!r} ({methods[taken[0]].title}).")
    _check_columns([*methods.values(), *system.methods])
    _check_once(system)
    _check_formats(system)
    for name in _names(system):
        if name in own:
            raise InputError(f"it declares {name}, a name that memlab itself uses. Choose another name.")
        for other in others.values():
            if name in _names(other):
                raise InputError(f"it declares {name}, and so does the system {other.name!r} ({other.title}).")


def _names(system: System) -> list[str]:
    """The names that a system adds to the lab, the command line and the jobs, as messages show them."""
    return [
        *(_attribute(name) for chapter in system.chapters for name in chapter.names),
        *(_command(c.words) for c in system.commands),
        *(_job(w.name) for w in system.work),
        *(f"the recipe {r.name!r}" for r in system.recipes),
        *(f"the correction {c.name!r}" for c in system.corrections),
        *(f"the model format {f.name!r}" for f in system.model_formats),
        *(_action(a.name) for a in system.lesson_actions),
        *(_claim(c.name) for c in system.lesson_claims),
        *(_page(p.name) for p in system.pages),
    ]


def _check_columns(methods: Iterable[Method]) -> None:
    """Raises InputError where two methods declare one column of a perplexity table, or would both get the figures of one.

    A role belongs to the first method that declares it; one that a scorer computes, to the first with that scorer.
    """
    names: dict[str, Method] = {}
    computed: dict[tuple[str, str | None], Method] = {}
    for method in methods:
        for name, role in method.columns.items():
            if name in names:
                raise InputError(
                    f"its method {method.name!r} declares the column {name!r}, which the method {names[name].name!r} has. "
                    "Choose another name, or declare columns={}."
                )
            names[name] = method
            other = computed.setdefault((role, method.scorer if role in OWN else None), method)
            if other is not method:
                raise InputError(
                    f"its method {method.name!r} declares the column {name!r} with the role {role!r}, whose figures are those "
                    f"of the method {other.name!r} ({other.title}). Declare the role 'own' with a scorer of its own, or columns={{}}."
                )


def _check_once(system: System) -> None:
    """Raises InputError if a system declares a name twice."""
    names = [*_names(system), *(f"the kind of edit {kind.name!r}" for kind in system.edits)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"it declares {twice[0]} twice.")


def _check_formats(system: System) -> None:
    """Raises InputError where models of a format are made for a method that the system does not declare."""
    own = [m.name for m in system.methods]
    for f in system.model_formats:
        if f.method and f.method not in own:
            raise InputError(
                f"its model format {f.name!r} names the method {f.method!r}, which it does not declare (declared: "
                f"{', '.join(own) or 'none'})."
            )


def _attribute(name: str) -> str:
    return f"lab.{name}"


def _command(words: str) -> str:
    return f"the command `memlab {words}`"


def _job(kind: str) -> str:
    return f"the kind of job {kind!r}"


def _action(name: str) -> str:
    return f"the lesson action {name!r}"


def _claim(name: str) -> str:
    return f"the lesson claim {name!r}"


def _page(name: str) -> str:
    return f"the page {name!r}"


def own_names(verbs: Iterable[str], claims: Iterable[str]) -> frozenset[str]:
    """The names that memlab itself uses, as messages show them.

    Args:
        verbs, claims: what steps of lessons can do and claim without any system.
    """
    commands = (f"{within} {name}".strip() for within, names in COMMANDS.items() for name in names)
    return frozenset(
        [
            *map(_attribute, LAB),
            *map(_command, commands),
            *map(_job, WORK),
            *map(_action, verbs),
            *map(_page, PAGES),
            *map(_claim, claims),
            "the correction 'memory'",
        ]
    )
