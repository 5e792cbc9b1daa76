"""Shared links: somebody else's workspace, read-only; editing needs a copy of one's own.

This keeps a class from editing the teacher's workspace by accident. It does not protect against malice:
memlab has no logins, and whoever can open the page can choose any workspace, or remove `shared` from the address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import streamlit as st

from memlab.errors import InputError, MemlabError
from memlab.record.names import DEFAULT
from memlab.ui.app.session import WORKSPACE, show_error, switch_to, workspace_name
from memlab.ui.plain import plain

if TYPE_CHECKING:
    from memlab import Lab

SHARED = "shared"  # in the address: the workspace is somebody else's
_LOOKED_AT = "sharing.workspace"


def arrive(lab: Lab) -> None:
    """Records whether the session came by a shared link, and keeps `shared` in the address of every page."""
    if SHARED in st.query_params:
        st.session_state.setdefault(_LOOKED_AT, lab.workspace)
    if not may_edit(lab):
        st.query_params[SHARED] = "1"
    elif SHARED in st.query_params:
        del st.query_params[SHARED]


def may_edit(lab: Lab) -> bool:
    """Whether this session may change the workspace: any but the one shared with it."""
    return not only_looks_at(lab.workspace)


def check_may_edit(lab: Lab) -> None:
    """Raises InputError where this session only looks at the workspace."""
    check_may_change(lab.workspace)


def check_may_change(workspace: str) -> None:
    """Raises InputError where this session only looks at that workspace."""
    if only_looks_at(workspace):
        raise InputError(f"The workspace {workspace!r} was shared to look at. Make a copy of your own to edit it.")


def editors_only(lab: Lab) -> None:
    """Ends the page with the reason where this session only looks at the workspace."""
    if not may_edit(lab):
        st.info(
            "This workspace was shared to look at. Make a copy of your own to edit it.", icon=":material/visibility:"
        )
        st.stop()


def banner(lab: Lab) -> None:
    """What a visitor by a shared link should know, with a button that makes a copy; nothing for others."""
    if may_edit(lab):
        return
    with st.container(border=True):
        said, way = st.columns([4, 1], vertical_alignment="center")
        said.markdown(
            f":material/visibility: You are looking at the workspace **{plain(lab.workspace)}** of someone else. "
            "Questions work; editing needs a copy of your own."
        )
        wanted = way.button(
            "Make my copy", key="sharing.copy", type="primary", icon=":material/content_copy:", width="stretch"
        )
    if wanted:
        try:
            switch_to(lab.workspaces.copy(lab.workspace).name)
        except MemlabError as error:
            show_error(error)
            return
        st.rerun()


def here() -> dict[str, str]:
    """The parameters that every address of this session holds: the workspace, and whether it is read-only."""
    name = workspace_name()
    return ({} if name == DEFAULT else {WORKSPACE: name}) | ({SHARED: "1"} if only_looks_at(name) else {})


def share(lab: Lab) -> None:
    """A popover with a read-only link to this view, made when it is opened, from the address as it is then."""
    box = st.popover(
        "Share", icon=":material/share:", key="sharing.link", on_change="rerun", help="A link to this view"
    )
    if not box.open:
        return
    with box:
        st.markdown("Whoever opens this link looks at this view read-only, and can make a copy to edit.")
        page = (st.context.url or "").partition("?")[0]
        view = {**st.query_params.to_dict(), WORKSPACE: lab.workspace, SHARED: "1"}
        st.code(f"{page}?{urlencode(view)}", language=None, wrap_lines=True)
        if urlsplit(page).hostname in ("localhost", "127.0.0.1", "::1"):
            st.caption("This memlab answers on this computer only; others cannot open the link.")


def only_looks_at(workspace: str) -> bool:
    """Whether the workspace was shared with this session by a link."""
    looked_at = st.session_state.get(_LOOKED_AT)
    if looked_at is None:
        looked_at = workspace_name() if SHARED in st.query_params else None
    return looked_at == workspace
