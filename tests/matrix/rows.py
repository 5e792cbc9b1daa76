"""The rows of the table that the matrix prints, for FIGURES.md."""

from __future__ import annotations

from collections import defaultdict

# name -> column -> what was measured or found
ROWS: dict[str, dict[str, str]] = defaultdict(dict)
COLUMNS = ("kind", "log p", "keys", "key difference", "reading on", "short term", "padding", "limit")


def note(name: str, **found: object) -> None:
    """Notes results of an architecture; `_` in a column's name stands for a blank."""
    for column, value in found.items():
        ROWS[name][column.replace("_", " ")] = f"{value:.0e}" if isinstance(value, float) else str(value)


def refuse(name: str, why: str) -> None:
    ROWS[name] = {"kind": "refused", "log p": why}


def table() -> list[str]:
    """The table in Markdown; refused architectures in a list after it."""
    told = sorted(name for name, row in ROWS.items() if row.get("kind") != "refused")
    lines = [f"| architecture | {' | '.join(COLUMNS)} |", f"|{'---|' * (len(COLUMNS) + 1)}"]
    lines += [f"| {name} | {' | '.join(ROWS[name].get(column, '') for column in COLUMNS)} |" for name in told]
    refused = sorted(name for name, row in ROWS.items() if row.get("kind") == "refused")
    return lines + [""] * bool(refused) + [f"- {name}: {ROWS[name]['log p']}" for name in refused]
