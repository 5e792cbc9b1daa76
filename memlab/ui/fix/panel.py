"""Correct, Forget or Teach in place: the change, its effect before it is applied, and one click that takes it back."""

from __future__ import annotations

from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError, RecordError
from memlab.results import Cause, Edit, Prediction, Verdict
from memlab.results.cause import CORRECT, FORGET, LAMBDA, Repair
from memlab.ui.app.session import show_error
from memlab.ui.app.sharing import check_may_edit, may_edit
from memlab.ui.as_of import AS_OF, NOW
from memlab.ui.ask.question import LAMBDA as LAM
from memlab.ui.author import author
from memlab.ui.edit.forms import Change
from memlab.ui.edit.timeline import holds
from memlab.ui.edit.undo import undo_or_redo
from memlab.ui.fix import changes
from memlab.ui.fix.effect import measured, shown_effect, tried
from memlab.ui.plain import plain

_DONE = "edit.fix.done"  # the last edit made here: key of the panel, prompt, number of the edit
_WAY, _ENTRY = "edit.fix.way", "edit.fix.entry"
ICONS = {CORRECT: "edit", FORGET: "delete", changes.TEACH: "school", LAMBDA: "tune"}


def fix_here(lab: Lab, p: Prediction, verdict: Verdict | None, key: str, use: str = "Use", why: bool = True) -> None:
    """A panel that repairs an answer in place: the cause of a wrong one, and forms to correct, forget or teach.

    Nothing for a method without memory, or whose memory is not made of texts.

    Args:
        key: prefix of the controls' keys; at most one panel with it is drawn at a time.
        use: verb on the button for another lambda, "Use" or "Ask all with". why: whether to say the cause.
    """
    method = lab.methods()[p.method]
    if not method.remembers or method.memory is not None or p.without:
        return
    try:
        cause = lab.cause(p, verdict.expected) if verdict is not None and not verdict.mixture else None
    except MemlabError as error:
        show_error(error)
        return
    with st.container(border=True, key=f"{key}.fix"):
        if _done(lab, p, verdict, key):
            return
        editable = _editable(lab, p)
        way = _way(p, verdict, cause, key, use) if editable else None
        if why and verdict is not None:
            with st.container(key=f"{key}.why"):  # the same height for a right answer as for a wrong one
                st.markdown(_reason(cause))
        if way is not None and (change := _form(lab, p, verdict, cause, key, way)) is not None:
            _try(lab, change, p, verdict, key)


def _editable(lab: Lab, p: Prediction) -> bool:
    """Whether an edit can be made beside this answer; shows the reason where not."""
    if not may_edit(lab):
        st.caption("This workspace was shared to look at. Make a copy of your own to fix it here.")
    elif p.as_of != lab.head():
        st.caption(f"This answer is as of edit {p.as_of}; there are {lab.head()}. Ask as of now to fix it here.")
    else:
        return True
    return False


def _reason(cause: Cause | None) -> str:
    if cause is None:
        return ":material/check: This answer is right. An edit can still change it, and you see first what else moves."
    return f":material/help: **Why it is wrong: {plain(cause.name)}.** {plain(cause.sentence)}"


def choose_way(key: str, way: str, entry: int | None = None) -> None:
    """Opens the panel `key` at a repair in the next run, for example from a passage."""
    st.session_state[f"{key}.{_WAY}"] = way
    st.session_state[f"{key}.{_ENTRY}"] = entry
    _forget_done()


def _way(p: Prediction, verdict: Verdict | None, cause: Cause | None, key: str, use: str) -> str | None:
    """The repairs as buttons, the smallest first; returns the chosen one."""
    able = changes.ways(p)
    repairs = {repair.kind: repair for repair in (cause.repairs if cause else ())}
    names = [*[kind for kind in repairs if kind in able], *[kind for kind in able if kind not in repairs]]
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}.ways"):
        way = st.segmented_control(
            "Fix it here",
            names,
            format_func=lambda name: f":material/{ICONS[name]}: {able[name]}",
            key=f"{key}.{_WAY}",
            help="Correct, forget or teach, and see the effect first: nothing changes before you apply it.",
        )
        if LAMBDA in repairs or (verdict is not None and LAM in p.settings):
            _other_lambda(repairs.get(LAMBDA), key, use, right=verdict is not None and verdict.mixture)
    return way


