"""Taking a generation along: JSON, CSV, and the Python that makes it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st

from memlab.results import GenerationPair
from memlab.ui.generate.view import View


def exports(pair: GenerationPair, view: View, how: Mapping[str, Any]) -> None:
    """Two files, written when they are asked for, and the code."""
    with st.container(horizontal=True):
        st.download_button(
            "JSON: the whole tree",
            lambda: json.dumps(pair.to_dict(), ensure_ascii=False, indent=1),
            file_name="generation.json",
            mime="application/json",
            key="generate.json",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "CSV: one line a token",
            pair.with_memory.csv,
            file_name="generation.csv",
            mime="text/csv",
            key="generate.csv",
            on_click="ignore",
            icon=":material/download:",
        )
    with st.expander("Show me the Python", icon=":material/code:"):
        st.code(python(view, how), language="python")


def python(view: View, how: Mapping[str, Any]) -> str:
    """The lines that grow the same tree."""
    given = "".join(f"    {name}={value!r},\n" for name, value in how.items() if value is not None)
    return (
        "from memlab import Lab\n\nlab = Lab.open()\n"
        f"pair = lab.grow(\n    {view.prompt!r},\n    {view.moves!r},\n{given})\nprint(pair.with_memory.text)"
    )
