"""Memories: the datastores there are, and building one from texts of one's own."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from memlab.errors import MemlabError
from memlab.memory.shelf import StoreInfo
from memlab.ui.app.entry import through_app
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.jobs import show_job
from memlab.ui.library.ask_memory import ask_own_memories
from memlab.ui.library.build_form import build_form
from memlab.ui.library.index_panel import index_panel
from memlab.ui.library.memories import delete, memory_table, what_is_wrong, what_it_holds, what_was_left_out

_JOB = "memories.job"

through_app()
lab = current_lab()

st.title("Memories", anchor=False)
st.markdown(
    "A memory is a datastore: every word of a collection of texts, with what a model computed there. "
    "It belongs to the model and the kind of key that made it, and serves all workspaces."
)
stores: Sequence[StoreInfo] = ()
try:
    stores = lab.datastores()
    memory_table(stores)
    what_is_wrong(stores)
    ask_own_memories(lab, stores)
    what_it_holds(lab, stores)
    index_panel(lab, stores)
    delete(lab, stores)
except MemlabError as error:
    show_error(error)

st.header("Build one from your texts", anchor=False)
if job_id := st.session_state.get(_JOB):
    try:
        job = show_job(lab, job_id)
        if job.state == "done":
            st.success("It is built. The list above has its first question.", icon=":material/check_circle:")
            what_was_left_out(lab.work.outcome(job_id))
        if job.over:
            st.button("Build another one", key="memories.another", on_click=st.session_state.pop, args=(_JOB, None))
    except MemlabError:  # the job was removed from the panel
        del st.session_state[_JOB]
        st.rerun()
else:
    try:
        if submitted := build_form(lab, {store.name for store in stores}):
            st.session_state[_JOB] = submitted.id
            st.rerun()
    except MemlabError as error:
        show_error(error)
