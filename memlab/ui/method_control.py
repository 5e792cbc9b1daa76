"""The choice of a method: by its title on the page, by its name in the address; the others with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from memlab.declare import Method
from memlab.ui.app.carried import by_hand, chosen_by_hand
from memlab.ui.offered import Offer
from memlab.ui.plain import plain


def method_control(
    key: str, offered: Offer, usual: str, on_change: Callable[..., None], args: tuple[Any, ...], brought: bool = False
) -> Method:
    """A button with the method's title; it opens the choice, a line on what it is, and the others with the reason.

    Not bound to the address by Streamlit, which would write titles there: links hold names, so this writes the address.

    Args:
        key: of the control, and name of the parameter in the address. usual: the default, which the address leaves out.
        brought: whether to take the method that was chosen by hand on another page, where it is offered here.
    """
    state, kept = st.session_state, f"{key}.address"
    asked = st.query_params.get(key)
    if key not in state or asked != state.get(kept):  # a link, or the browser's Back
        state[key] = asked if asked in offered.able else usual
    wanted = by_hand()
    if brought and wanted in offered.able:
        state[key] = wanted
    if state[key] not in offered.able:  # a model was chosen that it does not fit
        state[key] = usual
    with st.popover(
        offered.able[state[key]].title,
        key=f"{key}.open",
        width="stretch",
        help="Method: how model and memory are mixed",
    ):
        chosen = st.segmented_control(
            "Method",
            list(offered.able),
            format_func=lambda name: offered.able[name].title,
            required=True,
            key=key,
            on_change=_by_hand,
            args=(key, on_change, args),
            wrap=True,
        )
        method = offered.able[str(chosen) or usual]
        st.caption(plain(f"{method.title}, {method.paper}. {method.help}"))
        offered.show_others()
    if wanted in offered.others:
        st.caption(f":material/block: {plain(offered.others[str(wanted)])}")
    name = str(chosen)
    in_address = None if name == usual else name
    if in_address is not None:
        chosen_by_hand(name)
    if in_address is not None:
        st.query_params[key] = in_address
    elif key in st.query_params:
        del st.query_params[key]
    state[kept] = in_address
    return method


def _by_hand(key: str, on_change: Callable[..., None], args: tuple[Any, ...]) -> None:
    """Records a method chosen by hand, which the next page starts with where it is offered."""
    chosen_by_hand(st.session_state[key])
    on_change(*args)
