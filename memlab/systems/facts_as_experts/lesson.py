"""What a step of a lesson can do to the fact memory."""

from __future__ import annotations

from collections.abc import Mapping

from memlab.reading.workspace import OpenLab
from memlab.results import Fact


def replace(lab: OpenLab, arguments: Mapping[str, str]) -> None:
    """Gives the row of a fact another object. Raises MemlabError."""
    fact = Fact(arguments["subject"], arguments["relation"], arguments["object"])
    lab.fact_memory.replace([(fact, arguments["new"])])
