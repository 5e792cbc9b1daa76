"""The studies of a system: a form, the job, its result with figures and files, and runs made before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.declare import Field, Study, System, checked
from memlab.errors import MemlabError, NotFound
from memlab.record.job_info import JobInfo
from memlab.ui import fields
from memlab.ui.app.session import show_error
from memlab.ui.jobs import show_job
from memlab.ui.plain import plain
from memlab.ui.system_page.outcome import show_outcome

RUN = "run"  # in the address: the saved run that is shown
KIND = "study"  # of the job
RUNS = 20  # earlier runs listed


def studies_panel(lab: Lab, system: System) -> None:
    """A form for each study; then the run that the address names, and the runs made before."""
    if not system.studies:
        return
    st.header("Studies", anchor=False)
    for study in system.studies:
        with st.expander(plain(study.title), icon=":material/science:", expanded=len(system.studies) == 1):
            st.markdown(plain(study.help))
            _form(lab, system, study)
    if RUN in st.query_params:
        _run(lab, system, st.query_params[RUN])
    _earlier(lab, system)


def _form(lab: Lab, system: System, study: Study) -> None:
    """The declared settings as controls, and a button that starts the job."""
    prefix = f"{study.name}."
    declared = study.fields()
    with st.form(f"{system.name}.{study.name}", border=False):
        chosen = {field.name: _control(field, prefix) for field in declared}
        if not st.form_submit_button("Run", type="primary", icon=":material/play_arrow:"):
            return
    try:
        checked(study.settings, chosen)
    except MemlabError as error:
        show_error(error)
        return
    start(lab, system, study, chosen)


def _control(field: Field, prefix: str) -> Any:
    return fields.widget(replace(field, name=f"{prefix}{field.name}"), field.default)


def start(lab: Lab, system: System, study: Study, settings: Mapping[str, Any]) -> None:
    """Starts the job, puts it into the address, and reruns the page."""
    job = lab.work.submit(
        KIND, f"{system.title}: {study.title}", system=system.name, study=study.name, settings=dict(settings)
    )
    st.query_params[RUN] = job.id
    st.rerun()


def _run(lab: Lab, system: System, job_id: str) -> None:
    """One run: its settings, and its progress with Stop or its result; the address is its permanent link."""
    try:
        job = lab.work.job(job_id)
    except NotFound:
        show_error(
            NotFound(f"There is no saved run {job_id[:40]!r} here. It was removed, or made on another computer.")
        )
        return
    order = job.parameters or {}
    study = system.study(str(order.get("study"))) if job.kind == KIND and order.get("system") == system.name else None
    if study is None:
        show_error(NotFound(f"The saved run {job_id[:40]!r} is not one of {system.title}."))
        return
    st.subheader(plain(study.title), anchor=False)
    settings = dict(order.get("settings") or {})
    st.caption(plain(f"Run of {when(job)}: {described(study, settings)}"))
    shown = show_job(lab, job_id)
    if not shown.over:
        return
    if st.button(
        "Run again", key=f"run.again.{job_id}", icon=":material/replay:", help="A new run with these settings"
    ):
        start(lab, system, study, settings)
    document = lab.work.job(job_id).result
    if document is None:
        if shown.state == "done":
            st.info("This run left no result.", icon=":material/info:")
        return
    show_outcome(study, document, job_id)
    st.caption("The address of this page is the permanent link to this run.")


def _earlier(lab: Lab, system: System) -> None:
    """The last runs of the system's studies, each with a link."""
    runs = [job for job in lab.work.jobs(limit=200, kind=KIND) if (job.parameters or {}).get("system") == system.name][
        :RUNS
    ]
    if not runs:
        return
    with st.expander(f"Saved runs: {len(runs)}", icon=":material/history:"):
        for job in runs:
            study = system.study(str((job.parameters or {}).get("study")))
            title = study.title if study else job.title
            settings = described(study, (job.parameters or {}).get("settings") or {}) if study else ""
            said, way = st.columns([5, 1], vertical_alignment="center")
            said.caption(plain(f"{title} · {when(job)} · {job.state} · {settings}"))
            way.button("Open", key=f"run.open.{job.id}", on_click=_open, args=(job.id,), type="tertiary")


def _open(job_id: str) -> None:
    st.query_params[RUN] = job_id


def when(job: JobInfo) -> str:
    """When a run was started."""
    return f"{job.created[:16].replace('T', ' ')} UTC"


def described(study: Study, settings: Mapping[str, Any]) -> str:
    """The settings of a run in words."""
    labels = {field.name: field.label for field in study.fields()}
    return ", ".join(f"{labels.get(name, name)} {value}" for name, value in settings.items()) or "default settings"
