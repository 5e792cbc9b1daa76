"""What an edit changes: its own questions side by side, and what else moved. Only the open view is worked out."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from memlab import Lab
from memlab.results import Edit, Moved
from memlab.results.moved import GROUPS
from memlab.ui.difference import difference_panel
from memlab.ui.moved import moved_table

BEFORE_AFTER = "Before and after"


def effect(
    lab: Lab, edit: Edit, moved: Moved | None, questions: Sequence[str], datastore: str | None, key: str
) -> None:
    """Two views under one switch. Without `moved` (the memory is being built) only the questions.

    Args:
        questions: what to ask where `moved` brings no questions of the edit's own.
    """
    own = [row.prompt for row in moved.rows if row.group != GROUPS[2]] if moved else []
    else_moved = "What else moves" if edit.dry_run else "What else moved"
    views = [BEFORE_AFTER, else_moved] if moved else [BEFORE_AFTER]
    view = st.segmented_control(
        "View", views, default=views[0], required=True, key=f"{key}.view", label_visibility="collapsed"
    )
    if view == else_moved and moved is not None:
        moved_table(moved, key)
    else:
        difference_panel(lab, edit, own or questions, datastore, key)
