"""The user's own constraint graphs, kept in the home folder as memlab's own JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from memlab.errors import InputError, NotFound
from memlab.systems.beliefbank.bundled import BUNDLED, bundled_graph
from memlab.systems.beliefbank.constraints import ConstraintGraph, Entity
from memlab.systems.beliefbank.graph_files import graph_from_text, to_own

FOLDER = "beliefs"


def graph_names(home: Path) -> list[str]:
    """The bundled graph and those in the home folder."""
    return [BUNDLED, *sorted(file.stem for file in (home / FOLDER).glob("*.json"))]


def graph_file(home: Path, name: str) -> Path:
    """The file of a user's graph."""
    return home / FOLDER / f"{name}.json"


def graph_named(home: Path, name: str) -> ConstraintGraph:
    """The graph of this name. Raises NotFound, which lists the graphs; InputError for a damaged file."""
    if name == BUNDLED:
        return bundled_graph()
    if name not in graph_names(home):
        raise NotFound.named("constraint graph", name, graph_names(home))
    file = graph_file(home, name)
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(file: Path, written: int) -> ConstraintGraph:
    return graph_from_text(file.stem, file.read_text("utf-8"), ".json")


def keep_entities(
    home: Path, graph: ConstraintGraph, facts: Mapping[str, Mapping[str, bool]], calibration: bool
) -> ConstraintGraph:
    """Writes a graph in which these entities replace the calibration entities, or (calibration=False) all others.

    Raises:
        InputError: an entity is among those that stay.
    """
    others = {e.name: e for e in graph.split(not calibration)}
    if both := sorted(set(others) & set(facts)):
        raise InputError(
            f"{both[0]!r} is among the entities for {'testing' if calibration else 'calibration'} already; an entity can serve only one of the two."
        )
    new = {name: Entity(name, dict(about), calibration) for name, about in facts.items()}
    return keep_graph(home, graph.name, replace_entities(graph, {**others, **new}))


def replace_entities(graph: ConstraintGraph, entities: Mapping[str, Entity]) -> ConstraintGraph:
    """The same rules with other entities."""
    return ConstraintGraph(graph.name, graph.title, graph.constraints, entities, graph.listed)


def keep_graph(home: Path, name: str, graph: ConstraintGraph) -> ConstraintGraph:
    """Writes a graph under a name. Raises InputError for a name that cannot be used."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,59}", name) or name == BUNDLED:
        raise InputError(
            f"{name[:60]!r} cannot name a constraint graph. Use letters, digits, blanks, - and _; {BUNDLED!r} is the bundled one."
        )
    made = ConstraintGraph(name, name, graph.constraints, graph.entities, graph.listed)
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    work = home / FOLDER / f".{name}.{os.getpid()}.tmp"
    work.write_text(json.dumps(to_own(made), ensure_ascii=False), "utf-8")
    work.replace(home / FOLDER / f"{name}.json")
    return made
