"""Long work with progress, a Stop that stops, and a state that outlives the page and the process.

    waiting -> running -> done | failed | stopped          interrupted: its process died or was ended

A job is a function `work(progress, stop)`. It calls `progress(fraction, message)` as often as it likes and
`stop()` at least once a second; once that is True, it returns what it has or raises StoppedError. What it
returns is its result: plain JSON, an object with `to_dict()`, or a list of these. Its parameters are recorded,
so that a resumable job can be run again, in another process too, after it was stopped, interrupted or failed.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, ClassVar

from cachetools import LRUCache
from sqlalchemy import delete, select, update

from memlab.errors import InputError, MemlabError, NotFound, RecordError
from memlab.progress import Progress, Stop
from memlab.record.database import Database
from memlab.record.hash_chain import plain
from memlab.record.job_info import GOING, HOST, RESUMABLE, RUNNER, JobInfo, job_info, lives
from memlab.record.new_rows import now
from memlab.record.tables import Job

Work = Callable[[Progress, Stop], Any]

WORKERS = 2
WRITE_EVERY = 0.2  # seconds between two writes of progress
ASK_EVERY = 0.25  # seconds between two checks for a Stop from another process
BEAT_EVERY = 1.0  # seconds between two heartbeats
OUTCOMES = 16  # results that are kept as objects
LAST_WAIT = 3.0  # seconds that the process waits for its jobs when it ends

_log = logging.getLogger(__name__)


@dataclass
class _Task:
    """A job of this process. `here`: run in the calling thread. `told_to_stop`: its function was told to stop.
    `raised`: the exception that it ended with."""

    id: str
    work: Work
    stored: bool = True
    here: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    told_to_stop: bool = False
    fraction: float = 0.0
    message: str = ""
    written: float = 0.0
    asked: float = 0.0
    raised: BaseException | None = None


class Jobs:
    """The jobs of a database. Those submitted here run in two threads that end with the process."""

    _of: ClassVar[dict[Database, Jobs]] = {}
    _guard = threading.Lock()

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._tasks: dict[str, _Task] = {}
        self._outcomes: LRUCache[str, Any] = LRUCache(OUTCOMES)
        self._lock = threading.Lock()
        self._threads: set[str] = set()
        self._ending = False

    @classmethod
    def of(cls, database: Database) -> Jobs:
        """The one object for a database in this process, so that threads are not multiplied."""
        with cls._guard:
            if not cls._of:
                atexit.register(_at_exit)
            return cls._of.setdefault(database, cls(database))

    def submit(
        self,
        kind: str,
        title: str,
        work: Work,
        parameters: dict[str, Any] | None = None,
        resumable: bool = False,
        alone: bool = False,
        here: bool = False,
        stored: bool = True,
    ) -> str:
        """Puts a job in the queue and returns its id.

        Args:
            alone: where a job of this kind is waiting or running, in any process, that one is returned instead.
            here: the work is done before this returns, in the calling thread, and its exceptions are raised.
            stored: whether the result is recorded; if not, only this process has it.

        Raises:
            InputError: parameters that are not plain JSON.
        """
        row = Job(
            id=str(uuid.uuid4()),
            kind=kind,
            title=title,
            parameters=plain(parameters, "parameters"),
            resumable=resumable,
            fraction=0.0,
            message="",
            created=now(),
            **_mine(),
        )
        task = _Task(row.id, work, stored, here)
        self._mark_interrupted()
        with self._database.writing() as session:
            same = select(Job.id).where(Job.kind == kind, Job.state.in_(GOING)).limit(1)
            if alone and (going := session.scalar(same)):
                return going
            session.add(row)
        self._start(task)
        return task.id

    def resume(self, job_id: str, work: Work, here: bool = False, stored: bool = True) -> None:
        """Runs a job again that was stopped, interrupted or failed; `here` and `stored` as in `submit`.

        Raises:
            NotFound: no such job.
            InputError: it is waiting, running or done, or cannot be resumed.
        """
        job = self.get(job_id)
        if not job.resumable:
            raise InputError(f"{job.title} cannot be resumed. Start it again.")
        if job_id in self._tasks:
            raise InputError(f"{job.title} has not ended yet. Stop it first, or wait a moment.")
        again = update(Job).where(Job.id == job_id, Job.state.in_(RESUMABLE))
        with self._database.writing() as session:
            mine = again.values(error=None, started=None, ended=None, **_mine()).returning(Job.id)
            if session.scalar(mine) is None:
                raise InputError(f"{job.title} is {job.state}: there is nothing to resume.")
        self._start(_Task(job_id, work, stored, here, fraction=job.fraction, message=job.message))

    def stop(self, job_id: str) -> JobInfo:
        """Asks a job of any process to stop; one that has ended stays as it is. Raises NotFound."""
        with self._database.writing() as session:
            session.execute(update(Job).where(Job.id == job_id).values(stop=True))
            waiting = update(Job).where(Job.id == job_id, Job.state == "waiting")
            session.execute(waiting.values(state="stopped", ended=now()))
        job = self.get(job_id)
        if task := self._tasks.get(job_id):
            task.stop.set()
            if job.over:
                del self._tasks[job_id]  # it never began
        return job

    def stop_here(self) -> None:
        """Asks the jobs with `here` in this process to stop. Touches no database: a signal handler may call it."""
        for task in list(self._tasks.values()):
            if task.here:
                task.stop.set()

    def remove(self, job_id: str) -> None:
        """Removes a job that is over from the list. Raises NotFound, and InputError while it is waiting or running."""
        if not (job := self.get(job_id)).over:
            raise InputError(f"{job.title} is {job.state}. Stop it first.")
        with self._database.writing() as session:
            session.execute(delete(Job).where(Job.id == job_id, Job.state.not_in(GOING)))

    def get(self, job_id: str) -> JobInfo:
        """One job. Raises NotFound."""
        self._mark_interrupted()
        with self._database.reading() as session:
            job = session.get(Job, job_id)
            if job is None:
                raise NotFound(f"There is no job {job_id!r}. `memlab jobs` and the jobs panel list those there are.")
            return job_info({f.name: getattr(job, f.name) for f in fields(JobInfo)})

    def list(self, limit: int = 50, kind: str | None = None) -> Sequence[JobInfo]:
        """The last jobs (of a kind) of all processes, newest first, without their results, which may be long."""
        self._mark_interrupted()
        names = [f.name for f in fields(JobInfo) if f.name != "result"]
        newest = select(*(getattr(Job, name) for name in names)).order_by(Job.created.desc(), Job.id).limit(limit)
        if kind is not None:
            newest = newest.where(Job.kind == kind)
        with self._database.reading() as session:
            return [job_info({**dict(zip(names, row, strict=True)), "result": None}) for row in session.execute(newest)]

    def outcome(self, job_id: str) -> Any:
        """What a finished job returned: the object itself where this process ran it, else its JSON."""
        job = self.get(job_id)
        return self._outcomes.get(job_id, job.result)

    def wait(self, job_id: str, timeout: float = float("inf")) -> JobInfo:
        """The job when it is over, or as it is after `timeout` seconds. Raises NotFound."""
        until = time.monotonic() + timeout
        while not (job := self.get(job_id)).over and time.monotonic() < until:
            time.sleep(0.05)
        return job

    @classmethod
    def end(cls, wait: float = LAST_WAIT) -> bool:
        """Asks all jobs of this process to stop, since it is about to end, and marks them as interrupted.

        Threads that still run while the interpreter shuts down would crash the process in the C++ library that they
        are in. Returns whether all have ended after at most `wait` seconds; where not, only `os._exit` ends the
        process without a crash.
        """
        until = time.monotonic() + wait
        with cls._guard:
            ours = list(cls._of.values())
        for jobs in ours:
            jobs._ending = True
            for task in list(jobs._tasks.values()):
                task.stop.set()
        while any(jobs._tasks for jobs in ours) and time.monotonic() < until:
            time.sleep(0.02)
        for jobs in ours:
            jobs._interrupt(list(jobs._tasks))
        return not any(jobs._tasks for jobs in ours)

    def _interrupt(self, ids: Sequence[str]) -> None:
        """Marks jobs of this process as interrupted, even if their functions still run."""
        if not ids:
            return
        mine = update(Job).where(Job.id.in_(ids), Job.runner == RUNNER, Job.state.in_(GOING))
        try:
            with self._database.writing() as session:
                session.execute(mine.values(state="interrupted", ended=now()))
        except RecordError as error:
            _log.warning("The jobs of this process could not be marked as interrupted: %s", error)

    def _start(self, task: _Task) -> None:
        with self._lock:
            self._tasks[task.id] = task
            self._thread("beat", self._beat)
            if not task.here:
                for n in range(WORKERS):
                    self._thread(f"worker-{n}", self._work)
        if not task.here:
            self._waiting.put(task)
            return
        self._do(task)
        if isinstance(task.raised, InputError | NotFound):
            self.remove(task.id)  # the caller gets the error at once; there is nothing to record
        if task.raised is not None:
            raise task.raised

    def _thread(self, name: str, target: Callable[[], None]) -> None:
        if name not in self._threads:
            self._threads.add(name)
            threading.Thread(target=target, name=f"memlab-jobs-{name}", daemon=True).start()

    def _work(self) -> None:
        while True:
            task = self._waiting.get()
            try:
                self._do(task)
            except RecordError:
                _log.exception("The state of job %s could not be written.", task.id)

    def _do(self, task: _Task) -> None:
        if self._tasks.get(task.id) is not task:
            return  # it was stopped while it waited
        if self._ending:
            self._interrupt([task.id])
            del self._tasks[task.id]
            return
        try:
            if self._begin(task):
                self._end(task, **self._run(task))
        finally:
            self._tasks.pop(task.id, None)

    def _begin(self, task: _Task) -> bool:
        """Marks a waiting job as running; False when it was stopped or removed before."""
        with self._database.writing() as session:
            job = session.get(Job, task.id, with_for_update=True)
            if job is None or job.state != "waiting":
                return False
            job.state, job.started = "running", now()
            return True

    def _run(self, task: _Task) -> dict[str, Any]:
        """Does the work; returns the columns to write at its end. A job that was told to stop counts as stopped."""
        try:
            outcome = task.work(self._progress(task), partial(self._stop_requested, task))
            result = plain(_as_json(outcome), "result") if task.stored else None
            self._outcomes[task.id] = outcome
            return {"state": "stopped" if task.told_to_stop else "done", "result": result}
        except MemlabError as error:
            task.raised = error
            return {"state": "stopped" if task.told_to_stop else "failed", "error": str(error)}
        except BaseException as error:  # also SystemExit: the thread must live on, and the job must not seem to run
            task.raised = error
            if task.told_to_stop or isinstance(error, KeyboardInterrupt):
                return {"state": "stopped", "error": str(error) or "stopped from the keyboard"}
            _log.exception("Job %s failed.", task.id)
            return {"state": "failed", "error": f"{type(error).__name__}: {error}"}

    def _end(self, task: _Task, state: str, result: Any = None, error: str | None = None) -> None:
        if self._ending and state in ("stopped", "failed"):
            state = "interrupted"
        fraction = 1.0 if state == "done" else task.fraction
        values = {"state": state, "result": result, "error": error, "ended": now()}
        with self._database.writing() as session:
            going = Job.state.in_([*GOING, "interrupted"])  # it may have looked dead meanwhile (a laptop that slept)
            row = update(Job).where(Job.id == task.id, Job.runner == RUNNER, going)
            session.execute(row.values(fraction=fraction, message=task.message, **values))

    def _progress(self, task: _Task) -> Progress:
        def progress(fraction: float, message: str) -> None:
            task.fraction, task.message = min(1.0, max(0.0, fraction)), message
            if time.monotonic() - task.written >= WRITE_EVERY:  # else the next heartbeat writes it
                task.written = time.monotonic()
                self._show(task)

        return progress

    def _stop_requested(self, task: _Task) -> bool:
        """Whether the job was asked to stop, or another process has taken it over."""
        clock = time.monotonic()
        if not task.stop.is_set() and clock - task.asked >= ASK_EVERY:
            task.asked = clock
            mine = select(Job.stop).where(Job.id == task.id, Job.runner == RUNNER)
            with self._database.reading() as session:
                if session.scalar(mine) is not False:
                    task.stop.set()
        task.told_to_stop = task.stop.is_set()
        return task.told_to_stop

    def _show(self, task: _Task) -> None:
        """Writes the progress and the heartbeat of a job."""
        values = {"fraction": task.fraction, "message": task.message, "heartbeat": time.time()}
        mine = update(Job).where(Job.id == task.id, Job.runner == RUNNER, Job.state.in_(GOING))
        try:
            with self._database.writing() as session:
                session.execute(mine.values(values))
        except RecordError as error:
            _log.warning("The progress of job %s could not be written: %s", task.id, error)

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_EVERY)
            for task in list(self._tasks.values()):
                self._show(task)

    def _mark_interrupted(self) -> None:
        """Marks jobs that have not ended but whose process is gone as interrupted."""
        going = Job.state.in_(GOING)
        with self._database.reading() as session:
            dead = [job.id for job in session.scalars(select(Job).where(going)) if not lives(job)]
        if dead:
            with self._database.writing() as session:
                lost = update(Job).where(Job.id.in_(dead), going)
                session.execute(lost.values(state="interrupted", ended=now()))


def _at_exit() -> None:
    """Ends the jobs with the process, by `os._exit` where a thread is still inside a library, which would crash."""
    if not Jobs.end():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1 if hasattr(sys, "last_value") else 0)


def _as_json(outcome: Any) -> Any:
    if isinstance(outcome, list):
        return [_as_json(one) for one in outcome]
    return outcome.to_dict() if hasattr(outcome, "to_dict") else outcome


def _mine() -> dict[str, Any]:
    """The columns of a job that is waiting in this process."""
    beat = {"host": HOST, "pid": os.getpid(), "runner": RUNNER, "heartbeat": time.time()}
    return {"state": "waiting", "stop": False, **beat}
