"""Links within the app."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitAPIException

from memlab.bundle import bundle
from memlab.ui.app.sharing import here


def link_to(page: str, label: str, parameters: Mapping[str, str], icon: str) -> None:
    """A link to a page of the app, in the same workspace; a plain link without the app's navigation.

    Args:
        page: name of its file ("ask", "edit", "history"), or the path of a system's page ("system-NAME").
        label: Markdown, as everywhere in Streamlit.
        icon: name of a Material symbol.
    """
    sign, address = f":material/{icon}:", {**here(), **parameters}
    try:
        st.page_link(_target(page), label=label, icon=sign, query_params=address)
    except StreamlitAPIException:
        st.link_button(label, f"{page}?{urlencode(address)}", icon=sign)


def follow_to(page: str, label: str, parameters: Mapping[str, str], icon: str) -> None:
    """A link that the browser follows at once (shell.js), for pages opened by a choice or after some work.

    `st.switch_page` would refuse a parameter that a control of the page is bound to, such as model or workspace.
    """
    with st.container(key="follow"):
        link_to(page, label, parameters, icon)


def tab_to(page: str, label: str, parameters: Mapping[str, str], icon: str, key: str) -> None:
    """As `link_to`, but opens a new tab; `key` is its keyboard shortcut."""
    address = {**here(), **parameters}
    st.link_button(label, f"{page}?{urlencode(address)}", icon=f":material/{icon}:", shortcut=key)


def _target(page: str) -> Path | st.Page:
    """What `st.page_link` takes for a page: its file, or the page of a system, which has none."""
    from memlab.ui.app.navigation import page_at

    return page_at(page) or bundle() / "pages" / f"{page}.py"
