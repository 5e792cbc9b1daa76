"""The look of Present: nothing but the picture on the screen, large type, full screen, notes in a second window."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from memlab.ui.app.sharing import here

_HERE = Path(__file__).parent
# Pages are sized in rem: at a width of 1920 pixels one rem is 32, and the smallest text (0.875 rem) 28.
ALONE = """<style>
[data-testid=stHeader], [data-testid=stSidebar], [data-testid=stExpandSidebarButton], .st-key-bar { display: none !important; }
</style>"""
LARGE_TYPE = """<style>
:root { font-size: clamp(17px, 1.6667vw, 64px) !important; }
[data-testid=stMainBlockContainer] { padding: 0.75rem 2rem 1rem; max-width: none; }
[data-testid=stMainBlockContainer] > [data-testid=stVerticalBlock] { gap: 0.5rem; }
[data-testid=stMain] h1 { font-size: 1.6rem; padding: 0 0 0.5rem; }
[data-testid=stMain] :is(button, a, kbd) p { font-size: 0.75rem; }
</style>"""
_TOOLS = st.components.v2.component(
    "memlab_present_tools",
    html=(_HERE / "tools.html").read_text("utf-8"),
    css=(_HERE / "tools.css").read_text("utf-8"),
    js=(_HERE / "tools.js").read_text("utf-8"),
)


def large_type() -> None:
    """Enlarges everything on the page, as long as this is drawn."""
    st.html(LARGE_TYPE)


def alone() -> None:
    """Hides everything around the page, as long as this is drawn."""
    st.html(ALONE)


def tools(talk: str) -> None:
    """Buttons for full screen (F) and for the notes in a window of their own (N)."""
    _TOOLS(key="present.tools", data={"notes": f"present?{urlencode({**here(), 'notes': talk})}"}, width="content")
