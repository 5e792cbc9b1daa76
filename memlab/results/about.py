"""How a reading or a generation was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from memlab.results.gate import GateInfo
from memlab.results.prediction import SCHEMA_VERSION
from memlab.serialize import as_json


@dataclass(frozen=True)
class About:
    """How a trace or a generation was made: the fields of the same names in `Trace` and `Generation`."""

    method: str
    model: str
    datastore: str | None
    workspace: str
    as_of: int
    settings: Mapping[str, Any]
    gate_info: GateInfo
    words: Sequence[str]
    notices: tuple[str, ...]


class HasGate(Protocol):
    """A `Trace` or a `Generation`: a result that one gate describes."""

    @property
    def gate_info(self) -> GateInfo: ...


def origin(result: HasGate) -> dict[str, Any]:
    """The first keys of the JSON of a trace or a generation: its schema, and how it was made."""
    names = ("method", "model", "datastore", "workspace", "as_of", "settings", "gate_kind", "gate_info")
    return {"schema_version": SCHEMA_VERSION, **as_json(result, *names)}
