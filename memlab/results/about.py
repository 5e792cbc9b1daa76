"""What a reading or a generation says of how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memlab.results.gate import GateInfo


@dataclass(frozen=True)
class About:
    """What a trace or a generation says of how it was made; the fields of the same names in their results."""

    method: str
    model: str
    datastore: str | None
    workspace: str
    as_of: int
    settings: Mapping[str, Any]
    gate_info: GateInfo
    words: Sequence[str]
    notices: tuple[str, ...]
