"""The origin of an added model, as its card and its record state it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

UNKNOWN_LICENSE = "not stated"


@dataclass(frozen=True)
class Origin:
    """Where a model came from.

    source: for a person, for example "the hub: owner/name". revision: of the hub, else empty.
    license: as stated there. files: name -> sha256 of what was read, before anything was changed.
    notes: what else the user should know about the copy.
    """

    source: str
    license: str = UNKNOWN_LICENSE
    revision: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "files": dict(self.files), "notes": list(self.notes)}
