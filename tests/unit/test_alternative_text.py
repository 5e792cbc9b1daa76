"""Every chart has a sentence in its place for who cannot see it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from memlab.bundle import bundle

DRAWN = {"plotly_chart", "image", "line_chart", "bar_chart", "area_chart", "scatter_chart", "pyplot", "altair_chart"}
WITH_ALT = {"plotly_chart", "image"}  # the others cannot be given one


def undescribed(source: str) -> list[str]:
    """The calls in a file's text that draw a chart without `alt`, or with an empty one, as "line: name"."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in DRAWN:
            alt = next((keyword.value for keyword in node.keywords if keyword.arg == "alt"), None)
            empty = isinstance(alt, ast.Constant) and not alt.value
            if alt is None or empty or node.func.attr not in WITH_ALT:
                found.append(f"{node.lineno}: {node.func.attr}")
    return found


def files() -> list[Path]:
    """Everything that draws on a page."""
    return [bundle() / "app.py", *sorted((bundle() / "pages").glob("*.py")), *sorted(ui().rglob("*.py"))]


def ui() -> Path:
    import memlab

    return Path(memlab.__file__).parent / "ui"


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("st.plotly_chart(f, alt=said)", []),
        ("st.plotly_chart(f)", ["1: plotly_chart"]),
        ("x.plotly_chart(f, alt='')", ["1: plotly_chart"]),
        ("\nst.line_chart(f)", ["2: line_chart"]),
    ],
)
def test_a_chart_without_description_is_found(source: str, lines: list[str]) -> None:
    assert undescribed(source) == lines


def test_every_chart_is_described() -> None:
    there = files()
    assert [file.name for file in there if "plotly_chart(" in file.read_text("utf-8")] == ["as_table.py"]
    assert sum(bool(re.search(r"\bchart\(", file.read_text("utf-8"))) for file in there) >= 15
    assert {file.name: found for file in there if (found := undescribed(file.read_text("utf-8")))} == {}
