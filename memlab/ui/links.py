"""Links within the app."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from memlab.bundle import bundle


def link_to(page: str, label: str, parameters: Mapping[str, str], icon: str) -> None:
    """A link to "ask", "edit" or "history"; a plain one where a page runs by itself, without the app's navigation.

    Args:
        label: Markdown, as everywhere in Streamlit.
        icon: name of a Material symbol.
    """
    sign = f":material/{icon}:"
    try:
        st.page_link(bundle() / "pages" / f"{page}.py", label=label, icon=sign, query_params=dict(parameters))
    except StreamlitPageNotFoundError:
        st.link_button(label, f"{page}?{urlencode(parameters)}", icon=sign)
