"""What papers report, apart from everything that is measured here."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.ui.system_page.reported import reported_table


def reported_panel(lab: Lab) -> None:
    """Perplexities as printed, at the papers' own scale."""
    with st.expander("What the papers report, at their full scale", icon=":material/menu_book:"):
        st.caption(
            "Other models, other texts, other tokens: nothing above compares with these. "
            "`memlab evaluate perplexity` measures the same methods on a text of yours."
        )
        for table in lab.perplexity.reported():
            reported_table(table)
