"""One workspace, with the actions on it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from memlab import Lab
from memlab.errors import InputError
from memlab.record.names import DEFAULT
from memlab.record.workspaces import LENGTH, WorkspaceInfo
from memlab.ui.app.session import switch_to
from memlab.ui.app.sharing import check_may_change, only_looks_at
from memlab.ui.downloads import download
from memlab.ui.plain import plain
from memlab.ui.small_form import do, unfolded


def workspace_row(lab: Lab, info: WorkspaceInfo) -> None:
    """Name, size and origin; open, copy, export; rename and delete where that is allowed."""
    here, fixed = info.name == lab.workspace, info.name == DEFAULT or only_looks_at(info.name)
    with st.container(border=True, key=f"workspaces.row.{info.name}"):
        said, ways = st.columns([3, 5], vertical_alignment="center")
        with said, st.container(gap=None):
            st.markdown(f"**{plain(info.name)}**{' :green-badge[open here]' if here else ''}")
            st.caption(plain(about(info)))
        with ways, st.container(horizontal=True, horizontal_alignment="right"):
            st.button(
                "Open",
                key=f"workspaces.{info.name}.open",
                type="tertiary",
                icon=":material/login:",
                disabled=here,
                on_click=switch_to,
                args=(info.name,),
            )
            _copy(lab, info)
            download(
                "Export",
                lambda: exported(lab, info.name),
                f"{info.name}.zip",
                f"workspaces.{info.name}.export",
                type="tertiary",
                help="One file with all edits and their weights, batches and notes, for Import here or on another computer.",
            )
            if not fixed:
                _rename(lab, info, here)
                _delete(lab, info, here)


def about(info: WorkspaceInfo) -> str:
    """Number of edits, time of creation and origin in one line."""
    origin = f" · from {info.base}" if info.base else ""
    return f"{edits(info)} · created {info.created[:16].replace('T', ' ')} UTC{origin}"


def edits(info: WorkspaceInfo) -> str:
    """The number of its edits in words."""
    return "1 edit" if info.edits == 1 else f"{info.edits:,} edits"


def exported(lab: Lab, name: str) -> bytes:
    """The workspace as a file's content."""
    with tempfile.TemporaryDirectory() as folder:
        return lab.workspaces.export(name, Path(folder) / "workspace.zip").read_bytes()


def _copy(lab: Lab, info: WorkspaceInfo) -> None:
    def copy() -> str:
        made = lab.workspaces.copy(info.name, new.strip() or None, as_of)
        return f"Copied {info.name} as {made.name}."

    key = f"workspaces.{info.name}.copying"
    if box := unfolded("Copy", key, "content_copy"):
        with box, st.form(f"{key}.form", border=False):
            new = st.text_input(
                "Name of the copy",
                key=f"workspaces.{info.name}.copy",
                placeholder=f"{info.name} copy",
                max_chars=LENGTH,
                autocomplete="off",
            )
            as_of = st.number_input(
                "With the edits up to", 0, info.edits, info.edits, key=f"workspaces.{info.name}.as_of"
            )
            if st.form_submit_button("Copy", icon=":material/content_copy:"):
                do(copy, key)


def _rename(lab: Lab, info: WorkspaceInfo, here: bool) -> None:
    def rename() -> str:
        check_may_change(info.name)
        renamed = lab.workspaces.rename(info.name, new)
        if here:
            switch_to(renamed.name)
        return f"Renamed {info.name} to {renamed.name}."

    key = f"workspaces.{info.name}.renaming"
    if box := unfolded("Rename", key, "edit"):
        with box, st.form(f"{key}.form", border=False):
            new = st.text_input(
                "New name",
                value=info.name,
                key=f"workspaces.{info.name}.new",
                max_chars=LENGTH,
                autocomplete="off",
            )
            if st.form_submit_button("Rename", icon=":material/edit:"):
                do(rename, key)


def _delete(lab: Lab, info: WorkspaceInfo, here: bool) -> None:
    def delete() -> str:
        check_may_change(info.name)
        lab.workspaces.delete(info.name, repeated)
        if here:
            switch_to(DEFAULT)
        return f"Deleted {info.name}."

    key = f"workspaces.{info.name}.deleting"
    if box := unfolded("Delete", key, "delete"):
        with box, st.form(f"{key}.form", border=False):
            st.markdown(f"Its edits are gone for good. To delete it, type its name: **{plain(info.name)}**")
            repeated = st.text_input(
                "Name", key=f"workspaces.{info.name}.repeated", label_visibility="collapsed", autocomplete="off"
            )
            if st.form_submit_button("Delete for good", icon=":material/delete:"):
                do(delete, key)


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
                placeholder="Empty: its name when exported",
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
