"""Constraint graphs and entities from files: memlab's own JSON, the BeliefBank form (node-link JSON), and csv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from memlab.errors import InputError
from memlab.systems.beliefbank.constraints import EXCLUDES, IMPLIES, KINDS, NEEDS, Constraint, ConstraintGraph, Entity

FORMAT, VERSION = "memlab-beliefs", 1
LINKS = {("yes_yes", "forward"): IMPLIES, ("yes_no", "forward"): EXCLUDES, ("yes_yes", "back"): NEEDS}
COLUMNS = ("source", "relation", "target")
LARGEST = 50_000_000  # bytes of a file


def read_folder(folder: Path) -> ConstraintGraph:
    """A folder in the form of the BeliefBank data: constraints*.json, silver_facts.json, calibration_facts.json.

    Raises:
        InputError: the folder or one of its files is missing or malformed.
    """
    if not folder.is_dir():
        raise InputError(
            f"There is no folder {folder}. Give a folder with constraints and facts in the BeliefBank form."
        )
    links = sorted(folder.glob("constraints*.json"))
    if not links:
        raise InputError(
            f"The folder {folder} has no constraints*.json. It needs one, and silver_facts.json or calibration_facts.json."
        )
    constraints = constraints_from_links(_json(links[-1]), links[-1].name)
    entities: dict[str, Entity] = {}
    mass = folder / "non_countable.txt"
    uncountable = frozenset(mass.read_text("utf-8").split("\n")) if mass.is_file() else frozenset[str]()
    for file, calibration in (("calibration_facts.json", True), ("silver_facts.json", False)):
        if (folder / file).is_file():
            for name, facts in entities_from_facts(_json(folder / file), file).items():
                entities[name] = Entity(name, facts, calibration, name not in uncountable)
    if not entities:
        raise InputError(f"The folder {folder} holds no facts. It needs silver_facts.json or calibration_facts.json.")
    return ConstraintGraph(folder.name, f"{folder.name} (BeliefBank form)", constraints, entities)


def read_graph(path: Path) -> ConstraintGraph:
    """A graph from a folder, or from one .json or .csv file. Raises InputError."""
    if path.is_dir():
        return read_folder(path)
    if not path.is_file():
        raise InputError(
            f"There is no file {path}. Give a .json or .csv file with constraints, or a folder in the BeliefBank form."
        )
    return graph_from_text(path.stem, _text_of(path), path.suffix)


def graph_from_text(name: str, text: str, suffix: str) -> ConstraintGraph:
    """The graph in a file's text. `suffix`: ".json" or ".csv". Raises InputError."""
    if suffix == ".csv":
        return ConstraintGraph(name, name, constraints_from_csv(text, name), {})
    if suffix != ".json":
        raise InputError(f"{name}{suffix} is neither .json nor .csv, the two formats that memlab reads.")
    found = _parsed(text, name + suffix)
    if isinstance(found, dict) and "links" in found:
        return ConstraintGraph(name, f"{name} (BeliefBank form)", constraints_from_links(found, name), {})
    return graph_from_own(found, name)


def graph_from_own(found: Any, name: str) -> ConstraintGraph:
    """The graph in memlab's own JSON: {"format", "version", "title", "properties", "constraints", "entities"}.

    An entity lists the properties that are true and those that are false of it; "others" for false means all other
    listed properties. Raises InputError.
    """
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(
            f'{name} is not a constraint graph: expected {{"format": "{FORMAT}", ...}}, or "links" in the BeliefBank form.'
        )
    if found.get("version") != VERSION:
        raise InputError(f"{name} has version {found.get('version')!r}; this memlab reads version {VERSION}.")
    constraints = tuple(
        constraint_from(row, f"{name}, constraint {n}") for n, row in enumerate(_list(found, "constraints", name), 1)
    )
    listed = tuple(_list(found, "properties", name))
    for property in listed:
        check_property(property if isinstance(property, str) else repr(property), f"{name}, properties")
    entities = [_entity(row, f"{name}, entity {n}", listed) for n, row in enumerate(_list(found, "entities", name), 1)]
    return ConstraintGraph(
        name, str(found.get("title", name)), _unique(constraints), {e.name: e for e in entities}, listed
    )


def to_own(graph: ConstraintGraph) -> dict[str, Any]:
    """The graph in memlab's own form; `graph_from_own` reads it again."""
    rows = []
    for e in graph.entities.values():
        yes = [p for p, label in e.facts.items() if label]
        no = [p for p, label in e.facts.items() if not label]
        rows.append({"name": e.name, "calibration": e.calibration, "countable": e.countable, "true": yes, "false": no})
    return {
        "format": FORMAT, "version": VERSION, "title": graph.title, "properties": list(graph.properties),
        "constraints": [c.to_dict() for c in graph.constraints], "entities": rows,
    }  # fmt: skip


