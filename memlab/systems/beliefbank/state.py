"""The part "beliefs" of a workspace's state, and the kinds of edits that change it.

believe     beliefs are asserted (by the model or a person)          {"graph", "beliefs": [...]}
pin         a person's trusted label; the solver keeps it            {"graph", "entity", "property", "label"}
retract     beliefs are taken out of the bank                        {"graph", "entity", "properties"}
solve       the solver's labels of one entity                        {"graph", "entity", "flips", "objective", "bound", "proven", ...}
constrain   a constraint is added, changed or removed                {"graph", "action", "constraint"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memlab.errors import InputError
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import EditKind, FormField, MadeBy
from memlab.systems.beliefbank.bank import MODEL, PERSON, Bank, Belief
from memlab.systems.beliefbank.constraints import Constraint, ConstraintGraph
from memlab.systems.beliefbank.graph_files import check_property, constraint_from
from memlab.systems.beliefbank.phrasing import short

PART = "beliefs"
MOST = 100_000  # beliefs of one edit
ADD, CHANGE, REMOVE = "add", "change", "remove"
ACTIONS = (ADD, CHANGE, REMOVE)


@dataclass(frozen=True)
class BeliefState:
    """The beliefs of a workspace, and its changes to constraints, after some edit.

    banks: graph -> beliefs. rules: graph -> id -> the constraint as it was added or changed, None where it was removed.
    """

    head: int = 0
    banks: Mapping[str, Bank] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, Constraint | None]] = field(default_factory=dict)

    def bank(self, graph: str) -> Bank:
        """The beliefs about entities of a graph."""
        return self.banks.get(graph, Bank())

    def graph(self, base: ConstraintGraph) -> ConstraintGraph:
        """A graph with this workspace's changes to its constraints."""
        changed = self.rules.get(base.name)
        if not changed:
            return base
        kept = [changed.get(c.id, c) for c in base.constraints]
        known = {c.id for c in base.constraints}
        added = [c for id_, c in changed.items() if id_ not in known]
        return base.with_constraints(c for c in (*kept, *added) if c is not None)


def fold_beliefs(rows: Sequence[EditRow], head: int) -> BeliefState:
    """The state after these edits, in order."""
    banks: dict[str, Bank] = {}
    rules: dict[str, dict[str, Constraint | None]] = {}
    for row in rows:
        given, name = row.parameters, row.parameters["graph"]
        bank = banks.get(name, Bank())
        if row.kind == "believe":
            banks[name] = bank.with_beliefs(_asserted(b, bank) for b in given["beliefs"])
        elif row.kind == "pin":
            pinned = Belief(given["entity"], given["property"], given["label"], 1.0, PERSON, pinned=True)
            banks[name] = bank.with_beliefs([pinned])
        elif row.kind == "retract":
            banks[name] = bank.without(given["entity"], given["properties"])
        elif row.kind == "solve":
            flips = {f["property"]: bool(f["label"]) for f in given["flips"]}
            about = bank.about(given["entity"])
            banks[name] = bank.with_beliefs(b.relabeled(flips.get(p, b.first)) for p, b in about.items())
        else:
            constraint = constraint_from(given["constraint"], "constraint")
            rules.setdefault(name, {})[constraint.id] = None if given["action"] == REMOVE else constraint
    return BeliefState(head, banks, rules)


def _asserted(given: Mapping[str, Any], bank: Bank) -> Belief:
    """The belief that results from an assertion; a pinned one is kept unless a person asserts it."""
    before = bank.about(given["entity"]).get(given["property"])
    if before is not None and before.pinned and given["origin"] != PERSON:
        return before
    return Belief(given["entity"], given["property"], given["label"], float(given["p"]), given["origin"])


# Checks: raise InputError with what is wrong


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise InputError(f"{name} is {str(value)[:60]!r}; expected a text of 1 to 200 characters.")
    return value


def _about(given: Mapping[str, Any]) -> None:
    _text(given, "entity")
    check_property(_text(given, "property"), "the belief")
    if not isinstance(given.get("label"), bool):
        raise InputError(f"The label is {given.get('label')!r}; allowed is true or false.")


def check_believe(given: Mapping[str, Any], sequence: int) -> None:
    """Beliefs with entity, property, label, p in [.5, 1] and origin model or person."""
    _text(given, "graph")
    beliefs = given.get("beliefs")
    if not isinstance(beliefs, list) or not 1 <= len(beliefs) <= MOST:
        raise InputError(f"beliefs must be a list of 1 to {MOST:,} beliefs.")
    for b in beliefs:
        if not isinstance(b, dict):
            raise InputError(
                f"{str(b)[:60]!r} is not a belief, which is an object with entity, property, label, p and origin."
            )
        _about(b)
        p = b.get("p")
        if isinstance(p, bool) or not isinstance(p, int | float) or not 0.5 <= p <= 1:
            raise InputError(f"The confidence is {p!r}; allowed is a number from 0.5 to 1.")
        if b.get("origin") not in (MODEL, PERSON):
            raise InputError(f"The origin is {b.get('origin')!r}; allowed is {MODEL} or {PERSON}.")


