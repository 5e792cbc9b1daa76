"""The bundled constraint graph: animals, plants and things, written for memlab."""

from __future__ import annotations

import json
from functools import cache

from memlab.bundle import assets
from memlab.systems.beliefbank.constraints import ConstraintGraph
from memlab.systems.beliefbank.graph_files import graph_from_own

BUNDLED = "world"


@cache
def bundled_graph() -> ConstraintGraph:
    """Read once for each process."""
    text = (assets() / "beliefs" / f"{BUNDLED}.json").read_text("utf-8")
    return graph_from_own(json.loads(text), BUNDLED)
