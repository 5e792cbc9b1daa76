"""New workspaces: an empty one, or one from a file."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from memlab import Lab
from memlab.record.workspaces import LENGTH, WorkspaceInfo
from memlab.ui.workspace_row import do


def create(lab: Lab) -> None:
    """A form for an empty workspace."""
    with (
        st.popover("New workspace", icon=":material/add:"),
        st.form("workspaces.creating", border=False, clear_on_submit=True),
    ):
        name = st.text_input(
            "Name", key="workspaces.new", max_chars=LENGTH, placeholder="for example: seminar 3", autocomplete="off"
        )
        if st.form_submit_button("Create", icon=":material/add:"):
            do(lambda: lab.create_workspace(name), lambda made: f"Made {made.name}." if made else "")


def import_file(lab: Lab) -> None:
    """A form for an exported file."""
    with (
        st.popover("Import", icon=":material/upload:"),
        st.form("workspaces.importing", border=False, clear_on_submit=True),
    ):
        file = st.file_uploader("A file that `Export` or `memlab workspace export` wrote", "zip", key="workspaces.file")
        name = st.text_input(
            "Name",
            key="workspaces.import",
            max_chars=LENGTH,
            placeholder="Empty: the name that it had",
            autocomplete="off",
        )
        if st.form_submit_button("Import", icon=":material/upload:"):
            if file is None:
                st.warning("Choose a file first.", icon=":material/upload_file:")
            else:
                do(lambda: imported(lab, file, file.name, name.strip() or None), _says)


def imported(lab: Lab, file: BinaryIO, file_name: str, name: str | None) -> WorkspaceInfo:
    """A workspace from an uploaded file. Raises InputError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (re.sub(r"[^\w .-]", "_", file_name)[-80:].lstrip(".") or "uploaded.zip")
        path.write_bytes(file.read())
        return lab.import_workspace(path, name)


def _says(info: WorkspaceInfo | None) -> str:
    if info is None:
        return ""
    edits = "1 edit" if info.edits == 1 else f"{info.edits:,} edits"
    taken = f", since there is a workspace {info.instead_of} already" if info.instead_of else ""
    return f"Imported as {info.name}{taken}: {edits}."
