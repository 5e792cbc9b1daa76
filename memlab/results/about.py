"""How a reading or a generation was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memlab.results.gate import GateInfo
from memlab.results.prediction import SCHEMA_VERSION
from memlab.serialize import as_json


@dataclass(frozen=True)
class About:
    """How a trace or a generation was made; both are one.

    `gate_info` says what the gates of the tokens are: what they weigh, and what their ends mean. `words` are what a person
    reads for each id.
    """

    method: str
    model: str
    datastore: str | None
    workspace: str
    as_of: int
    settings: Mapping[str, Any]
    gate_info: GateInfo
    words: Sequence[str] = field(repr=False)
    notices: tuple[str, ...] = ()

    @property
    def gate_kind(self) -> str:
        """Name of the gate."""
        return self.gate_info.kind


def origin(result: About) -> dict[str, Any]:
    """The first keys of the JSON of a trace or a generation: its schema, and how it was made."""
    names = ("method", "model", "datastore", "workspace", "as_of", "settings", "gate_kind", "gate_info")
    return {"schema_version": SCHEMA_VERSION, **as_json(result, *names)}
