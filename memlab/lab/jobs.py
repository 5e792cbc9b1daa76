"""Long work: kinds of jobs, run in the background or in the calling thread, with progress, Stop and Resume.

A kind of job is a function of a lab, `progress`, `stop` and plain JSON parameters, registered under a name:

    @long_work("read")
    def _read(lab: Lab, progress: Progress, stop: Stop, text: str, method: str) -> Trace:
        return lab.read(text, method, progress=progress, stop=stop)

Systems declare theirs (`memlab.declare.LongWork`). The function calls `stop()` at least once a second; once that is
True it returns what it has, or raises StoppedError. `stopping(progress, stop)` is a progress that raises it, for
functions without `stop`. The result is plain JSON, or an object with `to_dict()`.

A page submits it, keeps the id in its session state, and shows it (see `memlab.ui.jobs`):

    job = lab.work.submit("read", "Reading 2,000 words", text=text, method=method)
    job = show_job(lab, job.id)
    if job.state == "done":
        trace = lab.work.outcome(job.id)       # also of a stopped job whose function returned what it had

Everything that the function needs is in its parameters, so that another process can resume the job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from memlab.declare import load
from memlab.errors import InputError, NotFound, RecordError, StoppedError
from memlab.lab.context import Context
from memlab.progress import Progress, Stop
from memlab.record.job_info import JobInfo
from memlab.record.jobs import Work as JobWork
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab import Lab

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Kind:
    """A kind of long work. `alone`: at most one of it is waiting or running. `stored`: its result is recorded."""

    work: Callable[..., Any]
    resumable: bool
    alone: bool
    stored: bool


KINDS: dict[str, Kind] = {}


def long_work(
    kind: str, resumable: bool = False, alone: bool = False, stored: bool = True
) -> Callable[[Function], Function]:
    """Makes `work(lab, progress, stop, **parameters)` a kind of job.

    Args:
        resumable: running it again continues where it ended, or at least does no harm.
        alone: submitting it while one is waiting or running, in any process, returns that one.
        stored: False for results too large for the database; the process that made them keeps the last few as objects.
    """

    def register(work: Function) -> Function:
        KINDS[kind] = Kind(work, resumable, alone, stored)
        return work

    return register


class Work:
    """Jobs of the home folder, of this and of other processes.

    Args:
        lab: passed to the functions of jobs, unless a job belongs to another workspace.
    """

    def __init__(self, context: Context, lab: Lab) -> None:
        self.context, self.lab = context, lab

    def submit(self, kind: str, title: str, /, **parameters: Any) -> JobInfo:
        """Puts long work in the queue and returns at once.

        Args:
            kind: a name registered with `long_work`, or declared by a system.
            title: what a person reads, for example "Building the datastore letters".
            parameters: plain JSON, as the kind's function takes them.

        Raises:
            NotFound: no such kind.
            InputError: parameters that are not plain JSON.
        """
        return self.job(self._submit(kind, title, parameters, None))

    def run(self, kind: str, title: str, progress: Progress, /, **parameters: Any) -> Any:
        """Does long work here and now, recorded as a job that others see and can stop; returns its outcome.

        Raises:
            StoppedError: it was stopped.
            MemlabError: raised by the work.
        """
        return self.outcome(self._submit(kind, title, parameters, progress))

    def resume(self, job_id: str, progress: Progress | None = None) -> JobInfo:
        """Runs a stopped, interrupted or failed job again: in the background, or here with `progress`.

        Raises:
            NotFound: no such job.
            InputError: it is waiting, running or done, or cannot be resumed.
        """
        job = self.job(job_id)
        work = self._work(job.kind, job.parameters or {}, progress)
        self.context.jobs.resume(job_id, work, here=progress is not None, stored=_known(job.kind).stored)
        return self.job(job_id)

    def stop(self, job_id: str) -> JobInfo:
        """Asks a job of any process to stop, which takes up to a second. Raises NotFound."""
        return self.context.jobs.stop(job_id)

    def stop_here(self) -> None:
        """Asks the work that `run` and `resume` do in this process to stop; a signal handler may call it."""
        self.context.jobs.stop_here()

    def remove(self, job_id: str) -> None:
        """Removes a job that is over from the list. Raises NotFound, and InputError while it is waiting or running."""
        self.context.jobs.remove(job_id)

    def job(self, job_id: str) -> JobInfo:
        """One job. Raises NotFound."""
        return self.context.jobs.get(job_id)

    def jobs(self, limit: int = 50, kind: str | None = None) -> Sequence[JobInfo]:
        """The last jobs (of a kind), newest first, without their results; raises nothing."""
        return self.context.jobs.list(limit, kind)

    def outcome(self, job_id: str) -> Any:
        """What a job returned, also a stopped one that returned what it had.

        The object itself where this process did the work, else as JSON; None where results of this kind are not stored.

        Raises:
            NotFound: no such job. InputError: it has not ended yet. StoppedError: it was stopped and returned nothing.
            RecordError: it failed or was interrupted; the message says why.
        """
        job = self.job(job_id)
        made = self.context.jobs.outcome(job_id)
        if job.state == "done" or (job.state == "stopped" and made is not None):
            return made
        if not job.over:
            raise InputError(f"{job.title} has not ended yet: it is {job.state}. Wait for it with lab.work.wait(id).")
        why = f": {job.error.rstrip('.')}." if job.error else "."
        again = " It can be resumed." if job.can_resume else " Start it again."
        if job.state == "stopped":
            raise StoppedError(f"{job.title} was stopped{why}{again}")
        raise RecordError(f"{job.title} {'failed' if job.state == 'failed' else 'was interrupted'}{why}{again}")

    def wait(self, job_id: str, timeout: float = float("inf")) -> JobInfo:
        """The job when it is over, or as it is after `timeout` seconds. Raises NotFound."""
        return self.context.jobs.wait(job_id, timeout)

    def _submit(self, kind: str, title: str, parameters: dict[str, Any], here: Progress | None) -> str:
        known = _known(kind)
        return self.context.jobs.submit(
            kind,
            title,
            self._work(kind, parameters, here),
            {"workspace": self.context.workspace, **parameters},
            resumable=known.resumable,
            alone=known.alone and here is None,
            here=here is not None,
            stored=known.stored,
        )

    def _work(self, kind: str, parameters: dict[str, Any], here: Progress | None) -> JobWork:
        """The work of a job, in the workspace that it was submitted in."""
        workspace = parameters.get("workspace", self.context.workspace)
        lab = self.lab if workspace == self.context.workspace else type(self.lab)(self.context.home, workspace)
        given = {name: value for name, value in parameters.items() if name != "workspace"}
        return lambda progress, stop: _known(kind).work(lab, partial(_both, progress, here), stop, **given)


def _known(kind: str) -> Kind:
    """The kind of that name: registered with `long_work`, or declared by a system, whose code is imported now. Raises NotFound."""
    if kind in KINDS:
        return KINDS[kind]
    declared = registry().work.get(kind)
    if declared is None:
        raise NotFound.named("kind of job", kind, [*KINDS, *registry().work])
    return Kind(load(declared.code), declared.resumable, declared.alone, declared.stored)


def stopping(progress: Progress, stop: Stop) -> Progress:
    """A progress that raises StoppedError once `stop` returns True."""

    def step(fraction: float, message: str) -> None:
        if stop():
            raise StoppedError(f"Stopped at {fraction:.0%}.")
        progress(fraction, message)

    return step


def _both(progress: Progress, here: Progress | None, fraction: float, message: str) -> None:
    if here is not None:
        here(fraction, message)
    progress(fraction, message)
