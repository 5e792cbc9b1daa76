"""New workspaces: an empty one, or one from a file."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from memlab import Lab
from memlab.errors import InputError
from memlab.record.workspaces import LENGTH, WorkspaceInfo
from memlab.ui.small_form import do, unfolded
from memlab.ui.workspace_row import edits


def create(lab: Lab) -> None:
    """A form for an empty workspace."""
    key = "workspaces.creating"
    if box := unfolded("New workspace", key, "add", "secondary"):
        with box, st.form(f"{key}.form", border=False):
            name = st.text_input(
                "Name", key="workspaces.new", max_chars=LENGTH, placeholder="for example: seminar 3", autocomplete="off"
            )
            if st.form_submit_button("Create", icon=":material/add:"):
                do(lambda: f"Made {lab.workspaces.create(name).name}.", key)


def import_file(lab: Lab) -> None:
    """A form for an exported file."""
    key = "workspaces.importing"
    if box := unfolded("Import", key, "upload", "secondary"):
        with box, st.form(f"{key}.form", border=False):
            file = st.file_uploader(
                "A file that `Export` or `memlab workspace export` wrote", "zip", key="workspaces.file"
            )
            name = st.text_input(
                "Name",
                key="workspaces.import",
                max_chars=LENGTH,
                placeholder="Empty: the name that it had",
                autocomplete="off",
            )
            if st.form_submit_button("Import", icon=":material/upload:"):
                do(lambda: _says(imported(lab, file, file.name if file else "", name.strip() or None)), key)


def imported(lab: Lab, file: BinaryIO | None, file_name: str, name: str | None) -> WorkspaceInfo:
    """A workspace from an uploaded file. Raises InputError."""
    if file is None:
        raise InputError("Choose a file first: one that was exported from a workspace.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (re.sub(r"[^\w .-]", "_", file_name)[-80:].lstrip(".") or "uploaded.zip")
        path.write_bytes(file.read())
        return lab.workspaces.import_(path, name)


def _says(info: WorkspaceInfo) -> str:
    taken = f", since there is a workspace {info.instead_of} already" if info.instead_of else ""
    return f"Imported as {info.name}{taken}: {edits(info)}."
