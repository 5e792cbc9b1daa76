"""The kinds of edits that a system declares: a form for each, what it would do, and the edit with Undo."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.declare import System
from memlab.errors import MemlabError, RecordError
from memlab.record.kinds import EditKind, FormField
from memlab.results import Edit
from memlab.ui.app.links import link_to
from memlab.ui.app.navigation import address_of, groups
from memlab.ui.app.session import show_error
from memlab.ui.app.sharing import check_may_edit
from memlab.ui.author import author, author_field
from memlab.ui.edit.timeline import holds
from memlab.ui.edit.undo import undo_or_redo
from memlab.ui.parameters import parameters_table
from memlab.ui.plain import plain

# Of the session: what was previewed last, what was looked at, what was recorded.
_ASKED, _SEEN, _DONE = "edits.asked", "edits.seen", "edits.done"
PARTS = ("subject", "relation", "object")


def edits_panel(lab: Lab, system: System) -> None:
    """A form for each kind of edit, or where its edits are made."""
    if not system.edits:
        return
    st.header("Edits", anchor=False)
    st.caption("Changes recorded in the ledger. Each can be undone, and questions can be asked as of any edit.")
    for kind in system.edits:
        if kind.elsewhere is None and kind.form:
            with st.expander(
                plain(kind.title or kind.name), icon=":material/edit_note:", expanded=len(system.edits) == 1
            ):
                values = _form(system, kind)
                if st.session_state.get(_ASKED) == (kind.name, values):
                    _preview_or_result(lab, kind, values)
    others = [kind for kind in system.edits if kind.elsewhere is not None or not kind.form]
    if others:
        st.table([_made_otherwise(kind) for kind in others], border="horizontal", hide_index=True)
        _links(system, others)


def _made_otherwise(kind: EditKind) -> dict[str, str]:
    """How edits of a kind without a general form are made."""
    row = {"edit": plain(kind.title or kind.name), "kind": plain(kind.name)}
    if kind.made_by is not None:
        command = f"memlab {kind.made_by.command}" if kind.made_by.command else ""
        return row | {"in Python": plain(f"lab.{kind.made_by.verb}(...)"), "on the command line": plain(command)}
    if kind.elsewhere is not None:
        return row | {
            "in Python": plain("a verb of its system (it needs a file of weights)"),
            "on the command line": "",
        }
    return row | {
        "in Python": plain(f"lab.record({kind.name!r}, {{...}})"),
        "on the command line": plain(f"memlab edit {shlex.quote(kind.name)} --parameters JSON"),
    }


def _links(system: System, kinds: Sequence[EditKind]) -> None:
    """The pages that make edits of these kinds, other than this one."""
    titles = {page.name: page.title for pages in groups().values() for page in pages}
    there = dict.fromkeys(kind.made_by.page for kind in kinds if kind.made_by is not None and kind.made_by.page)
    for page in there:
        if page != address_of(system):
            link_to(page, plain(titles.get(page, page)), {}, "edit_note")


def _form(system: System, kind: EditKind) -> dict[str, Any]:
    """The declared fields as controls, and a button that works out what the edit would be. Returns the fields' values."""
    with st.form(f"{system.name}.{kind.name}", border=False):
        values = {field.name: _control(field, f"{kind.name}.{field.name}") for field in kind.form}
        if st.form_submit_button("Preview", icon=":material/visibility:"):
            st.session_state[_ASKED] = (kind.name, values)
            st.session_state.pop(_DONE, None)
    return values


def _control(field: FormField, key: str) -> Any:
    """The control for one field; returns its value."""
    label = plain(field.label if field.required else f"{field.label} (optional)")
    common: dict[str, Any] = {"key": key, "help": plain(field.help)}
    if field.type == "choice":
        first = 0 if field.required else None
        return st.selectbox(label, field.choices, index=first, format_func=plain, bind="query-params", **common)
    if field.type == "flag":
        return st.checkbox(label, bind="query-params", **common)
    if field.type == "number":
        return st.number_input(label, value=None, step=1.0, format="%g", bind="query-params", **common)
    if field.type == "fact":
        columns = st.columns(3)
        return [
            column.text_input(f"{label}: {part}", key=f"{key}.{part}", help=common["help"])
            for column, part in zip(columns, PARTS, strict=True)
        ]
    if field.type == "facts":
        st.markdown(label, help=common["help"])
        rows = st.data_editor([dict.fromkeys(PARTS, "")], num_rows="dynamic", hide_index=True, key=key)
        return [[row.get(part) for part in PARTS] for row in rows]
    return st.text_input(label, autocomplete="off", bind="query-params", **common)


def _preview_or_result(lab: Lab, kind: EditKind, values: Mapping[str, Any]) -> None:
    """What the edit would be, with a button that records it; once recorded, the edit with Undo."""
    workspace, seq = st.session_state.get(_DONE, (None, 0))
    if workspace == lab.workspace:
        _result(lab, seq)
        return
    try:
        edit = lab.record(kind.name, lab.recording.of_form(kind.name, values), **author(), dry_run=True)
    except MemlabError as error:
        show_error(error)
        return
    looked_at = st.session_state.get(_SEEN)
    st.session_state[_SEEN] = (kind.name, values, edit.seq)
    with st.container(border=True):
        st.markdown(f"**Would be edit {edit.seq}:** {plain(edit.summary)}")
        parameters_table(edit)
        name, button = st.columns([2, 1], vertical_alignment="bottom")
        with name:
            author_field()
        record = button.button("Record", key="edits.record", type="primary", icon=":material/check:", width="stretch")
        st.caption("Nothing has changed yet.")
    if record and _recorded(lab, edit, looked_at == st.session_state[_SEEN]):
        st.rerun()


def _recorded(lab: Lab, edit: Edit, seen: bool) -> bool:
    """Records it, if it is what the person has looked at; where it cannot be recorded, says why."""
    try:
        check_may_edit(lab)
        if not seen:
            raise RecordError(
                "Something changed while you looked at the preview. This is the new one: record it, or not."
            )
        st.session_state[_DONE] = (lab.workspace, lab.commit(edit, **author()).seq)
    except MemlabError as error:
        show_error(error)
        return False
    return True


def _result(lab: Lab, seq: int) -> None:
    """The edit that was recorded, with Undo and the way to the history."""
    history = lab.history()
    edit = next(edit for edit in history if edit.seq == seq)
    active = holds(history, seq)
    if active:
        st.success(plain(f"Edit {seq}: {edit.summary}"), icon=":material/check_circle:")
    else:
        st.info(plain(f"Edit {seq} is taken back: {edit.summary}"), icon=":material/undo:")
    with st.container(horizontal=True, vertical_alignment="center"):
        undo_or_redo(lab, edit, active)
        st.button("Another edit", key="edits.another", icon=":material/edit_note:", on_click=_start_over)
        link_to("history", "In the history", {"edit": str(seq)}, "history")


def _start_over() -> None:
    """The form without a result, for the next edit."""
    for name in (_ASKED, _SEEN, _DONE):
        st.session_state.pop(name, None)
