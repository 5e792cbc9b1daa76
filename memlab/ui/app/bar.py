"""The control bar at the top of every page: model, memory, workspace, jobs, find, share, present."""

from __future__ import annotations

from contextlib import AbstractContextManager

import streamlit as st

from memlab import Lab
from memlab.ui.app.address import AUTOMATIC, unknown_name
from memlab.ui.app.finder import finder
from memlab.ui.app.session import WORKSPACE, show_error
from memlab.ui.app.sharing import share
from memlab.ui.app.shell import shell
from memlab.ui.jobs import jobs_in_bar

ASKING = ("ask", "read", "generate", "batch")  # pages that ask a model and its memory
_PLACE = {"present": "bar-hidden"}  # hidden on Present, drawn all the same to keep its workspace and model
PRESENT = 132  # pixels: the width of its link
_MEMORY, _SETTINGS, _PRESENT = "bar.memory", "bar.settings", "bar.present"
_MODEL_CHANGES = "bar.model.changes"
_ACTIVE = "bar.active"


def control_bar(lab: Lab, page: str) -> None:
    """Draws the bar; the page fills in its memory and its link to Present. Reruns the page where the workspace changed.

    Args:
        page: the path of the page.
    """
    names = [info.name for info in lab.models()]
    for problem in unknown_name("model", names):
        show_error(problem)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key=_PLACE.get(page, "bar")):
        st.selectbox(
            "Model",
            [AUTOMATIC, *names],
            key="model",
            bind="query-params",
            width=135,
            on_change=_other_model,
            help="Automatic: each method takes the bundled model of its kind.",
        )
        memory = st.container(width=135) if page in ASKING else None
        chosen = _workspace(lab)
        settings = _settings() if page in ASKING else None
        jobs_in_bar(lab)
        finder(lab)
        share(lab)
        present = _present() if page == "ask" else None
        shell()
    st.session_state.update({_MEMORY: memory, _SETTINGS: settings, _PRESENT: present})
    if chosen != lab.workspace:  # the browser's Back
        st.rerun()


def _present() -> st.delta_generator.DeltaGenerator:
    """A place that has its full size before its link is there: on a phone the link is a line of the bar."""
    with st.container(width=PRESENT, key="bar.present.place"):
        return st.empty()


def memory_place() -> AbstractContextManager:
    """Where the page's memory is chosen: in the bar, or in the page itself where it runs without the bar."""
    place = st.session_state.get(_MEMORY)
    return place if place is not None else st.container()


def settings_place() -> AbstractContextManager:
    """Where the page's settings are: a panel that a button of the bar opens, or the page itself without the bar."""
    place = st.session_state.get(_SETTINGS)
    return place if place is not None else st.container()


def _settings() -> AbstractContextManager:
    return st.popover(
        "Settings",
        key="bar.settings.open",
        icon=":material/tune:",
        help="Calibrated or the paper's, and each setting by itself",
    )


def present_place() -> st.delta_generator.DeltaGenerator | None:
    """Where the link to Present goes; None without the bar."""
    return st.session_state.get(_PRESENT)


def model_changed(page: str) -> bool:
    """Whether another model was chosen since this page last called this: its memory has other defaults."""
    key, changes = f"{_MODEL_CHANGES}.{page}", st.session_state.get(_MODEL_CHANGES, 0)
    before = st.session_state.get(key, changes)
    st.session_state[key] = changes
    return bool(before != changes)


def _other_model() -> None:
    st.session_state[_MODEL_CHANGES] = st.session_state.get(_MODEL_CHANGES, 0) + 1


def _workspace(lab: Lab) -> str:
    """The workspace, with the number of its edits that count."""
    active = _active(lab)
    label = "Workspace" if not active else f"Workspace: {_edits(active)} active"
    return str(
        st.selectbox(
            label,
            [info.name for info in lab.workspaces()],
            key=WORKSPACE,
            bind="query-params",
            width=190,
            help="Whose edits count. Two workspaces never see each other's edits.",
        )
    )


def _active(lab: Lab) -> int:
    """How many edits are active now; counted once for each state of the workspace."""
    at = (lab.home, lab.workspace, lab.head())
    kept = st.session_state.get(_ACTIVE)
    if kept is None or kept[0] != at:
        kept = st.session_state[_ACTIVE] = (at, lab.edits_active())
    return int(kept[1])


def _edits(number: int) -> str:
    return "1 edit" if number == 1 else f"{number:,} edits"