def constraint_from(row: Any, where: str) -> Constraint:
    """One constraint in memlab's own form. Raises InputError, which begins with `where`."""
    if not isinstance(row, dict):
        raise InputError(
            f"{where}: {row!r} is not a constraint; expected an object with kind, source, targets and weight."
        )
    source, targets, weight = row.get("source"), row.get("targets"), row.get("weight", 1.0)
    if not isinstance(source, str) or not isinstance(targets, list) or not all(isinstance(t, str) for t in targets):
        raise InputError(f"{where}: source must be a property, targets a list of properties.")
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise InputError(f"{where}: the weight is {weight!r}; allowed is a number above 0.")
    for name in (source, *targets):
        check_property(name, where)
    try:
        return Constraint(str(row.get("kind")), source, tuple(targets), float(weight))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def check_property(name: str, where: str) -> None:
    """Raises InputError unless the name has the form "relation,text"."""
    relation, comma, text = name.partition(",")
    if not (relation.strip() and comma and text.strip()) or len(name) > 200:
        raise InputError(f'{where}: {name[:80]!r} is not a property; expected "relation,text", such as "IsA,bird".')


def constraints_from_links(found: Any, where: str) -> tuple[Constraint, ...]:
    """Constraints in the BeliefBank form: links with source, target, weight (yes_yes, yes_no), direction and score.

    Back links are stored already reversed (source: the part, target: a kind that has it), one per pair; those of one
    source become one clause, "not s, or t1, or t2 ...". Weights are the scores relative to the largest of the kind.
    An exclusion stored in both directions becomes one constraint.

    Raises:
        InputError: no links, or a link that cannot be read; says which.
    """
    if not isinstance(found, dict) or not isinstance(found.get("links"), list):
        raise InputError(f'{where} is not a constraint graph in the BeliefBank form: "links" is missing.')
    scores: dict[str, list[float]] = {kind: [] for kind in KINDS}
    read: list[tuple[str, str, str, float]] = []
    for number, link in enumerate(found["links"], 1):
        kind, source, target, score = _link(link, f"{where}, link {number}")
        scores[kind].append(score)
        read.append((kind, source, target, score))
    largest = {kind: max(values, default=1.0) for kind, values in scores.items()}
    needs: dict[str, list[tuple[str, float]]] = {}
    out: list[Constraint] = []
    for kind, source, target, score in read:
        if kind == NEEDS:
            needs.setdefault(source, []).append((target, score / largest[kind]))
        else:
            out.append(Constraint(kind, source, (target,), score / largest[kind]))
    for source, targets in needs.items():
        names = tuple(dict.fromkeys(t for t, _ in targets))
        out.append(Constraint(NEEDS, source, names, max(w for _, w in targets)))
    return _unique(out)


def _link(link: Any, where: str) -> tuple[str, str, str, float]:
    if not isinstance(link, dict) or not all(
        isinstance(link.get(n), str) for n in ("source", "target", "weight", "direction")
    ):
        raise InputError(f"{where}: expected an object with the strings source, target, weight and direction.")
    form = (link["weight"], link["direction"])
    if form not in LINKS:
        allowed = ", ".join(f"{w} {d}" for w, d in LINKS)
        raise InputError(f"{where}: unknown relation {' '.join(form)!r}. Allowed: {allowed}.")
    score = link.get("score", 1.0)
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 < score < float("inf"):
        raise InputError(f"{where}: the score is {score!r}; allowed is a number above 0.")
    for name in (link["source"], link["target"]):
        check_property(name, where)
    if link["source"] == link["target"]:
        raise InputError(f"{where}: relates {link['source']!r} to itself.")
    return LINKS[form], link["source"], link["target"], float(score)


