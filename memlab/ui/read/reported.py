"""What papers report, apart from everything that is measured here."""

from __future__ import annotations

import streamlit as st

from memlab import Lab


def reported_panel(lab: Lab) -> None:
    """Perplexities as printed, at the papers' own scale."""
    with st.expander("What the papers report, at their full scale", icon=":material/menu_book:"):
        rows, note = lab.perplexity.reported()
        st.caption(
            "Other models, other texts, other tokens: nothing above compares with these. "
            "`memlab evaluate perplexity` measures the same methods on a text of yours."
        )
        methods = list(dict.fromkeys(method for row in rows for method in row["figures"]))
        table = [
            {
                "text": row["data"],
                "score": row["score"],
                **{method: row["figures"].get(method, "") for method in methods},
                "source": row["source"],
            }
            for row in rows
        ]
        st.dataframe(table, hide_index=True)
        st.caption(note)
