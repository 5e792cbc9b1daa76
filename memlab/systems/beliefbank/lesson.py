"""What a step of a lesson can do with beliefs, and what it can claim of them."""

from __future__ import annotations

from collections.abc import Mapping

from memlab.reading.workspace import OpenLab


def ask_everything(lab: OpenLab, arguments: Mapping[str, str]) -> None:
    """Asks the model every question about a thing and keeps its answers. Raises MemlabError."""
    lab.beliefs.ask_all(arguments["thing"])


def solve(lab: OpenLab, arguments: Mapping[str, str]) -> None:
    """Makes the beliefs about a thing consistent. Raises MemlabError."""
    lab.solve(arguments["thing"])


def conflicts(lab: OpenLab, parameters: Mapping[str, str], as_of: int | None) -> str:
    """Whether beliefs about the thing contradict each other: "some" or "none". Raises MemlabError."""
    return "some" if lab.beliefs.conflicts(parameters["thing"], as_of=as_of) else "none"