def constraints_from_csv(text: str, where: str) -> tuple[Constraint, ...]:
    """Constraints from csv with the columns source, relation (implies, excludes, needs), target, and optionally weight.

    Targets of "needs" are separated by "|". Raises InputError, which names the line.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = [c for c in COLUMNS if c not in (reader.fieldnames or [])]
    if missing:
        raise InputError(
            f"{where}: the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} {'are' if len(missing) > 1 else 'is'} missing. Expected: {', '.join(COLUMNS)}, weight."
        )
    out = []
    for row in reader:
        line = f"{where}, line {reader.line_num}"
        try:
            weight = float(row.get("weight") or 1.0)
        except ValueError:
            raise InputError(f"{line}: the weight is {row['weight']!r}; allowed is a number above 0.") from None
        targets = [t.strip() for t in (row["target"] or "").split("|")]
        source = (row["source"] or "").strip()
        kind = (row["relation"] or "").strip()
        out.append(constraint_from({"kind": kind, "source": source, "targets": targets, "weight": weight}, line))
    return _unique(out)


def entities_from_facts(found: Any, where: str) -> dict[str, dict[str, bool]]:
    """Facts in the BeliefBank form: entity -> property -> "yes" or "no". Raises InputError."""
    if not isinstance(found, dict):
        raise InputError(f"{where}: expected an object: entity -> property -> yes or no.")
    out: dict[str, dict[str, bool]] = {}
    for name, facts in found.items():
        if not isinstance(facts, dict):
            raise InputError(f"{where}, {name!r}: expected an object: property -> yes or no.")
        for property, label in facts.items():
            check_property(property, f"{where}, {name!r}")
            if label not in ("yes", "no"):
                raise InputError(f"{where}, {name!r}, {property!r}: the label is {label!r}; allowed is yes or no.")
        out[name] = {property: label == "yes" for property, label in facts.items()}
    return out


def entities_from_csv(text: str, where: str) -> dict[str, dict[str, bool]]:
    """Facts from csv with the columns entity, property, label (yes or no). Raises InputError."""
    reader = csv.DictReader(io.StringIO(text))
    missing = [c for c in ("entity", "property", "label") if c not in (reader.fieldnames or [])]
    if missing:
        raise InputError(f"{where}: missing columns: {', '.join(missing)}. Expected: entity, property, label.")
    found: dict[str, dict[str, str]] = {}
    for row in reader:
        if not (row["entity"] or "").strip():
            raise InputError(f"{where}, line {reader.line_num}: the entity is empty.")
        found.setdefault(row["entity"].strip(), {})[(row["property"] or "").strip()] = (
            (row["label"] or "").strip().lower()
        )
    return entities_from_facts(found, where)


def read_facts(file: Path | str, suffix: str, where: str) -> dict[str, dict[str, bool]]:
    """Entities with facts from a path, or from a file's text with its suffix (.json or .csv). Raises InputError."""
    text = file
    if isinstance(file, Path):
        text, suffix, where = _text_of(file), file.suffix, file.name
    if suffix not in (".json", ".csv"):
        raise InputError(f"{where}{suffix} is neither .json nor .csv, the two formats that memlab reads.")
    if suffix == ".csv":
        return entities_from_csv(str(text), where)
    return entities_from_facts(_parsed(str(text), where), where)


def _text_of(path: Path) -> str:
    """Raises InputError for a file that is missing, too large, or not UTF-8."""
    if not path.is_file():
        raise InputError(f"There is no file {path}. Give a .json or .csv file.")
    if path.stat().st_size > LARGEST:
        raise InputError(
            f"{path.name} has {path.stat().st_size / 1e6:.0f} MB; at most {LARGEST / 1e6:.0f} MB are read."
        )
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} is not UTF-8 text: {error.reason} at byte {error.start}. Save it as UTF-8."
        ) from error


def _entity(row: Any, where: str, listed: tuple[str, ...]) -> Entity:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"].strip():
        raise InputError(f"{where}: expected an object with name, true and false.")
    named: str = row["name"]
    facts: dict[str, bool] = {}
    if row.get("false") == "others":
        true = set(_list(row, "true", where))
        row = {**row, "false": [p for p in listed if p not in true]}
    for key, label in (("false", False), ("true", True)):
        for name in _list(row, key, where):
            if not isinstance(name, str):
                raise InputError(f'{where}: {name!r} is not a property, which is a string such as "IsA,bird".')
            check_property(name, where)
            if name in facts:
                raise InputError(f"{where}: {name!r} is listed twice.")
            facts[name] = label
    return Entity(named, facts, bool(row.get("calibration", False)), bool(row.get("countable", True)))


def _list(found: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = found.get(key, [])
    if not isinstance(value, list):
        raise InputError(f"{where}: {key} must be a list.")
    return value


def _unique(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """One for each id: the one with the largest weight."""
    best: dict[str, Constraint] = {}
    for c in constraints:
        if c.id not in best or best[c.id].weight < c.weight:
            best[c.id] = c
    return tuple(best.values())


def _json(path: Path) -> Any:
    return _parsed(_text_of(path), path.name)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{where} is not JSON: {error}.") from error
    except RecursionError:
        raise InputError(f"{where} is nested too deeply to be read.") from None
