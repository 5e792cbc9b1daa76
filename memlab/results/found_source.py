"""Sources that a search found: places of the texts that memory was read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memlab.results.edits import Source
from memlab.serialize import as_json


@dataclass(frozen=True)
class FoundSource:
    """One place. Where it is forgotten (by edit `forgotten_by`), its text is blacked out.

    `left` and `right` are the rest of its sentence. `origin` is "base", or "edit:<seq>" for a taught text.
    """

    source: Source
    title: str
    left: str
    right: str
    origin: str = "base"
    forgotten_by: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return {**self.source.to_dict(), **as_json(self, "title", "left", "right", "origin", "forgotten_by")}


@dataclass(frozen=True)
class FoundSources:
    """The first of the `total` places that a search found, in the order of the documents."""

    sources: tuple[FoundSource, ...]
    total: int

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "total", "sources")
