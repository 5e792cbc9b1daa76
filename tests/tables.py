"""Parquet files of tests."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def put_table(table: pa.Table, path: Path) -> None:
    """Writes a table into an open file: pyarrow takes no name that does not decode, as those of a temporary folder may."""
    with path.open("wb") as file:
        pq.write_table(table, file)
