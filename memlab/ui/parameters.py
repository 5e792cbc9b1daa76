"""What the ledger records of an edit, as a table."""

from __future__ import annotations

import json

import streamlit as st

from memlab.record.kinds import known_kind
from memlab.results import Edit
from memlab.ui.plain import plain

MOST = 500  # characters of one value


def parameters_table(edit: Edit) -> None:
    """One row for each parameter, in the order of its kind's form; long values are cut, the export of the history has all."""
    if not edit.parameters:
        st.caption("It has no parameters.")
        return
    kind = known_kind(edit.kind)
    asked = [field.name for field in kind.form if field.name in edit.parameters] if kind else []
    rows = {}
    for name in dict.fromkeys([*asked, *edit.parameters]):
        value = edit.parameters[name]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        rows[plain(name)] = plain(text if len(text) <= MOST else text[:MOST] + " ...")
    st.table(rows, border="horizontal")
