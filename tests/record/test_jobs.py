"""Jobs: progress, Stop, failures, and what a crash leaves behind."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from memlab.errors import InputError, NotFound, StoppedError
from memlab.record import jobs as jobs_module
from memlab.record.database import Database
from memlab.record.jobs import Jobs, Progress
from memlab.record.tables import Job

Stop = Callable[[], bool]


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


def until_stopped(progress: Progress, stop: Stop) -> str:
    while not stop():
        time.sleep(0.02)
    return "half"


def when(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_job_is_done_with_its_result(jobs: Jobs) -> None:
    def work(progress: Progress, stop: Stop) -> dict[str, object]:
        progress(0.5, "half way")
        progress(0.9, "nearly")
        return {"entries": (1, 2)}

    job = jobs.wait(jobs.submit("build", "Building", work, {"name": "mine"}, resumable=True), 10)
    assert (job.state, job.fraction, job.message, job.result) == ("done", 1.0, "nearly", {"entries": [1, 2]})
    assert (job.kind, job.title, job.parameters, job.resumable, job.error) == (
        "build", "Building", {"name": "mine"}, True, None,
    )  # fmt: skip
    assert job.over
    assert job.created <= (job.started or "") <= (job.ended or "")
    assert job.to_dict()["result"] == {"entries": [1, 2]}


def test_progress_is_seen_by_others_and_written_at_most_five_times_a_second(jobs: Jobs, database: Database) -> None:
    told, go_on = threading.Event(), threading.Event()
    written = 0
    show = jobs._show

    def counted(task: object) -> None:
        nonlocal written
        written += 1
        show(task)  # type: ignore[arg-type]

    jobs._show = counted  # type: ignore[method-assign]

    def work(progress: Progress, stop: Stop) -> None:
        for n in range(2_000):
            progress(n / 4_000, f"step {n}")
        told.set()
        go_on.wait(10)

    job_id = jobs.submit("train", "Training", work)
    assert told.wait(10)
    assert written <= 3
    other = Jobs(database)
    when(lambda: other.get(job_id).message == "step 1999")  # the last one arrives without a further step
    assert other.get(job_id).state == "running"
    go_on.set()
    assert jobs.wait(job_id, 10).state == "done"


@pytest.mark.parametrize("other", [False, True])
def test_stop_stops_within_a_second(jobs: Jobs, database: Database, other: bool) -> None:
    job_id = jobs.submit("train", "Training", until_stopped)
    when(lambda: jobs.get(job_id).state == "running")
    asked = time.monotonic()
    (Jobs(database) if other else jobs).stop(job_id)
    job = jobs.wait(job_id, 10)
    assert (job.state, job.result) == ("stopped", "half")
    assert time.monotonic() - asked < 1


def test_a_waiting_job_is_stopped_before_it_begins(jobs: Jobs) -> None:
    busy = [jobs.submit("train", f"Training {n}", until_stopped) for n in range(2)]
    begun = threading.Event()
    waiting = jobs.submit("train", "Training 3", lambda progress, stop: begun.set())
    when(lambda: all(jobs.get(b).state == "running" for b in busy))
    assert jobs.get(waiting).state == "waiting"
    assert jobs.stop(waiting).state == "stopped"
    for b in busy:
        jobs.stop(b)
        jobs.wait(b, 10)
    last = jobs.submit("train", "Training 4", lambda progress, stop: None)
    assert jobs.wait(last, 10).state == "done"
    assert not begun.is_set()
    assert jobs.get(waiting).state == "stopped"


def test_a_stop_that_comes_too_late_leaves_a_finished_job_done(jobs: Jobs) -> None:
    job_id = jobs.submit("quick", "Quick", lambda progress, stop: 1)
    jobs.wait(job_id, 10)
    assert jobs.stop(job_id).state == "done"


def test_what_goes_wrong_is_told_and_the_next_job_runs(jobs: Jobs) -> None:
    def fail(error: BaseException) -> Callable[[Progress, Stop], None]:
        def work(progress: Progress, stop: Stop) -> None:
            progress(0.25, "begun")
            raise error

        return work

    expected = {
        "The text is empty. Give one.": InputError("The text is empty. Give one."),
        "KeyError: 'x'": KeyError("x"),
        "SystemExit: 3": SystemExit(3),
    }
    for message, error in expected.items():
        job = jobs.wait(jobs.submit("build", "Building", fail(error)), 10)
        assert (job.state, job.error, job.fraction, job.message) == ("failed", message, 0.25, "begun")
    job = jobs.wait(jobs.submit("build", "Building", lambda progress, stop: {1, 2}), 10)
    assert job.state == "failed"
    assert "plain JSON" in (job.error or "")
    assert jobs.wait(jobs.submit("build", "Building", lambda progress, stop: None), 10).state == "done"


def test_an_error_after_stop_counts_as_stopped(jobs: Jobs) -> None:
    def work(progress: Progress, stop: Stop) -> None:
        until_stopped(progress, stop)
        raise RuntimeError("stopped after 2 of 7 shards")

    job_id = jobs.submit("build", "Building", work)
    when(lambda: jobs.get(job_id).state == "running")
    jobs.stop(job_id)
    job = jobs.wait(job_id, 10)
    assert (job.state, job.error) == ("stopped", "stopped after 2 of 7 shards")


def test_a_job_of_a_killed_process_is_interrupted_and_can_be_resumed(jobs: Jobs, home: Path) -> None:
    code = """
        import sys, time
        from pathlib import Path
        from memlab.record.database import open_database
        from memlab.record.jobs import Jobs
        jobs = Jobs(open_database(Path(sys.argv[1])))
        def work(progress, stop):
            progress(0.5, "half way")
            print("begun", flush=True)
            time.sleep(60)
        jobs.submit("train", "Training", work, {"name": "mine"}, resumable=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert [job.state for job in jobs.list()] == ["running"]
        process.kill()
    (job,) = jobs.list()
    assert (job.state, job.fraction, job.message) == ("interrupted", 0.5, "half way")
    assert (job.parameters, job.resumable, job.over) == ({"name": "mine"}, True, True)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"runner": "an earlier process with this pid"}, "interrupted"),
        ({"pid": 1, "heartbeat": "now"}, "running"),
        ({"pid": 1, "heartbeat": 0.0}, "interrupted"),
        ({"host": "elsewhere", "pid": 2**22, "heartbeat": "now"}, "running"),
        ({"host": "elsewhere", "pid": 2**22, "heartbeat": 0.0}, "interrupted"),
    ],
)
def test_how_a_dead_process_is_told(
    jobs: Jobs, database: Database, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], state: str
) -> None:
    monkeypatch.setattr(jobs_module, "BEAT_EVERY", 60.0)  # else its own signs of life arrive
    job_id = jobs.submit("train", "Training", until_stopped)
    when(lambda: jobs.get(job_id).state == "running")
    values = {name: time.time() if value == "now" else value for name, value in changes.items()}
    with database.writing() as session:
        session.execute(update(Job).where(Job.id == job_id).values(**values))
    assert jobs.get(job_id).state == state
    jobs.stop(job_id)
    when(lambda: jobs.get(job_id).state == ("interrupted" if "runner" in changes else "stopped"))
    when(lambda: job_id not in jobs._tasks)


