"""Many prompts: one on each line, or a table with a column of expected answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from memlab.errors import InputError

PROMPT, EXPECTED = "prompt", "expected"  # the usual names of columns


@dataclass(frozen=True)
class Prompts:
    """A prompt for each line of a file, "" where a line has none; the expected answers beside them, None without any."""

    lines: tuple[str, ...]
    expected: tuple[str | None, ...]


def prompts_of(lines: Sequence[str]) -> Prompts:
    """Lines as prompts, or, where the first line names a column `prompt`, as a table. Raises InputError."""
    head = [cell.strip().casefold() for cell in next(csv.reader(lines[:1]), [])]
    if PROMPT in head and len(head) > 1:
        return table_of(lines, EXPECTED if EXPECTED in head else None)
    return Prompts(tuple(lines), (None,) * len(lines))


def table_of(lines: Sequence[str], expected: str | None, prompt: str = PROMPT) -> Prompts:
    """A CSV table with a header.

    Args:
        expected: name of the column of expected answers, several right ones divided by "|"; None for none.

    Raises:
        InputError: a column is not there, or a line has more cells than the header.
    """
    rows = csv.reader(io.StringIO("\n".join(lines)), strict=True)
    try:
        head = [cell.strip().casefold() for cell in next(rows, [])]
        places = [_place(head, name) for name in (prompt, *([expected] if expected else []))]
        prompts: list[str] = [""] * len(lines)
        answers: list[str | None] = [None] * len(lines)
        for row in rows:
            n = rows.line_num - 1
            if len(row) > len(head):
                raise InputError(
                    f"Line {n + 1} has {len(row)} cells, the header {len(head)}. Put quotation marks around a cell with a comma."
                )
            cells = [row[at].strip() if at < len(row) else "" for at in places]
            prompts[n] = cells[0]
            answers[n] = (cells[1] or None) if expected else None
    except csv.Error as error:
        raise InputError(f"Line {rows.line_num} is no line of a CSV table: {error}.") from None
    return Prompts(tuple(prompts), tuple(answers))


def _place(head: list[str], name: str) -> int:
    if name.strip().casefold() not in head:
        raise InputError(f"There is no column {name!r}. The columns are: {', '.join(head) or 'none'}.")
    return head.index(name.strip().casefold())
