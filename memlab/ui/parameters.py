"""What the ledger records of an edit, as a table."""

from __future__ import annotations

import json

import streamlit as st

from memlab.results import Edit
from memlab.ui.plain import plain

MOST = 500  # characters of one value


def parameters_table(edit: Edit) -> None:
    """One row for each parameter; long values are cut, and the export of the history has all."""
    if not edit.parameters:
        st.caption("It has no parameters.")
        return
    rows = {}
    for name, value in edit.parameters.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        rows[plain(name)] = plain(text if len(text) <= MOST else text[:MOST] + " ...")
    st.table(rows, border="horizontal")