@pytest.mark.parametrize("how", ["stopped", "failed", "interrupted"])
def test_what_ended_early_is_resumed_under_its_id(jobs: Jobs, database: Database, how: str) -> None:
    def first(progress: Progress, stop: Stop) -> str:
        progress(0.4, "forty")
        if how == "failed":
            raise InputError("The disk is full.")
        return until_stopped(progress, stop)

    job_id = jobs.submit("build", "Building", first, {"name": "mine"}, resumable=True)
    if how == "stopped":
        when(lambda: jobs.get(job_id).message == "forty")
        jobs.stop(job_id)
    elif how == "interrupted":  # another process has the job, and is gone
        when(lambda: jobs.get(job_id).message == "forty")
        with pytest.raises(InputError, match="has not ended"):
            jobs.resume(job_id, first)
        with database.writing() as session:
            session.execute(update(Job).where(Job.id == job_id).values(runner="gone", pid=2**22, heartbeat=0.0))
        when(lambda: job_id not in jobs._tasks)  # its function was told to stop
    assert jobs.wait(job_id, 10).state == how
    seen: list[float] = []
    when(lambda: job_id not in jobs._tasks)
    jobs.resume(job_id, lambda progress, stop: seen.append(jobs.get(job_id).fraction) or "whole")
    job = jobs.wait(job_id, 10)
    assert (job.state, job.result, job.error, job.stop, seen) == ("done", "whole", None, False, [0.4])
    with pytest.raises(InputError, match="nothing to resume"):
        jobs.resume(job_id, first)
    assert len(jobs.list()) == 1


def test_a_job_that_was_stopped_before_it_began_is_resumed(jobs: Jobs) -> None:
    busy = [jobs.submit("train", f"Training {n}", until_stopped) for n in range(2)]
    when(lambda: all(jobs.get(b).state == "running" for b in busy))
    begun: list[int] = []
    waiting = jobs.submit("build", "Building", lambda progress, stop: begun.append(1), resumable=True)
    jobs.stop(waiting)
    jobs.resume(waiting, lambda progress, stop: begun.append(2))
    for b in busy:
        jobs.stop(b)
    assert jobs.wait(waiting, 10).state == "done"
    assert begun == [2]


