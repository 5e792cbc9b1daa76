"""Long work in the interface: the panel behind its button in the bar, and one job within a page."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import streamlit as st

from memlab import Lab
from memlab.corpus.received import FOLDER
from memlab.errors import MemlabError, NotFound, RecordError, StoppedError
from memlab.record.job_info import JobInfo
from memlab.ui.app.session import show_error
from memlab.ui.plain import plain

EVERY = "1s"
RECENT = timedelta(hours=1)
JUST_NOW = timedelta(minutes=1)
_DISMISSED = "jobs.dismissed"
SIGNS = {"done": "check_circle", "stopped": "stop_circle", "failed": "error", "interrupted": "power_off"}


def jobs_in_bar(lab: Lab) -> None:
    """A button with the number of jobs that run, wait or ended early; it opens their panel. Nothing without jobs.

    While a job runs, the panel updates every second; when the last one ends, the whole page is rerun. A page that
    submits a job calls `st.rerun()` afterwards, so that the panel starts to update.
    """
    try:
        jobs = lab.work.jobs()
    except MemlabError as error:
        show_error(error)
        return
    going = [job for job in jobs if not job.over]
    needing = _needing(jobs)
    if not going and not needing and not any(_recent(job) for job in jobs if job.over):
        return
    number = len(going) + len(needing)
    sign = "error" if needing else "hourglass_top" if going else "check_circle"
    label = f"Jobs {number}" if number else "Jobs"
    with st.popover(label, key="bar.jobs", icon=f":material/{sign}:", help=_said_of_jobs(going, needing)):
        st.fragment(_panel, run_every=EVERY if going else None)(lab, bool(going))


def _said_of_jobs(going: list[JobInfo], needing: list[JobInfo]) -> str:
    """The counts in one line, for the tooltip of the button."""
    parts = [f"{len(going)} running or waiting"] if going else []
    parts += [f"{len(needing)} ended early"] if needing else []
    return ", ".join(parts) or "Finished within the hour"


def _needing(jobs: Sequence[JobInfo]) -> list[JobInfo]:
    """The jobs that ended early and were not dismissed in this session."""
    needing = [job for job in jobs if job.over and (job.can_resume or (job.state == "failed" and _recent(job)))]
    return [job for job in needing if job.id not in st.session_state.get(_DISMISSED, ())]


def show_job(lab: Lab, job_id: str) -> JobInfo:
    """One job where a page wants it: progress and Stop, or why it ended early and Resume. Nothing once it is done.

    Returns the job as it is now; when it ends, the page is rerun, so that

        job = show_job(lab, job_id)
        if job.state == "done":
            draw(lab.work.outcome(job_id))

    shows the result by itself. Raises NotFound where the job does not exist or was removed.
    """
    job = lab.work.job(job_id)
    if job.over:
        _ended(lab, job, "page")
    else:
        st.fragment(_watched, run_every=EVERY)(lab, job_id)
    return job


def only_job(lab: Lab, page: str, asked: object, kind: str, title: str, order: dict[str, Any]) -> JobInfo:
    """The page's only job, with progress and Stop. If `asked` is new, it is submitted and the previous one stopped."""
    job = kept_job(lab, page, asked)
    if job is None:
        kept = st.session_state.get(f"{page}.job")
        if kept is not None and kept[0] != asked:
            _stop_quietly(lab, kept[1])
        begin_job(lab, page, asked, kind, title, order)
    return job


def kept_job(lab: Lab, page: str, asked: object) -> JobInfo | None:
    """Shows and returns the job that the page began for `asked`; None where there is none or it was removed."""
    kept = st.session_state.get(f"{page}.job")
    if kept is None or kept[0] != asked:
        return None
    try:
        return show_job(lab, kept[1])
    except NotFound:  # removed from the list in another window
        return None


def begin_job(lab: Lab, page: str, asked: object, kind: str, title: str, order: dict[str, Any]) -> NoReturn:
    """Submits a job, remembers that it belongs to `asked`, and reruns the page."""
    st.session_state[f"{page}.job"] = (asked, lab.work.submit(kind, title, **order).id)
    st.rerun()


def outcome_of(lab: Lab, job: JobInfo) -> Any:
    """What a finished job returned; None where it returned nothing, for the reason that `show_job` shows."""
    try:
        return lab.work.outcome(job.id)
    except (StoppedError, RecordError):
        return None


def forget_job(page: str) -> None:
    """Makes the next `only_job` of the page submit a new job."""
    st.session_state.pop(f"{page}.job", None)


def _stop_quietly(lab: Lab, job_id: str) -> None:
    with suppress(NotFound):
        if not lab.work.job(job_id).over:
            lab.work.stop(job_id)


