"""What a paper or lecture reports, apart from everything that is measured here."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.declare import ReportedTable, System
from memlab.ui.plain import plain


def reported_panel(lab: Lab, system: System) -> None:
    """The system's tables as printed."""
    if not system.reported:
        return
    st.header("Reported by the paper", anchor=False)
    st.caption(
        "Figures as printed, with the authors' models and data. Nothing that is measured here compares with them."
    )
    for table in system.reported:
        reported_table(table)


def reported_table(table: ReportedTable) -> None:
    """One table as printed, with its source."""
    st.markdown(f"**{plain(table.title)}**")
    st.table([dict(row) for row in table.rows], border="horizontal", hide_index=True)
    st.caption(plain(f"Reported: {table.source}. {table.note}".strip()))
