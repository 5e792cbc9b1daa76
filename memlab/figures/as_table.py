"""The numbers of a chart as rows of a table, read from the figure itself."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import plotly.graph_objects as go

Row = dict[str, str]
_TAG = re.compile(r"<[^>]*>")
SERIES, WHAT, ABOUT = "series", "what", "about"


def rows_of(figure: go.Figure) -> list[Row]:
    """A row for each point, bar, cell or bin of a chart, with all numbers as text and the axes' titles as names of columns.

    Purely visual elements (traces without hover text) are left out, and so are the coordinates of an axis without
    numbers.
    """
    rows = [row for trace in figure.data if trace.hoverinfo != "skip" for row in _rows(figure, trace)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    used = [name for name in columns if any(row.get(name) for row in rows)]
    return [{name: row.get(name, "") for name in used} for row in rows]


def _rows(figure: go.Figure, trace: Any) -> Iterable[Row]:
    across, up = _axis(figure, trace, "x"), _axis(figure, trace, "y")
    if trace.type == "heatmap":
        return _cells(trace, across, up)
    if trace.type == "histogram":
        return _bins(trace, across, up)
    series = {SERIES: _panel(figure, trace) or _text(trace.name)}
    said, rows = _said(trace), []
    for n, (x, y) in enumerate(zip(_listed(trace.x), _listed(trace.y), strict=False)):
        if x is not None and y is not None:
            cells = dict([*up.cell(y), *across.cell(x)] if up.has_names(y) else [*across.cell(x), *up.cell(y)])
            rows.append({**series, **cells, ABOUT: "" if said[n] in cells.values() else said[n]})
    return rows


class _Axis:
    """Titles and tick labels of an axis, and the text of a coordinate."""

    def __init__(self, layout: Any, letter: str) -> None:
        title = _text(layout.title.text) if layout.title is not None else ""
        self.shown = layout.visible is not False and layout.showticklabels is not False
        pairs = zip(_listed(layout.tickvals), _listed(layout.ticktext), strict=False)
        self.names = {_number(value): _text(text) for value, text in pairs}
        # names are at whole numbers; a numeric axis may label only some of its ticks
        self.named = bool(self.names) and not all(not text or _is_number(text) for text in self.names.values())
        self.title, self.letter = title, letter

    def has_names(self, value: Any) -> bool:
        """Whether the axis has names, and not numbers."""
        return self.named or isinstance(value, str)

    def cell(self, value: Any) -> list[tuple[str, str]]:
        """Name of the column and its text; nothing where the axis has no numbers."""
        if not self.shown:
            return []
        title = self.title or (WHAT if self.has_names(value) else self.letter)
        return [(title, self.names.get(_number(value), _number(value)) if self.named else _number(value))]


def _axis(figure: go.Figure, trace: Any, letter: str) -> _Axis:
    number = (getattr(trace, f"{letter}axis") or letter)[1:]
    own, first = figure.layout[f"{letter}axis{number}"], figure.layout[f"{letter}axis"]
    return _Axis(first if letter == "y" and not own.tickvals and first.tickvals else own, letter)


def _panel(figure: go.Figure, trace: Any) -> str:
    """The title of a trace's panel and its name, if the figure has several panels; else ""."""
    number = (trace.xaxis or "x")[1:]
    if "xaxis2" not in figure.layout:
        return ""
    titles = [_text(a.text) for a in figure.layout.annotations if a.yref == "paper" and a.xref == "paper"]
    at = int(number or 1) - 1
    title = titles[at] if at < len(titles) else ""
    name = _text(trace.name)
    return title if name in ("", title) else f"{title}, {name}" if title else name


def _cells(trace: Any, across: _Axis, up: _Axis) -> list[Row]:
    z = np.asarray(trace.z)
    xs, ys = _listed(trace.x) or list(range(z.shape[1])), _listed(trace.y) or list(range(z.shape[0]))
    columns = [across.cell(x)[0][1] for x in xs]
    return [
        {
            up.title or WHAT: up.cell(y)[0][1],
            **{column: _number(value) for column, value in zip(columns, row, strict=True)},
        }
        for y, row in zip(ys, z, strict=True)
    ]


def _bins(trace: Any, across: _Axis, up: _Axis) -> list[Row]:
    values, bins = np.asarray(trace.x, dtype=float), trace.xbins
    edges = np.arange(bins.start, bins.end + bins.size / 2, bins.size)
    counts, _ = np.histogram(values, edges)
    shares = 100 * counts / max(len(values), 1) if trace.histnorm == "percent" else counts
    return [
        {across.title: f"{low:.3g} to {high:.3g}", up.title: _number(share)}
        for low, high, share in zip(edges[:-1], edges[1:], shares, strict=True)
        if share
    ]


def _said(trace: Any) -> list[str]:
    """The hover text or label of each point."""
    points = len(_listed(trace.x))
    for found in (trace.hovertext, trace.customdata, trace.text):
        texts = found if isinstance(found, str) else _listed(found)
        if isinstance(texts, str):
            return [_text(texts)] * points
        words = [_text(one) if isinstance(one, str) else "" for one in texts]
        if any(word and not _is_number(word) for word in words):
            return [*words, *[""] * (points - len(words))]
    return [""] * points


def _listed(values: Any) -> list[Any]:
    return [] if values is None else list(values)


def _number(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    return f"{float(value):.4g}" if isinstance(value, float | np.floating) else str(value)


def _is_number(text: str) -> bool:
    try:
        float(text.lstrip("<").replace("−", "-"))
    except ValueError:
        return False
    return True


def _text(text: str | None) -> str:
    """A text without tags and entities."""
    return " ".join(html.unescape(_TAG.sub(" ", text or "")).replace("▸", " ").split())
