"""Constraint graphs of one's own, kept in the home folder as memlab's own JSON."""

from __future__ import annotations

import json
import os
import re
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


def graph_named(home: Path, name: str) -> ConstraintGraph:
    """Raises NotFound, with the graphs there are; InputError for a damaged file."""
    if name == BUNDLED:
        return bundled_graph()
    if name not in graph_names(home):
        raise NotFound.named("constraint graph", name, graph_names(home))
    file = home / FOLDER / f"{name}.json"
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(file: Path, written: int) -> ConstraintGraph:
    return graph_from_text(file.stem, file.read_text("utf-8"), ".json")


def keep_graph(
    home: Path, name: str, graph: ConstraintGraph, entities: dict[str, dict[str, bool]] | None = None
) -> ConstraintGraph:
    """Writes a graph (with other entities, where given) under a name. Raises InputError for a name that cannot be used."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,59}", name) or name == BUNDLED:
        raise InputError(
            f"{name[:60]!r} cannot name a constraint graph. Use letters, digits, blanks, - and _; {BUNDLED!r} is the bundled one."
        )
    given = {n: Entity(n, facts) for n, facts in (entities or {}).items()} or dict(graph.entities)
    made = ConstraintGraph(name, name, graph.constraints, given, graph.listed)
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    work = home / FOLDER / f".{name}.{os.getpid()}.tmp"
    work.write_text(json.dumps(to_own(made), ensure_ascii=False), "utf-8")
    work.replace(home / FOLDER / f"{name}.json")
    return made
