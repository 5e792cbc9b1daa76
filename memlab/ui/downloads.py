"""Buttons that give a file, which is written when it is asked for; nothing on the page runs again."""

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
    """A button; `content` may be what makes the file. `look`: help, icon, type of `st.download_button`."""
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
    """What writes `result.to_dict()` as JSON."""
    return lambda: json.dumps(result.to_dict(), ensure_ascii=False, indent=1)


def trace_files(lab: Lab, trace: Trace) -> None:
    """Two files, written when they are asked for, and the code."""
    with st.container(horizontal=True):
        download("JSON: the whole trace", as_json(trace), "trace.json", "read.json")
        download("CSV: one line a token", trace.csv, "trace.csv", "read.csv")
    show_python(lambda: lab.reading.code(trace), "read.python")


@st.fragment
def show_python(lines: Callable[[], str], key: str) -> None:
    """The code that gives the same, in what is closed at first. A browser needs a second or two for what colors it, and reads
    that only when it is opened; the rest of the page does not run again for it."""
    box = st.expander("Show me the Python", key=key, icon=":material/code:", on_change="rerun")
    if box.open:
        with box:
            st.code(lines(), language="python")
