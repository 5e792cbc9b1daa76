"""The result of a study: its figures, its scores and rows as tables, and files to download."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from memlab.declare import Study
from memlab.errors import MemlabError
from memlab.results.tables import csv_text
from memlab.systems.registry import registry
from memlab.ui.app.session import show_error
from memlab.ui.as_table import chart
from memlab.ui.downloads import download
from memlab.ui.plain import plain

SHOWN = 200  # rows of a table on the page; the files have all


def show_outcome(study: Study, document: Any, key: str) -> None:
    """Draws the result of a run from its JSON document.

    Args:
        document: `to_dict()` of the result. key: prefix of the controls' keys.
    """
    if study.draw is not None:
        _draw(study, study.draw, document, key)
    if isinstance(document, Mapping):
        _numbers(document)
        for name in tables(document):
            st.markdown(f"**{plain(name.capitalize())}**")
            rows = document[name]
            st.dataframe([flat(row) for row in rows[:SHOWN]], hide_index=True, key=f"{key}.{name}")
            if len(rows) > SHOWN:
                st.caption(f"The first {SHOWN} of {len(rows):,}; the files have all.")
    _files(study, document, key)


def _draw(study: Study, draw: str, document: Any, key: str) -> None:
    """The study's figures; numbers and files are shown without them where their code cannot be loaded."""
    try:
        figures = registry().code(draw, study, "drawing")(document)
    except MemlabError as error:
        show_error(error)
        return
    for title, figure in figures.items():
        st.markdown(f"**{plain(title)}**")
        chart(figure, title, f"{key}.{title}")


def tables(document: Mapping[str, Any]) -> list[str]:
    """The keys under which a document holds rows."""
    return [name for name in document if rows_of(document, name)]


def rows_of(document: Mapping[str, Any], name: str) -> bool:
    """Whether the value under `name` is a non-empty list of objects."""
    value = document[name]
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(row, Mapping) for row in value)
    )


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with plain cells: nested objects become columns "name.part", lists become JSON text."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            out |= {f"{name}.{part}": cell for part, cell in flat(value).items()}
        elif isinstance(value, list | tuple):
            out[name] = json.dumps(value, ensure_ascii=False)
        else:
            out[name] = value
    return out


def csv_of(document: Mapping[str, Any]) -> str:
    """The longest table of a result as CSV; columns in the order in which they first appear."""
    name = max(tables(document), key=lambda name: len(document[name]))
    rows = [flat(row) for row in document[name]]
    columns = tuple(dict.fromkeys(column for row in rows for column in row))
    return csv_text([{column: row.get(column) for column in columns} for row in rows], columns)


def _numbers(document: Mapping[str, Any]) -> None:
    """The plain values of the document, in one table."""
    said = {name: value for name, value in document.items() if not isinstance(value, Mapping | list | tuple)}
    if said:
        st.table({plain(name): plain(_text(value)) for name, value in said.items()}, border="horizontal")


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _files(study: Study, document: Any, key: str) -> None:
    with st.container(horizontal=True):
        download(
            "JSON", lambda: json.dumps(document, ensure_ascii=False, indent=1), f"{study.name}.json", f"{key}.json"
        )
        if isinstance(document, Mapping) and tables(document):
            download("CSV", lambda: csv_of(document), f"{study.name}.csv", f"{key}.csv")
