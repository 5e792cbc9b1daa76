"""The state of memory that a question is asked about: now, or after an earlier edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from memlab.errors import InputError, MemlabError

if TYPE_CHECKING:
    from memlab import Lab

AS_OF = "as_of"
NOW = "now"


def as_of_slider(lab: Lab) -> tuple[int | None, list[MemlabError]]:
    """The number of the last edit that counts (None: all), and an error for each invalid parameter of the address.

    There is no control while the workspace has no edits.
    """
    last = lab.head()
    options = [*map(str, range(last + 1)), NOW]
    asked = st.query_params.get(AS_OF, NOW)
    problems: list[MemlabError] = []
    if asked not in options and st.session_state.get(AS_OF) != NOW:
        problems.append(InputError(f"There is no edit {asked!r} in this workspace. Allowed as_of: {NOW}, 0 to {last}."))
    if last == 0:
        return None, problems
    chosen = st.select_slider(
        "As of edit",
        options,
        value=NOW,
        key=AS_OF,
        bind="query-params",
        help="Ask as if only the edits up to this one had been made. 0: none of them.",
    )
    return (None if chosen == NOW else int(chosen)), problems