def test_a_job_that_cannot_be_resumed_says_so(jobs: Jobs) -> None:
    job_id = jobs.submit("train", "Training", until_stopped)
    jobs.stop(job_id)
    jobs.wait(job_id, 10)
    with pytest.raises(InputError, match="cannot be resumed"):
        jobs.resume(job_id, until_stopped)


def test_a_job_done_here_returns_raises_and_is_seen_by_others(jobs: Jobs, database: Database) -> None:
    other = Jobs(database)

    def work(progress: Progress, stop: Stop) -> str:
        progress(0.5, "half way")
        (job,) = other.list()
        assert (job.state, job.message) == ("running", "half way")
        other.stop(job.id)
        until = time.monotonic() + 1
        while not stop():
            assert time.monotonic() < until
            time.sleep(0.02)
        raise StoppedError("stopped after 2 of 7 shards")

    with pytest.raises(StoppedError, match="2 of 7"):
        jobs.submit("build", "Building", work, here=True)
    (job,) = jobs.list()
    assert (job.state, job.error) == ("stopped", "stopped after 2 of 7 shards")
    jobs.remove(job.id)

    def interrupted(progress: Progress, stop: Stop) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jobs.submit("build", "Building", interrupted, here=True)
    assert [job.state for job in jobs.list()] == ["stopped"]

    def refused(progress: Progress, stop: Stop) -> None:
        raise InputError("There is no file.")

    with pytest.raises(InputError):
        jobs.submit("build", "Building", refused, here=True)
    assert len(jobs.list()) == 1  # bad input is told at once and leaves no job
    job_id = jobs.submit("build", "Building", lambda progress, stop: [1], here=True)
    assert (jobs.get(job_id).state, jobs.outcome(job_id)) == ("done", [1])


def test_of_a_kind_that_runs_alone_there_is_one(jobs: Jobs, database: Database) -> None:
    first = jobs.submit("prepare", "Preparing", until_stopped, alone=True)
    assert Jobs(database).submit("prepare", "Preparing", until_stopped, alone=True) == first
    assert jobs.submit("build", "Building", lambda progress, stop: None, alone=True) != first
    jobs.stop(first)
    jobs.wait(first, 10)
    last = jobs.submit("prepare", "Preparing", lambda progress, stop: None, alone=True)
    assert last != first


def test_an_outcome_is_the_object_here_and_json_elsewhere(jobs: Jobs, database: Database) -> None:
    class Made:
        def to_dict(self) -> dict[str, int]:
            return {"n": 1}

    made = Made()
    job_id = jobs.submit("read", "Reading", lambda progress, stop: made)
    jobs.wait(job_id, 10)
    assert jobs.outcome(job_id) is made
    assert Jobs(database).outcome(job_id) == {"n": 1}
    assert jobs.list()[0].result is None  # lists are short
    job_id = jobs.submit("read", "Reading", lambda progress, stop: made, stored=False)
    jobs.wait(job_id, 10)
    assert jobs.outcome(job_id) is made
    assert Jobs(database).outcome(job_id) is None


def test_one_object_for_a_database(database: Database) -> None:
    assert Jobs.of(database) is Jobs.of(database)


def test_jobs_are_removed_once_they_are_over(jobs: Jobs) -> None:
    job_id = jobs.submit("train", "Training", until_stopped)
    with pytest.raises(InputError, match="Stop it first"):
        jobs.remove(job_id)
    jobs.stop(job_id)
    jobs.wait(job_id, 10)
    jobs.remove(job_id)
    assert jobs.list() == []
    with pytest.raises(NotFound):
        jobs.remove(job_id)


def test_jobs_are_listed_newest_first(jobs: Jobs) -> None:
    ids = []
    for n in range(3):
        ids.append(jobs.submit("quick", f"Quick {n}", lambda progress, stop: None))
        jobs.wait(ids[-1], 10)
        time.sleep(0.002)
    assert [job.id for job in jobs.list()] == ids[::-1]
    assert len(jobs.list(limit=2)) == 2


def test_bad_input(jobs: Jobs) -> None:
    with pytest.raises(NotFound, match="There is no job 'nope'"):
        jobs.get("nope")
    with pytest.raises(NotFound):
        jobs.stop("nope")
    with pytest.raises(InputError, match="plain JSON"):
        jobs.submit("build", "Building", until_stopped, {"x": object()})
    assert jobs.list() == []
