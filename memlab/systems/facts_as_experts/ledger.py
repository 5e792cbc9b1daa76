"""Edits of the fact memory in the ledger, and the part "facts" of a workspace's state.

add-fact       rows, or further objects of rows       {"model", "facts": [{"subject", "relation", "object"}]}
replace-fact   rows get another object                {"model", "facts": [{..., "new", "source"}]}
remove-fact    objects are removed from rows               {"model", "facts": [{..., "source"}]}

`source` says where the replaced or removed fact comes from: "base", or the edit that added it, on which this edit then
depends. An edit whose fact is gone, because an earlier edit was undone, changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memlab.record.hash_chain import EditRow
from memlab.record.kinds import EditKind, FormField, MadeBy
from memlab.record.parameters import Checks, check_fields

FACTS = "facts"  # the part of a workspace's state
ADD, REPLACE, REMOVE = "add-fact", "replace-fact", "remove-fact"
MOST_FACTS = 10_000  # of one edit
NAME_LENGTH = 200

_BROKEN = re.compile("[\0\ud800-\udfff]")
_EDIT = re.compile(r"edit:([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class FactChange:
    """One fact that an edit changes: `old` is the removed object, `new` the added one; None for none."""

    subject: str
    relation: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class FactEdit:
    """An active edit of the fact memory of a model."""

    sequence: int
    kind: str
    model: str
    changes: tuple[FactChange, ...]


@dataclass(frozen=True)
class FactState:
    """The active edits of fact memories in the order of the ledger; `head` is the number of the last edit of any
    kind."""

    head: int = 0
    edits: tuple[FactEdit, ...] = ()

    def of(self, model: str) -> tuple[FactEdit, ...]:
        """The edits of one model."""
        return tuple(e for e in self.edits if e.model == model)


def fold_facts(edits: Sequence[FactEdit], head: int) -> FactState:
    """The state after these edits."""
    return FactState(head, tuple(edits))


def read(row: EditRow) -> FactEdit:
    """The edit in a row, as the fold needs it."""
    return edit_of_parameters(row.sequence, row.kind, row.parameters)


def edit_of_parameters(sequence: int, kind: str, parameters: Mapping[str, Any]) -> FactEdit:
    """An edit from what the ledger records of it."""
    changes = tuple(
        FactChange(
            f["subject"],
            f["relation"],
            None if kind == ADD else f["object"],
            {ADD: f["object"], REPLACE: f.get("new"), REMOVE: None}[kind],
        )
        for f in parameters["facts"]
    )
    return FactEdit(sequence, kind, parameters["model"], changes)


def check_add(parameters: Mapping[str, Any], sequence: int) -> None:
    """Raises ValueError unless these are valid parameters of an edit that adds facts."""
    _check(parameters, sequence, {})


def check_replace(parameters: Mapping[str, Any], sequence: int) -> None:
    """Raises ValueError unless these are valid parameters of an edit that replaces objects."""
    _check(parameters, sequence, {"new": _name, "source": _source})
    if any(f["new"] == f["object"] for f in parameters["facts"]):
        raise ValueError("replaces an object by itself")


def check_remove(parameters: Mapping[str, Any], sequence: int) -> None:
    """Raises ValueError unless these are valid parameters of an edit that removes facts."""
    _check(parameters, sequence, {"source": _source})


def summary_add(parameters: Mapping[str, Any]) -> str:
    """One line about added facts."""
    return _said("Added to the fact memory", parameters, lambda f: f["object"])


def summary_replace(parameters: Mapping[str, Any]) -> str:
    """One line about replaced facts."""
    return _said("Replaced in the fact memory", parameters, lambda f: f"{f['object']} -> {f['new']}")


def summary_remove(parameters: Mapping[str, Any]) -> str:
    """One line about removed facts."""
    return _said("Removed from the fact memory", parameters, lambda f: f["object"])


def _said(verb: str, parameters: Mapping[str, Any], what: Any) -> str:
    facts = parameters["facts"]
    first, more = facts[0], f" and {len(facts) - 1} more" if len(facts) > 1 else ""
    return f"{verb}: {first['relation']} of {first['subject']}: {what(first)}"[:200] + more


def _check(parameters: Mapping[str, Any], sequence: int, more: Checks) -> None:
    check_fields(parameters, "parameters", {"model": _name, "facts": _anything}, {}, sequence)
    facts = parameters["facts"]
    if not isinstance(facts, list) or not 1 <= len(facts) <= MOST_FACTS:
        raise ValueError(f"has no list of 1 to {MOST_FACTS:,} facts")
    for fact in facts:
        check_fields(fact, "a fact", {"subject": _name, "relation": _name, "object": _name, **more}, {}, sequence)


def _name(value: Any, sequence: int) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= NAME_LENGTH or _BROKEN.search(value):
        raise ValueError(f"has {str(value)[:40]!r} where a name is expected")


def _source(value: Any, sequence: int) -> None:
    found = _EDIT.fullmatch(value) if isinstance(value, str) else None
    if value != "base" and not (found and int(found[1]) < sequence):
        raise ValueError(f"has the source {str(value)[:40]!r}, which is neither the base nor an edit before it")


def _anything(value: Any, sequence: int) -> None:
    """Accepts any value; it is checked together with the other parameters."""


_HERE = "memlab.systems.facts_as_experts.ledger"
_FACTS = FormField("facts", "Facts", "Subject, relation and object of each row.", "facts")


def _kind(name: str, title: str) -> EditKind:
    verb = name.split("-")[0]
    return EditKind(
        name, FACTS, f"{_HERE}:check_{verb}", f"{_HERE}:fold_facts", f"{_HERE}:summary_{verb}", f"{_HERE}:read",
        form=(_FACTS,), title=title, made_by=MadeBy(f"fact_memory.{verb}", f"facts {verb}", "system-facts-as-experts"),
    )  # fmt: skip


KINDS = (
    _kind(ADD, "Add to the fact memory"),
    _kind(REPLACE, "Replace in the fact memory"),
    _kind(REMOVE, "Remove from the fact memory"),
)