def check_pin(given: Mapping[str, Any], sequence: int) -> None:
    """One trusted label."""
    _text(given, "graph")
    _about(given)


def check_retract(given: Mapping[str, Any], sequence: int) -> None:
    """An entity, and which of its beliefs are removed."""
    _text(given, "graph")
    _text(given, "entity")
    names = given.get("properties")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise InputError("properties must be a list of properties.")


def check_solve(given: Mapping[str, Any], sequence: int) -> None:
    """The solver's flips, each with the constraints that forced it, and the objective value."""
    _text(given, "graph")
    _text(given, "entity")
    if not isinstance(given.get("flips"), list) or not isinstance(given.get("proven"), bool):
        raise InputError("A solution has flips (a list) and proven (true or false).")
    for flip in given["flips"]:
        _about({**flip, "entity": given["entity"]})
        if not isinstance(flip.get("because"), list):
            raise InputError("A flip names the constraints that forced it: because must be a list.")
    for name in ("objective", "bound"):
        if isinstance(given.get(name), bool) or not isinstance(given.get(name), int | float):
            raise InputError(f"{name} is {given.get(name)!r}; expected a number.")


def check_constrain(given: Mapping[str, Any], sequence: int) -> None:
    """A constraint, and whether it is added, changed or removed."""
    _text(given, "graph")
    if given.get("action") not in ACTIONS:
        raise InputError(f"The action is {given.get('action')!r}; allowed: {', '.join(ACTIONS)}.")
    constraint_from(given.get("constraint"), "the constraint")


# Summaries


def believe_summary(given: Mapping[str, Any]) -> str:
    """One line about asserted beliefs."""
    beliefs = given["beliefs"]
    if len(beliefs) == 1:
        return sentence(beliefs[0])
    things = list(dict.fromkeys(b["entity"] for b in beliefs))
    return f"Believed {len(beliefs):,} sentences about {things[0] if len(things) == 1 else f'{len(things)} things'}"


def sentence(given: Mapping[str, Any]) -> str:
    """ "swallow: can fly = true" """
    return f"Believed {given['entity']}: {short(given['property'])} = {'true' if given['label'] else 'false'}"[:200]


def pin_summary(given: Mapping[str, Any]) -> str:
    """One line about a pinned belief."""
    return sentence(given).replace("Believed", "Pinned", 1)


def retract_summary(given: Mapping[str, Any]) -> str:
    """One line about retracted beliefs."""
    names = given["properties"]
    what = short(names[0]) if len(names) == 1 else f"{len(names)} beliefs"
    return f"Retracted {given['entity']}: {what}"[:200]


def solve_summary(given: Mapping[str, Any]) -> str:
    """One line about a solution."""
    status = "" if given["proven"] else "; best found, not proven"
    flips = len(given["flips"])
    return f"Solved {given['entity']}: {flips} flip{'' if flips == 1 else 's'}, cost {given['objective']:.3f}{status}"[
        :200
    ]


def constrain_summary(given: Mapping[str, Any]) -> str:
    """One line about a constraint."""
    what = {ADD: "Added", CHANGE: "Changed", REMOVE: "Removed"}[given["action"]]
    return f"{what} constraint {constraint_from(given['constraint'], 'constraint').id}"[:200]


def _kind(name: str, title: str, command: str, form: tuple[FormField, ...] = ()) -> EditKind:
    here = "memlab.systems.beliefbank.state"
    return EditKind(
        name,
        PART,
        f"{here}:check_{name}",
        f"{here}:fold_beliefs",
        f"{here}:{name}_summary",
        form=form,
        title=title,
        made_by=MadeBy(name if name in ("believe", "solve") else f"beliefs.{name}", f"believe{command}", "beliefs"),
    )


_GRAPH = FormField("graph", "Constraint graph", "Which graph the entity belongs to.")
_ENTITY = FormField("entity", "Entity", "The thing that the belief is about.")
_PROPERTY = FormField("property", "Property", 'Such as "IsA,bird".')
_LABEL = FormField("label", "Label", "Whether it holds.", "choice", choices=("true", "false"))
EDITS = (
    _kind("believe", "Believe", ""),
    _kind("pin", "Pin a belief", " --pin", (_GRAPH, _ENTITY, _PROPERTY, _LABEL)),
    _kind("retract", "Retract beliefs", " --retract"),
    _kind("solve", "Solve", " --solve"),
    _kind("constrain", "Constraint", " --rule"),
)
