"""Download buttons whose file is written when it is asked for, without a rerun of the page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.results import Trace

MIME = {".csv": "text/csv", ".html": "text/html", ".json": "application/json", ".zip": "application/zip"}


def download(label: str, content: str | Callable[[], str | bytes], file: str, key: str, **look: Any) -> None:
    """A download button; `content` may be a function that makes it. `look`: help, icon, type, as Streamlit has them."""
    look.setdefault("icon", ":material/download:")
    st.download_button(
        label,
        content,
        file_name=file,
        mime=MIME[Path(file).suffix],
        key=key,
        on_click="ignore",
        **look,
    )


def as_json(result: Any) -> Callable[[], str]:
    """A function that writes `result.to_dict()` as JSON."""
    return lambda: json.dumps(result.to_dict(), ensure_ascii=False, indent=1)


def trace_files(lab: Lab, trace: Trace) -> None:
    """Two files, written when they are asked for, and the code."""
    with st.container(horizontal=True):
        download("JSON: the whole trace", as_json(trace), "trace.json", "read.json")
        download("CSV: one line a token", trace.csv, "trace.csv", "read.csv")
    show_python(lambda: lab.reading.code(trace), "read.python")


@st.fragment
def show_python(lines: Callable[[], str], key: str) -> None:
    """The code that gives the same result, in an expander that is closed at first.

    The code is made when it is opened, so that a browser loads the highlighter (a second or two) only then; as a
    fragment it does not rerun the rest of the page.
    """
    box = st.expander("Show me the Python", key=key, icon=":material/code:", on_change="rerun")
    if box.open:
        with box:
            st.code(lines(), language="python")
