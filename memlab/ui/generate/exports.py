"""Export of a generation as JSON, CSV and Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from memlab.results import GenerationPair
from memlab.ui.downloads import as_json, download
from memlab.ui.generate.view import View


def exports(pair: GenerationPair, view: View, how: Mapping[str, Any]) -> None:
    """Two files, written when they are asked for, and the code."""
    with st.container(horizontal=True):
        download("JSON: the whole tree", as_json(pair), "generation.json", "generate.json")
        download("CSV: one line a token", pair.with_memory.csv, "generation.csv", "generate.csv")
    with st.expander("Show me the Python", icon=":material/code:"):
        st.code(python(view, how), language="python")


def python(view: View, how: Mapping[str, Any]) -> str:
    """The lines that grow the same tree."""
    given = "".join(f"    {name}={value!r},\n" for name, value in how.items() if value is not None)
    return (
        "from memlab import Lab\n\nlab = Lab.open()\n"
        f"pair = lab.trees.replay(\n    {view.prompt!r},\n    {view.moves!r},\n{given})\nprint(pair.with_memory.text)"
    )
