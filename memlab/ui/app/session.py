"""The engine behind a page, and how its messages are shown."""

from __future__ import annotations

import gc
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from memlab.errors import MemlabError, NotFound
from memlab.record.names import DEFAULT
from memlab.ui.classroom.roles import is_guest, not_for_guests
from memlab.ui.plain import plain

if TYPE_CHECKING:
    from memlab import Lab

WORKSPACE = "workspace"  # key in the session and in the address
_NEXT = "workspace.next"
AFTER = 3.0  # seconds of delay, in which the first page has the processor to itself
_OPENED = threading.Event()


@st.cache_resource(max_entries=16, show_spinner=False)
def _open(home: str | None, workspace: str) -> Lab:
    """One engine for each home and workspace, shared by all sessions; starts building what is missing."""
    from memlab import Lab  # here, so that the Guide's introduction need not wait for it

    lab = Lab.open(home=home, workspace=workspace)
    gc.freeze()  # the libraries' objects stay: collecting through them would take a fifth of a second now and then
    _OPENED.set()
    if lab.building.are_bundled_missing():
        lab.prepare(background=True)
    else:  # checking them loads the models, which takes seconds that the first page should not wait for
        checking = threading.Timer(AFTER, _prepare, (lab,))
        checking.daemon = True
        checking.start()
    return lab


def is_open() -> bool:
    """Whether this process has opened an engine; the first time takes seconds."""
    return _OPENED.is_set()


def _prepare(lab: Lab) -> None:
    with suppress(MemlabError):  # an error of the home folder is shown when something is asked
        lab.prepare(background=True)


def current_lab() -> Lab:
    """The engine of the session's workspace. Ends the page with the reason for guests, and if it cannot be opened."""
    if is_guest():
        not_for_guests()
    if _NEXT in st.session_state:
        st.session_state[WORKSPACE] = st.session_state.pop(_NEXT)
    home, name = os.environ.get("MEMLAB_HOME"), workspace_name()
    try:
        lab = _open(home, DEFAULT)
        if name == DEFAULT:
            return lab
        if any(info.name == name for info in lab.workspaces()):
            return _open(home, name)
    except MemlabError as error:
        show_error(error)
        st.stop()
    _offer_default(name)
    st.stop()


def lab_of_class() -> Lab:
    """The engine that makes a class's copy of a workspace; never given to a guest's page. Raises MemlabError."""
    return _open(os.environ.get("MEMLAB_HOME"), DEFAULT)


def workspace_name() -> str:
    """The workspace that the session works in, or the one that the address names on arrival."""
    return str(st.session_state.get(WORKSPACE) or st.query_params.get(WORKSPACE) or DEFAULT)


def switch_to(workspace: str) -> None:
    """From the next run on, the session works in another workspace (once drawn, a selector cannot be changed)."""
    st.session_state[_NEXT] = workspace


def _offer_default(name: str) -> None:
    """Says that a workspace does not exist (deleted, or named by a link), with a button for the default one."""
    switch_to(name)  # keeps the session's choice, although no selector offers it
    show_error(
        NotFound(
            f"There is no workspace {name[:60]!r} here. It was renamed or deleted, or the link is from another computer."
        )
    )
    label = f"Show this view in the workspace {DEFAULT}"
    st.button(label, key="workspace.missing", icon=":material/arrow_forward:", on_click=switch_to, args=(DEFAULT,))


def show_error(error: MemlabError) -> None:
    """Shows an expected error on the page; every page uses this."""
    st.error(plain(str(error)), icon=":material/error:")
