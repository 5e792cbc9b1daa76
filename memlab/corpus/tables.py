"""Tables with a column of texts: csv, jsonl, parquet. Of parquet, only the columns that are used are read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from memlab.corpus.door import checked_text, decoded, lines, shown
from memlab.corpus.one_file import FileTexts, TextOptions, title_of
from memlab.errors import InputError
from memlab.results import Article

TEXT = ("text", "content", "body", "article", "sentence")
TITLE = ("title", "name", "subject", "id")
SEPARATORS = (",", ";", "\t")
_KINDS = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number"}


def read_csv(raw: bytes, path: Path, options: TextOptions) -> FileTexts:
    """A table as spreadsheets write it: separated by commas, semicolons or tabs, with or without a byte order mark.

    Raises:
        InputError, ValueError: no column of text, or a row with more columns than names.
    """
    text = decoded(raw, str(path))
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # its default limit refuses long texts
    separator, text = _separator(text, _wanted(options))
    table = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = next(table, [])
    return _texts(_records(header, table, separator), path, options)


def read_jsonl(raw: bytes, path: Path, options: TextOptions) -> FileTexts:
    """A JSON object on each line. Raises InputError, or ValueError for a line that is not an object."""
    return _texts(_objects(lines(decoded(raw, str(path)))), path, options)


def read_parquet(raw: bytes, path: Path, options: TextOptions) -> FileTexts:
    """A parquet table. Raises InputError: no column of text, or one with values of another type."""
    file = pq.ParquetFile(io.BytesIO(raw))
    used = used_columns(file.schema_arrow, str(path), options)
    return _texts(file.read(columns=used).to_pylist(), path, options)


def used_columns(schema: pa.Schema, where: str, options: TextOptions) -> list[str]:
    """Names of the columns with texts and titles.

    Raises:
        InputError: no column of text, or one with values of another type.
    """
    types = {field.name: field.type for field in schema}
    wanted = _wanted(options)
    texts = [name for name in types if _plain(name) in wanted]
    used = [name for name in texts if _is_text(types[name])]
    if texts and not used:
        raise _no_text(where, texts[0], f"values of the type {str(types[texts[0]])[:80]}")
    used += [name for name in types if _plain(name) in TITLE and name not in texts and _is_word(types[name])]
    if not texts:
        raise _no_column(where, 1, list(types), options)
    return used


def _texts(rows: Iterable[Mapping[str, Any]], path: Path, options: TextOptions) -> FileTexts:
    """The rows that have a text; the numbers of the others."""
    wanted = _wanted(options)
    articles: list[Article] = []
    without: list[int] = []
    first: Sequence[str] | None = None  # the names of the first row
    strange: tuple[int, str, Any] | None = None  # row, column and value of something that is not a text
    known = False
    for number, row in enumerate(rows, 1):
        named = {_plain(name): value for name, value in reversed(list(row.items()))}
        first = list(row) if first is None else first
        there = [(column, named[column]) for column in wanted if column in named]
        known = known or bool(there)
        text = next((value for _, value in there if isinstance(value, str) and value.strip()), None)
        if text is None:
            without.append(number)
            odd = next(((c, v) for c, v in there if v is not None and not isinstance(v, str)), None)
            strange = strange or (odd and (number, *odd)) or None
            continue
        where = f"{path}, row {number},"
        articles.append(_article(checked_text(text, where), named, wanted, f"{title_of(path)} {number}", where))
    if not articles and strange:
        raise _no_text(path, strange[1], f"{_kind(strange[2])} (row {strange[0]})")
    if first is not None and not known:
        raise _no_column(path, 1, first, options)
    notices = (
        (f"{path.name}, row {strange[0]}: {strange[1]} contains {_kind(strange[2])}, not text.",) if strange else ()
    )
    return FileTexts(tuple(articles), tuple(without), notices)


def _article(text: str, named: Mapping[str, Any], wanted: Sequence[str], number: str, where: str) -> Article:
    titles = (named[c] for c in TITLE if c in named and c not in wanted)
    title = next((str(t) for t in titles if t not in (None, "") and not isinstance(t, dict | list)), number)
    return Article(checked_text(title, f"The title in {where}"), title, text)


def _objects(texts: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    number = 0
    for text in texts:
        if not text.strip(" \t"):
            continue
        number += 1
        try:
            row = json.loads(text)
        except ValueError as error:
            raise ValueError(f"row {number} is not JSON ({error})") from None
        if not isinstance(row, dict):
            raise ValueError(f"row {number} is not an object with fields")
        yield row


def _records(header: Sequence[str], table: Iterable[Sequence[str]], separator: str) -> Iterator[Mapping[str, Any]]:
    number = 0
    for cells in table:
        if not cells:
            continue
        number += 1
        if any(cell.strip() for cell in cells[len(header) :]):
            what = {"\t": "a tab"}.get(separator, repr(separator))
            raise ValueError(
                f"row {number} has {len(cells)} columns, the table {len(header)}: put texts that contain {what} in quotation marks"
            )
        yield dict.fromkeys(header) | dict(zip(header, cells, strict=False))


def _separator(text: str, wanted: Sequence[str]) -> tuple[str, str]:
    """The separator for which the header has a wanted column, and the text from the header on."""
    line, _, rest = text.partition("\n")
    said = line.strip("\r")
    if said.lower().startswith("sep=") and len(said) == 5:  # a separator line, as spreadsheets write it
        return said[-1], rest
    headers = {s: next(csv.reader(io.StringIO(text, newline=""), delimiter=s), []) for s in SEPARATORS}
    fitting = [s for s, names in headers.items() if any(_plain(name) in wanted for name in names)]
    return max(fitting or SEPARATORS, key=lambda s: len(headers[s])), text


def _wanted(options: TextOptions) -> tuple[str, ...]:
    return TEXT if options.text_column is None else (_plain(options.text_column),)


def _plain(name: object) -> str:
    return str(name).strip().casefold()


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), type(value).__name__)


def _is_text(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_string_view(value)


def _is_word(kind: pa.DataType) -> bool:
    """Whether values can be written as a title."""
    return _is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _no_text(path: Path | str, column: str, what: str) -> InputError:
    return InputError(f"{path}: the column {column} contains {what}, not text. Choose another one with --text-column.")


def _no_column(path: Path | str, row: int, there: Sequence[object], options: TextOptions) -> InputError:
    return InputError(
        f"{path} cannot be read: row {row} has no text in a column named {', '.join(_wanted(options))}; it has "
        f"{shown(', '.join(map(str, there)))[:300]}. Choose the column with --text-column."
    )
