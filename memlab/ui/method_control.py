"""The choice of a method: by its title on the page, by its name in the address; the others with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from memlab.declare import Method
from memlab.ui.offered import Offer
from memlab.ui.plain import plain


def method_control(
    key: str, offered: Offer, usual: str, on_change: Callable[..., None], args: tuple[Any, ...]
) -> Method:
    """The method that is chosen, with a line on what it is.

    A control that Streamlit binds to the address writes titles there; links say names. So the address is kept here.

    Args:
        key: of the control and of the parameter in the address. usual: the method that the address leaves out.
    """
    state, kept = st.session_state, f"{key}.address"
    asked = st.query_params.get(key)
    if key not in state or asked != state.get(kept):  # a link, or the browser's Back
        state[key] = asked if asked in offered.able else usual
    if state[key] not in offered.able:  # another model
        state[key] = usual
    chosen = st.segmented_control(
        "Method",
        list(offered.able),
        format_func=lambda name: offered.able[name].title,
        required=True,
        key=key,
        on_change=on_change,
        args=args,
        wrap=True,
    )
    name = str(chosen)
    in_address = None if name == usual else name
    if in_address is not None:
        st.query_params[key] = in_address
    elif key in st.query_params:
        del st.query_params[key]
    state[kept] = in_address
    method = offered.able[name or usual]
    st.caption(plain(f"{method.title}, {method.paper}."), help=plain(method.help))
    offered.show_others()
    return method
