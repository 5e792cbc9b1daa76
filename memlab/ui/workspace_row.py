"""One workspace with what can be done with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.record.workspaces import DEFAULT, LENGTH, WorkspaceInfo
from memlab.ui.plain import plain
from memlab.ui.session import show_error, switch_to
from memlab.ui.sharing import check_may_change, only_looks_at

_SAID = "workspaces.said"


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
            st.download_button(
                "Export",
                lambda: exported(lab, info.name),
                file_name=f"{info.name}.zip",
                mime="application/zip",
                key=f"workspaces.{info.name}.export",
                on_click="ignore",
                type="tertiary",
                icon=":material/download:",
                help="One file with all edits and their weights, for `Import` here or on another computer.",
            )
            if not fixed:
                _rename(lab, info, here)
                _delete(lab, info, here)


def about(info: WorkspaceInfo) -> str:
    """Size, time and origin in one line."""
    edits = "1 edit" if info.edits == 1 else f"{info.edits:,} edits"
    origin = f" · from {info.base}" if info.base else ""
    return f"{edits} · made {info.created[:16].replace('T', ' ')} UTC{origin}"


def do(work: Callable[[], WorkspaceInfo | None], says: Callable[[WorkspaceInfo | None], str]) -> None:
    """Does it, draws the page anew, and says there what was done; where it cannot be done, says why."""
    try:
        done = work()
    except MemlabError as error:
        show_error(error)
        return
    st.session_state[_SAID] = says(done)
    st.rerun()


def what_was_done() -> None:
    """What the last step did, once."""
    if said := st.session_state.pop(_SAID, None):
        st.success(plain(said), icon=":material/check_circle:")


def exported(lab: Lab, name: str) -> bytes:
    """The workspace as a file's content."""
    with tempfile.TemporaryDirectory() as folder:
        return lab.export_workspace(name, Path(folder) / "workspace.zip").read_bytes()


def _copy(lab: Lab, info: WorkspaceInfo) -> None:
    with (
        st.popover("Copy", type="tertiary", icon=":material/content_copy:"),
        st.form(f"workspaces.{info.name}.copying", border=False, clear_on_submit=True),
    ):
        new = st.text_input(
            "Name of the copy",
            key=f"workspaces.{info.name}.copy",
            placeholder=f"{info.name} copy",
            max_chars=LENGTH,
            autocomplete="off",
        )
        as_of = st.number_input(
            "With the edits up to",
            0,
            info.edits,
            info.edits,
            key=f"workspaces.{info.name}.as_of",
            disabled=not info.edits,
        )
        if st.form_submit_button("Copy", icon=":material/content_copy:"):
            do(
                lambda: lab.copy_workspace(info.name, new.strip() or None, int(as_of)),
                lambda made: f"Copied {info.name} as {made.name}." if made else "",
            )


def _rename(lab: Lab, info: WorkspaceInfo, here: bool) -> None:
    def rename() -> WorkspaceInfo:
        check_may_change(info.name)
        done = lab.rename_workspace(info.name, new)
        if here:
            switch_to(done.name)
        return done

    with (
        st.popover("Rename", type="tertiary", icon=":material/edit:"),
        st.form(f"workspaces.{info.name}.renaming", border=False),
    ):
        key = f"workspaces.{info.name}.rename"
        new = st.text_input("New name", value=info.name, key=key, max_chars=LENGTH, autocomplete="off")
        if st.form_submit_button("Rename", icon=":material/edit:"):
            do(rename, lambda done: f"Renamed {info.name} to {done.name}." if done else "")


def _delete(lab: Lab, info: WorkspaceInfo, here: bool) -> None:
    def delete() -> None:
        check_may_change(info.name)
        lab.delete_workspace(info.name, repeated)
        if here:
            switch_to(DEFAULT)

    with (
        st.popover("Delete", type="tertiary", icon=":material/delete:"),
        st.form(f"workspaces.{info.name}.deleting", border=False),
    ):
        st.markdown(f"Its edits are gone for good. To delete it, type its name: **{plain(info.name)}**")
        repeated = st.text_input(
            "Name", key=f"workspaces.{info.name}.delete", label_visibility="collapsed", autocomplete="off"
        )
        if st.form_submit_button("Delete for good", icon=":material/delete:"):
            do(delete, lambda done: f"Deleted {info.name}.")
