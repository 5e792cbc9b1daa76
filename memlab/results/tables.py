"""Rows as CSV text, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """CSV: a header, then one line per row; `columns` defaults to the names of the first row."""
    names = list(columns if columns is not None else rows[0] if rows else ())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # with "\n" a lone "\r" in a text would not be quoted
    writer.writerow(names)
    for row in rows:
        writer.writerow([plain_cell(row[name]) for name in names])
    return out.getvalue()


def plain_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is quoted with a leading apostrophe."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
