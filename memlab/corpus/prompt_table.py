"""Many prompts: one on each line, a CSV table with a header, or a JSON object on each line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memlab.corpus.door import shown
from memlab.errors import InputError

PROMPT, EXPECTED = "prompt", "expected"  # the usual names of columns
SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class Prompts:
    """A prompt for each line of a file, "" where a line has none, and the expected answer of each, or None."""

    lines: tuple[str, ...]
    expected: tuple[str | None, ...]


def prompts_of(lines: Sequence[str], expected: str | None = None) -> Prompts:
    """Lines as prompts, or, where the first line names a column `prompt` or is a JSON object, as a table.

    Args:
        expected: name of the column of expected answers; by default `expected`, if it exists.

    Raises:
        InputError: as `table_of`.
    """
    columns = columns_of(lines)
    if PROMPT not in columns or (len(columns) == 1 and not _is_object(lines)):
        return table_of(lines, expected) if expected is not None else Prompts(tuple(lines), (None,) * len(lines))
    return table_of(lines, expected or (EXPECTED if EXPECTED in columns else None))


def columns_of(lines: Sequence[str]) -> tuple[str, ...]:
    """The case-folded names of the columns: the cells of the first line, or the fields of its JSON object."""
    first = next((line for line in lines if line.strip()), "")
    if _is_object(lines):
        return tuple(_plain(name) for name in _object(first, 1))
    return tuple(_plain(cell) for cell in next(csv.reader([first], delimiter=_separator(first)), []))


def table_of(lines: Sequence[str], expected: str | None, prompt: str = PROMPT) -> Prompts:
    """A table: CSV with a header (separated by commas, semicolons or tabs), or a JSON object on each line.

    Args:
        expected: name of the column of expected answers, several right ones separated by "|" (in JSON also a list);
            None: no such column.

    Raises:
        InputError: a column is missing or there twice, or a line has more cells than the header, is not a JSON
            object, or has an answer without a prompt.
    """
    columns = columns_of(lines)
    for name in (prompt, *([expected] if expected else [])):
        if _plain(name) not in columns:
            raise InputError(f"There is no column {name!r}. The columns are: {shown(', '.join(columns)) or 'none'}.")
        if columns.count(_plain(name)) > 1:
            raise InputError(f"There are {columns.count(_plain(name))} columns {name!r}. Rename all but one.")
    prompts: list[str] = [""] * len(lines)
    answers: list[str | None] = [None] * len(lines)
    for n, row in _objects(lines) if _is_object(lines) else _rows(lines):
        prompts[n] = _prompt(row.get(_plain(prompt)), n)
        answers[n] = _text(row.get(_plain(expected)), n) or None if expected else None
        if answers[n] and not prompts[n]:
            raise InputError(f"Line {n + 1} has an expected answer and no prompt. Give it one, or leave the line out.")
    return Prompts(tuple(prompts), tuple(answers))


def _rows(lines: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Index of the last line and cells by column, of every row below the header."""
    first = next((line for line in lines if line.strip()), "")
    rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=_separator(first), strict=True)
    head: list[str] = []
    try:
        for row in rows:
            if not head:
                head = [_plain(cell) for cell in row]
                continue
            if len(row) > len(head):
                raise InputError(
                    f"Line {rows.line_num} has {len(row)} cells, the header {len(head)}. Put quotation marks around a cell with a comma."
                )
            yield rows.line_num - 1, dict(zip(reversed(head[: len(row)]), reversed(row), strict=True))
    except csv.Error as error:
        raise InputError(f"Line {rows.line_num} is not a line of a CSV table: {error}.") from None


def _objects(lines: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for n, line in enumerate(lines):
        if line.strip():
            yield n, {_plain(name): value for name, value in _object(line, n + 1).items()}


def _object(line: str, number: int) -> Mapping[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=_each_once)
    except InputError as error:
        raise InputError(f"Line {number}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"Line {number} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise InputError(f"Line {number} is not a JSON object with fields.")
    return found


def _each_once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a JSON object by name. Raises InputError for two of one name."""
    names = [_plain(name) for name, _ in fields]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"There are {names.count(name)} fields {name!r}. Rename all but one.")
    return dict(fields)


def _is_object(lines: Sequence[str]) -> bool:
    """Whether the first non-empty line is a JSON object."""
    first = next((line for line in lines if line.strip()), "")
    try:
        return first.lstrip().startswith("{") and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _separator(head: str) -> str:
    """The separator that splits the header into a column `prompt` and others; failing that, into most columns."""
    heads = {s: [_plain(cell) for cell in next(csv.reader([head], delimiter=s), [])] for s in SEPARATORS}
    return max(SEPARATORS, key=lambda s: (PROMPT in heads[s], len(heads[s])))


def _plain(name: str) -> str:
    return str(name).strip().casefold()


def _prompt(value: Any, line: int) -> str:
    """A prompt's cell, stripped. Raises InputError for anything but a text."""
    if value is None or isinstance(value, str):
        return (value or "").strip()
    raise InputError(f"Line {line + 1} has {json.dumps(value)[:60]} where a text is expected.")


def _text(value: Any, line: int) -> str:
    """An answer's cell as text; a list is joined by "|". Raises InputError for objects and booleans."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " | ".join(_text(one, line) for one in value)
    if isinstance(value, dict | bool):
        raise InputError(f"Line {line + 1} has {json.dumps(value)[:60]} where a text is expected.")
    return str(value).strip()
