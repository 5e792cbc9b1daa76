"""Long work in the background: progress, a Stop that stops, and a state that outlives the page and the process.

    waiting -> running -> done | failed | stopped          interrupted: its process died

A job is a function `work(progress, stop_requested)`. It reports `progress(fraction, message)` as often as it
likes, asks `stop_requested()` at least once a second, and returns plain JSON or None. What it was called
with stands in `parameters`, so that a resumable job can be submitted again after an interruption.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import select, update

from memlab.errors import MemlabError, NotFound, RecordError
from memlab.record.chain import plain
from memlab.record.database import Database
from memlab.record.ledger import now
from memlab.record.tables import Job

Progress = Callable[[float, str], None]
Work = Callable[[Progress, Callable[[], bool]], Any]

WORKERS = 2
WRITE_EVERY = 0.2  # seconds between two writings of progress
ASK_EVERY = 0.25  # seconds between two looks for a Stop from another process
BEAT_EVERY = 1.0  # seconds between two signs of life
STALE_AFTER = 60.0  # seconds without a sign of life after which a process counts as dead
GOING = ("waiting", "running")

_log = logging.getLogger(__name__)
_RUNNER = str(uuid.uuid4())  # this process, should another one get its pid
_HOST = socket.gethostname()


@dataclass(frozen=True)
class JobInfo:
    """What is known of a job; `fraction` is 0 to 1, `error` says why it failed, `result` is what it returned."""

    id: str
    kind: str
    title: str
    parameters: dict[str, Any] | None
    resumable: bool
    state: str
    fraction: float
    message: str
    error: str | None
    result: Any
    created: str
    started: str | None
    ended: str | None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in GOING

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Task:
    """A job of this process. `told`: its function was told to stop."""

    id: str
    work: Work
    stop: threading.Event = field(default_factory=threading.Event)
    told: bool = False
    fraction: float = 0.0
    message: str = ""
    written: float = 0.0
    asked: float = 0.0


class Jobs:
    """The jobs of a database; those submitted here run in two threads that end with the process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._tasks: dict[str, _Task] = {}
        self._lock = threading.Lock()
        self._started = False

    def submit(
        self, kind: str, title: str, work: Work, parameters: dict[str, Any] | None = None, resumable: bool = False
    ) -> str:
        """Puts a job in the queue and returns its id. Raises InputError for parameters that are no plain JSON."""
        task = _Task(str(uuid.uuid4()), work)
        row = Job(
            id=task.id,
            kind=kind,
            title=title,
            parameters=plain(parameters, "parameters"),
            resumable=resumable,
            state="waiting",
            fraction=0.0,
            message="",
            created=now(),
            host=_HOST,
            pid=os.getpid(),
            runner=_RUNNER,
            heartbeat=time.time(),
            stop=False,
        )
        with self._database.writing() as session:
            session.add(row)
        with self._lock:
            self._tasks[task.id] = task
            if not self._started:
                self._started = True
                for target in [self._run_tasks] * WORKERS + [self._beat]:
                    threading.Thread(target=target, name=f"memlab-jobs-{target.__name__}", daemon=True).start()
        self._waiting.put(task)
        return task.id

    def stop(self, job_id: str) -> JobInfo:
        """Asks a job of any process to stop; one that has ended stays as it is. Raises NotFound."""
        with self._database.writing() as session:
            session.execute(update(Job).where(Job.id == job_id).values(stop=True))
            waiting = update(Job).where(Job.id == job_id, Job.state == "waiting")
            session.execute(waiting.values(state="stopped", ended=now()))
        if task := self._tasks.get(job_id):
            task.stop.set()
        return self.get(job_id)

    def get(self, job_id: str) -> JobInfo:
        """One job. Raises NotFound."""
        self._mark_interrupted()
        with self._database.reading() as session:
            job = session.get(Job, job_id)
            if job is None:
                raise NotFound(f"There is no job {job_id!r}. The jobs panel lists those there are.")
            return _info(job)

    def list(self, limit: int = 50) -> Sequence[JobInfo]:
        """The last jobs of all processes, newest first."""
        self._mark_interrupted()
        with self._database.reading() as session:
            newest = select(Job).order_by(Job.created.desc(), Job.id).limit(limit)
            return [_info(job) for job in session.scalars(newest)]

    def wait(self, job_id: str, timeout: float = float("inf")) -> JobInfo:
        """The job when it is over, or as it is after `timeout` seconds. Raises NotFound."""
        until = time.monotonic() + timeout
        while not (job := self.get(job_id)).over and time.monotonic() < until:
            time.sleep(0.05)
        return job

    def _run_tasks(self) -> None:
        while True:
            task = self._waiting.get()
            try:
                if self._begin(task):
                    self._end(task, **self._run(task))
            except RecordError:
                _log.exception("The state of job %s could not be written.", task.id)
            finally:
                del self._tasks[task.id]

    def _begin(self, task: _Task) -> bool:
        """Marks a waiting job as running; False when it was stopped before."""
        with self._database.writing() as session:
            job = session.get_one(Job, task.id, with_for_update=True)
            if job.state != "waiting":
                return False
            job.state, job.started = "running", now()
            return True

    def _run(self, task: _Task) -> dict[str, Any]:
        """Does the work; returns what is to be written about its end. A job that was told to stop is stopped."""
        try:
            result = plain(task.work(self._progress(task), self._stop_requested(task)), "result")
            return {"state": "stopped" if task.told else "done", "result": result}
        except MemlabError as error:
            return {"state": "stopped" if task.told else "failed", "error": str(error)}
        except BaseException as error:  # also SystemExit: the thread must live on, and the job must not seem to run
            if task.told:
                return {"state": "stopped", "error": str(error)}
            _log.exception("Job %s failed.", task.id)
            return {"state": "failed", "error": f"{type(error).__name__}: {error}"}

    def _end(self, task: _Task, state: str, result: Any = None, error: str | None = None) -> None:
        fraction = 1.0 if state == "done" else task.fraction
        values = {"state": state, "result": result, "error": error, "ended": now()}
        with self._database.writing() as session:
            row = update(Job).where(Job.id == task.id)
            session.execute(row.values(fraction=fraction, message=task.message, **values))

    def _progress(self, task: _Task) -> Progress:
        def progress(fraction: float, message: str) -> None:
            task.fraction, task.message = min(1.0, max(0.0, fraction)), message
            if time.monotonic() - task.written >= WRITE_EVERY:  # else the next sign of life carries it
                task.written = time.monotonic()
                self._show(task)

        return progress

    def _show(self, task: _Task) -> None:
        """Writes the progress of a job and that it lives."""
        values = {"fraction": task.fraction, "message": task.message, "heartbeat": time.time()}
        try:
            with self._database.writing() as session:
                session.execute(update(Job).where(Job.id == task.id, Job.state.in_(GOING)).values(values))
        except RecordError as error:
            _log.warning("The progress of job %s could not be written: %s", task.id, error)

    def _stop_requested(self, task: _Task) -> Callable[[], bool]:
        def stop_requested() -> bool:
            clock = time.monotonic()
            if not task.stop.is_set() and clock - task.asked >= ASK_EVERY:
                task.asked = clock
                with self._database.reading() as session:
                    if session.scalar(select(Job.stop).where(Job.id == task.id)):
                        task.stop.set()
            task.told = task.stop.is_set()
            return task.told

        return stop_requested

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_EVERY)
            for task in list(self._tasks.values()):
                self._show(task)

    def _mark_interrupted(self) -> None:
        """Jobs whose process is gone did not end; says so in their rows."""
        going = Job.state.in_(GOING)
        with self._database.reading() as session:
            dead = [job.id for job in session.scalars(select(Job).where(going)) if not _lives(job)]
        if dead:
            with self._database.writing() as session:
                lost = update(Job).where(Job.id.in_(dead), going)
                session.execute(lost.values(state="interrupted", ended=now()))


def _lives(job: Job) -> bool:
    """Whether the process that does a job still does it."""
    if job.runner == _RUNNER and job.pid == os.getpid():
        return True
    if job.host == _HOST and os.name == "posix":  # elsewhere os.kill kills
        if job.pid == os.getpid():
            return False  # an earlier process had this one's pid
        try:
            os.kill(job.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it lives, as somebody else's
    return time.time() - job.heartbeat < STALE_AFTER


def _info(job: Job) -> JobInfo:
    return JobInfo(**{column.name: getattr(job, column.name) for column in fields(JobInfo)})
