"""Links within the app."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitAPIException, StreamlitPageNotFoundError

from memlab.bundle import bundle
from memlab.declare import System
from memlab.ui.sharing import here


def link_to(page: str, label: str, parameters: Mapping[str, str], icon: str) -> None:
    """A link to a page of the app, in the same workspace; a plain one where a page runs without the app's navigation.

    Args:
        page: name of its file: "ask", "edit", "history".
        label: Markdown, as everywhere in Streamlit.
        icon: name of a Material symbol.
    """
    sign, address = f":material/{icon}:", {**here(), **parameters}
    try:
        st.page_link(bundle() / "pages" / f"{page}.py", label=label, icon=sign, query_params=address)
    except StreamlitPageNotFoundError:
        st.link_button(label, f"{page}?{urlencode(address)}", icon=sign)


def link_to_system(system: System, label: str) -> None:
    """A link to the page of a system, in the same workspace."""
    from memlab.ui.navigation import address_of, page_of  # draws system pages, which hold links

    try:
        st.page_link(page_of(system), label=label, icon=":material/arrow_forward:", query_params=here())
    except StreamlitAPIException:
        st.link_button(label, f"{address_of(system)}?{urlencode(here())}", icon=":material/arrow_forward:")


def tab_to(page: str, label: str, parameters: Mapping[str, str], icon: str, key: str) -> None:
    """As `link_to`, in a tab of its own, with a key of the keyboard that opens it."""
    address = {**here(), **parameters}
    st.link_button(label, f"{page}?{urlencode(address)}", icon=f":material/{icon}:", shortcut=key)
