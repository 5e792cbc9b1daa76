"""For whom a page is drawn: the user of this computer, the lecturer of a class, or a guest."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from memlab.ui.classroom import room
from memlab.ui.classroom.gate import GUEST, LECTURER, NUMBER, ROLE


def is_guest() -> bool:
    """Whether the session is a guest's. On a shared server everybody but the lecturer counts as one."""
    return room.present() is not None and st.context.headers.get(ROLE) != LECTURER


def seat_number() -> int:
    """The number of the guest's seat; ends the page where the gate has not stamped one."""
    headers = st.context.headers
    number = headers.get(NUMBER, "")
    if headers.get(ROLE) != GUEST or not number.isdecimal():
        not_for_guests()
    return int(number)


def not_for_guests() -> NoReturn:
    """Says that guests have no access, and ends the page."""
    st.error("Guests of a class have no access to this page.", icon=":material/block:")
    st.stop()