def _watched(lab: Lab, job_id: str) -> None:
    try:
        job = lab.work.job(job_id)
    except MemlabError as error:
        show_error(error)
        return
    if job.over:
        st.rerun()
    _going(lab, job, "page")


def _panel(lab: Lab, going: bool) -> None:
    try:
        jobs = lab.work.jobs()
    except MemlabError as error:
        show_error(error)
        return
    if going and all(job.over for job in jobs):
        st.rerun()
    for job in reversed(jobs):
        if not job.over:
            _going(lab, job, "panel")
    needing = _needing(jobs)
    _ended_early(lab, needing)
    finished = [job for job in jobs if job.over and job not in needing and _recent(job)]
    if finished:
        with st.expander(f"Finished within the hour: {len(finished)}", icon=":material/check_circle:"):
            for job in finished:
                st.caption(plain(f"{job.title}: {job.state}"))


def _ended_early(lab: Lab, jobs: list[JobInfo]) -> None:
    """An expander with the jobs that ended early; all can be dismissed for this session."""
    if not jobs:
        return
    count = "1 job ended early" if len(jobs) == 1 else f"{len(jobs)} jobs ended early"
    with st.expander(count, icon=":material/error:", expanded=any(_recent(job, JUST_NOW) for job in jobs)):
        for job in jobs:
            _ended(lab, job, "panel")
        st.button(
            "Dismiss",
            key="jobs.dismiss",
            icon=":material/visibility_off:",
            help="Not shown again in this window.",
            on_click=_dismiss,
            args=(tuple(job.id for job in jobs),),
        )


def _dismiss(jobs: tuple[str, ...]) -> None:
    st.session_state[_DISMISSED] = {*st.session_state.get(_DISMISSED, ()), *jobs}


def _going(lab: Lab, job: JobInfo, place: str) -> None:
    """A bar with what is being done, and Stop."""
    with st.container(border=True, gap="small"):
        if job.state == "waiting":
            st.caption(f":material/hourglass_empty: {plain(job.title)}: waiting for its turn")
        else:
            st.progress(job.fraction, text=f"**{plain(job.title)}**")
            st.caption(plain("stopping" if job.stop else job.message or "starting"))
        stop = st.button("Stop", key=f"jobs.{place}.stop.{job.id}", icon=":material/stop:", disabled=job.stop)
        if stop:
            lab.work.stop(job.id)
            st.rerun(scope="fragment")


def _ended(lab: Lab, job: JobInfo, place: str) -> None:
    """Why a job ended early, with Resume where that is possible, and Remove."""
    if job.state == "done":
        return
    with st.container(border=True, gap="small"):
        st.markdown(f":material/{SIGNS[job.state]}: **{plain(job.title)}**")
        st.caption(plain(_why(job)))
        with st.container(horizontal=True):
            if (
                job.can_resume
                and not can_never_succeed(lab, job)
                and st.button("Resume", key=f"jobs.{place}.resume.{job.id}", icon=":material/play_arrow:")
            ):
                _do(lab.work.resume, job.id)
            if place == "panel" and st.button("Remove", key=f"jobs.{place}.remove.{job.id}", icon=":material/close:"):
                _do(lab.work.remove, job.id)


def can_never_succeed(lab: Lab, job: JobInfo) -> bool:
    """Whether a job failed on a file that was uploaded for it: the file will not change, so Resume would fail again."""
    uploads = str(lab.home / FOLDER)
    return job.state == "failed" and any(path.startswith(uploads) and path in (job.error or "") for path in _texts(job))


def _texts(job: JobInfo) -> list[str]:
    """The files that a job reads."""
    texts = (job.parameters or {}).get("texts") or []
    return [str(path) for path in texts] if isinstance(texts, list) else []


def _why(job: JobInfo) -> str:
    """One sentence about how a job ended; files by their names, as they were chosen."""
    if job.state == "failed":
        error = job.error or ""
        for path in filter(os.path.isabs, _texts(job)):
            error = error.replace(path, Path(path).name)
        return f"Failed. {error}"
    how = "Stopped" if job.state == "stopped" else "Interrupted: its process ended"
    return f"{how} at {job.fraction:.0%}{': ' + job.message if job.message else ''}."


def _recent(job: JobInfo, within: timedelta = RECENT) -> bool:
    return job.ended is not None and datetime.now(UTC) - datetime.fromisoformat(job.ended) < within


def _do(change: Callable[[str], object], job_id: str) -> None:
    """Resumes or removes a job and reruns the page; shows the error where another window did so first."""
    try:
        change(job_id)
    except MemlabError as error:
        show_error(error)
        return
    st.rerun()