def _form(lab: Lab, p: Prediction, verdict: Verdict | None, cause: Cause | None, key: str, way: str) -> Change | None:
    """The form for a repair, filled in from the answer."""
    wanted = verdict.expected if verdict else ()
    if way == CORRECT:
        return changes.correct(lab, p, wanted, f"{key}.correct")
    if way == FORGET:
        entry = st.session_state.get(f"{key}.{_ENTRY}")
        repairs = [repair for repair in (cause.repairs if cause else ()) if repair.kind == FORGET]
        entries = [entry for repair in repairs for entry in repair.entries]
        return changes.forget(p, wanted, entry or next(iter(entries), None), f"{key}.forget")
    return changes.teach(changes.taught_answer(p, cause, verdict), f"{key}.teach")


def _other_lambda(repair: Repair | None, key: str, use: str, right: bool) -> None:
    """A button for the smallest repair: another weight of the memory. Disabled where that cannot help."""
    if repair is not None:
        label, said = (
            f"{use} λ = {repair.lam:g}",
            "Without an edit, this answer is right with another weight of the memory.",
        )
    elif right:
        label, said = f"{use} another λ", "This answer is right."
    else:
        label, said = f"{use} another λ", "No other weight of the memory makes this answer right."
    st.button(
        label,
        key=f"{key}.lambda",
        icon=f":material/{ICONS[LAMBDA]}:",
        help=said,
        disabled=repair is None,
        on_click=_take_lambda,
        args=(repair, key),
    )


def _take_lambda(repair: Repair | None, key: str) -> None:
    if repair is not None:
        st.session_state.update({LAM: repair.lam, f"{key}.rerun": True})


def _try(lab: Lab, change: Change, p: Prediction, verdict: Verdict | None, key: str) -> None:
    """The effect of a change that is not made yet, and the button that makes it."""
    try:
        with st.spinner("Working out what this changes"):
            edit = tried(lab, change, p)
            shown_effect(lab, edit, edit.moved, p, verdict, key)
    except MemlabError as error:
        show_error(error)
        return
    for notice in edit.notices:
        st.caption(plain(notice))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Apply",
            key=f"{key}.apply",
            type="primary",
            icon=":material/check:",
            on_click=_apply,
            args=(lab, edit, p.prompt, key),
        )
        st.caption(plain(f"Nothing has changed yet. Edit {edit.seq}: {edit.summary}"))
    if (problem := st.session_state.pop(f"{key}.problem", None)) is not None:
        show_error(RecordError(problem))


def _apply(lab: Lab, edit: Edit, prompt: str, key: str) -> None:
    """Makes the previewed edit; afterwards the page asks as of now."""
    try:
        check_may_edit(lab)
        made = lab.commit(edit, **author())
    except MemlabError as error:  # for example, another window made an edit in the meantime
        st.session_state[f"{key}.problem"] = str(error)
        return
    st.session_state[_DONE] = {"key": key, "prompt": prompt, "seq": made.seq}
    if AS_OF in st.session_state:
        st.session_state[AS_OF] = NOW
    st.session_state[f"{key}.rerun"] = True


def _done(lab: Lab, p: Prediction, verdict: Verdict | None, key: str) -> bool:
    """Shows the last edit made here for this prompt, with Undo. Returns whether there was one."""
    if st.session_state.pop(f"{key}.rerun", False):
        st.rerun()  # the whole page, whose controls depend on the edit
    done: dict[str, Any] = st.session_state.get(_DONE, {})
    if (done.get("key"), done.get("prompt")) != (key, p.prompt):
        return False
    edit = next((edit for edit in lab.history() if edit.seq == done["seq"]), None)
    if edit is None:
        return False
    active = holds(lab.history(), edit.seq)
    sign, what = (":material/check_circle:", "") if active else (":material/undo:", " is taken back")
    st.markdown(f"{sign} **Edit {edit.seq}{what}**: {plain(edit.summary)}")
    with st.container(horizontal=True):
        undo_or_redo(lab, edit, active)
        st.button("Another fix", key=f"{key}.another", icon=":material/build:", on_click=_forget_done)
    try:
        moved = measured(lab, edit, p) if edit.scores else None
        shown_effect(lab, edit, moved, p, verdict, f"{key}.done")
    except MemlabError as error:
        show_error(error)
    return True


def _forget_done() -> None:
    st.session_state[_DONE] = {}
