"""The other options of `memlab believe`: reasons, what to check, retracting, rules, graphs from files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memlab.commands import show
from memlab.errors import InputError
from memlab.systems.beliefbank.constraints import KINDS, Constraint
from memlab.systems.beliefbank.phrasing import parse, statement
from memlab.systems.beliefbank.phrasing import rule as in_words
from memlab.systems.beliefbank.state import ADD, CHANGE, REMOVE

if TYPE_CHECKING:
    from memlab.reading.workspace import OpenLab

How = dict[str, Any]


def why(lab: OpenLab, question: str, as_json: bool, how: How) -> None:
    """The chain of rules that supports a stored belief, and a minimal conflict with it."""
    graph, as_of = how["graph"], how["as_of"]
    entity, property = parse(question, lab.beliefs.graph(graph, as_of))
    belief = lab.beliefs.bank(graph, as_of).about(entity.name).get(property)
    if belief is None:
        raise InputError(f"Nothing is believed about that yet. Ask first: memlab believe {question!r}")
    steps = lab.beliefs.why(entity.name, property, graph, as_of)
    clash = lab.beliefs.clash(entity.name, property, graph, as_of)
    document = {
        "belief": belief.to_dict(), "why": [step.to_dict() for step in steps], "clash": clash.to_dict() if clash else None,
    }  # fmt: skip
    lines = [f"{statement(entity, property, belief.label)} ({belief.origin}, {belief.p:.2f})"]
    for step in steps:
        grounds = " and ".join(statement(entity, p, label) for p, label in step.because)
        lines.append(
            f"  {statement(entity, step.property, step.label)} because {grounds} ({in_words(step.constraint)})"
        )
    if clash:
        lines.append("cannot all hold: " + " ".join(statement(entity, b.property, b.label) for b in clash.beliefs))
        lines += [f"  {in_words(c)}" for c in clash.constraints]
    show(document, as_json, lines)


def check(lab: OpenLab, as_json: bool, how: How) -> None:
    """Lists the beliefs most worth checking."""
    graph, as_of = how["graph"], how["as_of"]
    entity = lab.beliefs.graph(graph, as_of).entity(how["check"])
    if not lab.beliefs.bank(graph, as_of).about(entity.name):
        raise InputError(
            f"Nothing is believed of {entity.name} yet. Ask everything: memlab believe --solve {entity.name!r}"
        )
    found = lab.beliefs.propose(entity.name, graph=graph, as_of=as_of)
    lines = [
        f"{statement(entity, p.belief.property, True)} doubt {p.doubt:.2f}; {p.moves} other labels change if it is wrong"
        for p in found
    ]
    show({"entity": entity.name, "results": [p.to_dict() for p in found]}, as_json, lines)


def retract(lab: OpenLab, question: str, as_json: bool, how: How) -> None:
    """Takes one belief out of the bank."""
    entity, property = parse(question, lab.beliefs.graph(how["graph"]))
    edit = lab.beliefs.retract(entity.name, [property], how["graph"])
    show({"edit": edit.to_dict()}, as_json, [edit.summary])


def rule(lab: OpenLab, as_json: bool, how: How) -> None:
    """Adds, changes or removes a rule."""
    graph = lab.beliefs.graph(how["graph"])
    made = parse_rule(how["rule"], graph.property, 1.0 if how["weight"] is None else how["weight"])
    there = any(c.id == made.id for c in graph.constraints)
    action = REMOVE if how["remove"] else CHANGE if there and how["weight"] is not None else ADD
    edit = lab.beliefs.constrain(made, action, how["graph"])
    show({"edit": edit.to_dict()}, as_json, [edit.summary])


def parse_rule(text: str, named: Any, weight: float) -> Constraint:
    """A rule from words: "A implies B", "A excludes B", "A needs B | C".

    Args:
        named: returns the property with that text, or raises NotFound with similar names.

    Raises:
        InputError: the text contains none of the relations. NotFound: no such property.
    """
    for kind in KINDS:
        source, found, targets = text.partition(f" {kind} ")
        if found:
            return Constraint(kind, named(source.strip()), tuple(named(t.strip()) for t in targets.split("|")), weight)
    raise InputError(
        f'{text[:80]!r} names no relation. Write "IsA,bird implies HasPart,wings"; relations: {", ".join(KINDS)}.'
    )


def import_files(lab: OpenLab, as_json: bool, how: How) -> None:
    """Stores a user's graph."""
    name = how["name"]
    if not any(how[part] for part in ("rules", "facts", "calibration")):
        raise InputError("--import needs a file: --rules, --facts or --calibration.")
    if how["rules"]:
        lab.beliefs.import_graph(name, how["rules"])
    for part, calibration in (("facts", False), ("calibration", True)):
        if how[part]:
            lab.beliefs.import_entities(name, how[part], calibration=calibration)
    made = lab.beliefs.graph(name)
    counts = {"constraints": len(made.constraints), "properties": len(made.properties), "entities": len(made.entities)}
    told = ", ".join(f"{number:,} {what}" for what, number in counts.items())
    show({"graph": name, **counts, "calibration_entities": len(made.split(True))}, as_json, [f"{name}: {told}"])
