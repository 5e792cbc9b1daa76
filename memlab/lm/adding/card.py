"""The card (README.md) and the record (memlab.json) of an added model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from memlab.lm.adding.origin import Origin
from memlab.lm.plain_path import readable


def record(name: str, origin: Origin) -> dict[str, Any]:
    """The content of memlab.json; `kind` is added when the model has been checked."""
    known = replace(
        origin,
        source=readable(origin.source),
        files={readable(file): sha256 for file, sha256 in origin.files.items()},
        notes=tuple(map(readable, origin.notes)),
    )
    return {"name": name, "added": {**known.to_dict(), "when": datetime.now(UTC).isoformat(timespec="seconds")}}


def card(name: str, origin: Origin, found: Mapping[str, Any]) -> str:
    """The card in Markdown. `found`: the result of the model's check."""
    lines = [
        *("---", f"license: {_line(origin.license)}", "---", "", f"# {name}", ""),
        f"A {found['kind']} language model ({found['architecture']}, {found['parameters']:,} parameters, "
        f"{found['vocabulary']:,} words), added to memlab.",
        "",
        f"- From: {_line(origin.source)}" + (f", revision {_line(origin.revision)}" if origin.revision else ""),
        f"- License stated there: {_line(origin.license)}",
        *("", "Files read:", "", "| file | sha256 |", "|---|---|"),
        *(f"| {_line(file)} | `{sha256}` |" for file, sha256 in sorted(origin.files.items())),
        "",
        "Its weights are stored with 16 bits per number. When it was added, its log-probabilities in memlab were compared with "
        f"those of the plain module: they differ by at most {found['difference']:.1g}.",
        *(f"\n{_line(note)}" for note in found["notes"]),
    ]
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    """Text from outside, on one line and without markup."""
    return " ".join(readable(text).split()).replace("|", "/").replace("<", "‹").replace(">", "›")[:300]
