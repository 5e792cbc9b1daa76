"""Long work in the lab: building by job, stopped, killed and resumed; the first build of the bundled memories."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from memlab.cli import main
from memlab.declare import Method
from memlab.errors import InputError, NotFound, RecordError, StoppedError, StoreError
from memlab.lab import Lab
from memlab.lab import building as lab_building
from memlab.lab.jobs import KINDS, Kind
from memlab.memory import building
from memlab.memory.building import Order
from memlab.memory.datastore import FILES
from memlab.progress import Progress, Stop
from memlab.results import Article
from tests.forks import Forks, Running, until

SMALL = partial(Order, shard=100)  # so that a few texts make several shards
SHARDS = 10

# A build in a process of its own, as `memlab build` does it, but slowly.
SLOW = """
import time
from functools import partial
from memlab.lab import building as lab_building
from memlab.memory import building
from memlab.memory.building import Order

def write(*arguments):
    for _ in range(5):
        time.sleep(0.05)
        arguments[-1].ask()
    shard(*arguments)

shard, building._write_shard = building._write_shard, write
lab_building.Order = partial(Order, shard=100)
from memlab.cli import main
main()
"""


@pytest.fixture
def texts(documents: list[Article], tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(json.dumps({"title": d.title, "text": d.text}) for d in documents))
    return path


@pytest.fixture
def order(tiny: Callable[[str], Path], texts: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(lab_building, "Order", SMALL)
    return {"name": "mine", "model": str(tiny("modernbert")), "keys": ["last"], "texts": [str(texts)]} | {
        "index": None, "window": None, "stride": None,
    }  # fmt: skip


def contents(home: Path) -> dict[str, bytes]:
    return {name: (home / "datastores/mine" / name).read_bytes() for name in FILES}


@pytest.fixture
def slow_build(order: dict[str, Any], forked: Forks) -> Callable[[Path], Running]:
    """Starts a slow build in another process and waits until two shards are finished."""

    def start(home: Path) -> Running:
        command = ["build", order["texts"][0], "--name", "mine", "--home", str(home)]
        process = forked.start(SLOW, *command, "--model", order["model"], "--key", "last")
        until((home / "datastores/.mine.building/000001").is_dir)
        return process

    return start


def test_a_build_is_a_job_with_its_result(order: dict[str, Any], tmp_path: Path) -> None:
    lab = Lab.open(tmp_path / "home")
    job = lab.work.wait(lab.work.submit("build", "Building mine", **order).id)
    assert (job.state, job.title, job.kind) == ("done", "Building mine", "build")
    (store,) = lab.work.outcome(job.id)
    assert (store.name, store.state, store.documents) == ("mine", "ready", 40)
    assert job.result == json.loads(json.dumps([store.to_dict()]))  # kept as JSON: its lists were tuples
    assert job.parameters == {"workspace": "default", **order}


def test_a_killed_build_is_interrupted_and_resumed_to_the_same_bytes(
    slow_build: Callable[[Path], Running],
    order: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Lab.open(tmp_path / "whole").work.run("build", "Building mine", lambda fraction, message: None, **order)
    home = tmp_path / "home"
    lab = Lab.open(home)
    process = slow_build(home)
    (job,) = lab.work.jobs()
    assert (job.state, job.title) == ("running", "Building the datastore mine")
    process.send_signal(signal.SIGKILL)
    process.wait()
    (job,) = lab.work.jobs()
    assert (job.state, job.can_resume) == ("interrupted", True)
    assert not (home / "datastores/mine").exists()

    made: list[int] = []
    write = building._write_shard

    def watched(work: Path, number: int, *rest: Any) -> None:
        made.append(number)
        write(work, number, *rest)

    monkeypatch.setattr(building, "_write_shard", watched)
    assert lab.work.resume(job.id).id == job.id
    assert lab.work.wait(job.id).state == "done"
    assert 0 < len(made) <= SHARDS - 2
    assert contents(home) == contents(tmp_path / "whole")
    assert len(lab.work.jobs()) == 1


def test_a_build_on_the_command_line_is_stopped_from_elsewhere_within_a_second(
    slow_build: Callable[[Path], Running], tmp_path: Path
) -> None:
    lab = Lab.open(tmp_path / "home")
    process = slow_build(lab.home)
    (job,) = lab.work.jobs()
    lab.work.stop(job.id)
    asked = time.monotonic()
    until(lambda: lab.work.job(job.id).over)
    assert time.monotonic() - asked < 1
    done = process.wait()
    assert done.returncode == 1
    assert b"memlab: stopped after" in done.stderr
    assert lab.work.job(job.id).state == "stopped"
    run = partial(CliRunner().invoke, main, env={"MEMLAB_HOME": str(lab.home)})
    listed = run(["jobs", "--json"])
    assert [j["state"] for j in json.loads(listed.stdout)] == ["stopped"]
    assert job.id[:8] in run(["jobs"]).stdout
    resumed = run(["jobs", "resume", job.id[:6], "--json"])
    assert json.loads(resumed.stdout)["state"] == "done"
    assert [s.name for s in lab.datastores() if s.state == "ready"] == ["mine"]
    for wrong, says in ((["stop", "nope"], "no job 'nope'"), (["resume", job.id], "nothing to resume")):
        result = run(["jobs", *wrong])
        assert result.exit_code == 1
        assert says in result.stderr
        assert result.stderr.count("\n") == 1


def test_ctrl_c_ends_a_build_as_stopped(slow_build: Callable[[Path], Running], tmp_path: Path) -> None:
    lab = Lab.open(tmp_path / "home")
    process = slow_build(lab.home)
    process.send_signal(signal.SIGINT)
    assert process.wait().returncode == 1
    (job,) = lab.work.jobs()
    assert (job.state, job.can_resume) == ("stopped", True)


class Preparing:
    """Stands in for building a bundled datastore: lasts until it may end, and hears Stop."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_end = threading.Event()

    def __call__(
        self, home: Path, name: str, method: Method, progress: Any, stop: Callable[[], bool] = lambda: False
    ) -> list[Any]:
        self.asked.append(name)
        progress(0.5, "half way")
        while not self.may_end.wait(0.02):
            if stop():
                raise StoppedError("stopped after 1 of 2 shards")
        return []


@pytest.fixture
def preparing(monkeypatch: pytest.MonkeyPatch) -> Preparing:
    stand_in = Preparing()
    monkeypatch.setattr(lab_building, "prepare_bundled", stand_in)
    return stand_in


def test_the_first_build_is_one_job_that_stays_stopped_until_it_is_resumed(
    preparing: Preparing, tmp_path: Path
) -> None:
    lab = Lab.open(tmp_path)
    for _ in range(3):
        lab.prepare()
    (job,) = lab.work.jobs()
    until(lambda: preparing.asked == ["atlas-mlm"])
    until(lambda: lab.work.job(job.id).message == "atlas-mlm: half way")
    assert {s.state for s in lab.datastores()} == {"building"}
    lab.work.stop(job.id)
    asked = time.monotonic()
    until(lambda: lab.work.job(job.id).over)
    assert time.monotonic() - asked < 1
    lab.prepare()
    Lab.open(tmp_path).prepare()
    assert [j.state for j in lab.work.jobs()] == ["stopped"]
    assert {s.state for s in lab.datastores()} == {"missing"}

    preparing.may_end.set()
    lab.work.resume(job.id)
    assert lab.work.wait(job.id).state == "done"
    assert preparing.asked == ["atlas-mlm", "atlas-mlm", "atlas-clm"]


def test_a_first_build_that_was_interrupted_goes_on_by_itself(
    preparing: Preparing, forked: Forks, tmp_path: Path
) -> None:
    code = (
        "import sys, time; from memlab.lab import Lab, building; building.prepare_bundled = lambda *a: time.sleep(600);"
    )
    code += "Lab.open(sys.argv[1]).prepare(); print('begun', flush=True); time.sleep(600)"
    process = forked.start(code, str(tmp_path))
    until(lambda: process.out.read_bytes() == b"begun\n")
    lab = Lab.open(tmp_path)
    lab.prepare()  # the other process does it
    (job,) = lab.work.jobs()
    assert not job.over
    assert preparing.asked == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    preparing.may_end.set()
    lab.prepare(background=False)
    assert [(j.id, j.state) for j in lab.work.jobs()] == [(job.id, "done")]
    assert preparing.asked == ["atlas-mlm", "atlas-clm"]


def test_what_is_built_needs_no_job(built_home: Path) -> None:
    lab = Lab.open(built_home)
    before = lab.work.jobs()
    lab.prepare()
    assert lab.work.jobs() == before


def test_bad_input(order: dict[str, Any], tmp_path: Path) -> None:
    lab = Lab.open(tmp_path / "home")
    with pytest.raises(NotFound, match="kind of job 'nap'"):
        lab.work.submit("nap", "Sleeping")
    for name in ("atlas-mlm", "atlas-mlm-last"):
        with pytest.raises(InputError, match="belongs to a bundled"):
            lab.building.order([Path("a.txt")], name)
    with pytest.raises(InputError, match="There is no file"):
        lab.work.run("build", "Building", lambda f, m: None, **{**order, "texts": ["/nowhere.txt"]})
    assert lab.work.jobs() == []
    job = lab.work.wait(lab.work.submit("build", "Building", **{**order, "texts": ["/nowhere.txt"]}).id)
    assert job.state == "failed"
    assert "There is no file /nowhere.txt" in (job.error or "")


def test_a_store_of_ones_own_is_deleted_by_name(order: dict[str, Any], tmp_path: Path) -> None:
    lab = Lab.open(tmp_path / "home")
    lab.work.run("build", "Building mine", lambda fraction, message: None, **order)
    with pytest.raises(InputError, match="give its name once more"):
        lab.building.delete("mine", "Mine")
    with pytest.raises(NotFound):
        lab.building.delete("yours", "yours")
    lab.building.delete("mine", "mine")
    assert "mine" not in [s.name for s in lab.datastores()]


def test_received_texts_are_dropped_once_they_are_built(order: dict[str, Any], texts: Path, tmp_path: Path) -> None:
    lab = Lab.open(tmp_path / "home")
    kept = lab.building.keep_texts([("../../letters.jsonl", texts.read_bytes())])
    assert kept[0].is_relative_to(lab.home / "uploads")
    assert kept[0].name == "letters.jsonl"
    lab.work.run("build", "Building mine", lambda f, m: None, **{**order, "texts": [str(kept[0])]})
    assert not kept[0].parent.exists()
    assert texts.exists()
    for files in ([], [("a.txt", b"a"), ("b/a.txt", b"b")]):
        with pytest.raises(InputError):
            lab.building.keep_texts(files)


def test_the_outcome_of_a_job_says_how_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(lab: Lab, progress: Progress, stop: Stop, end: str) -> int:
        if end == "failed":
            raise StoreError("The disk is full.")
        while end != "done" and not stop():
            time.sleep(0.01)
        if end == "stopped":
            raise StoppedError("Stopped at 3 of 7")
        return 7

    monkeypatch.setitem(KINDS, "toy", Kind(work, resumable=False, alone=False, stored=True))
    lab = Lab.open(tmp_path / "home")

    def run(end: str) -> str:
        """The id of a job that has ended so."""
        job_id = lab.work.submit("toy", f"Toy {end}", end=end).id
        if end in ("stopped", "what there is"):
            until(lambda: lab.work.job(job_id).state == "running")
            with pytest.raises(InputError, match=r"has not ended yet: it is running\. Wait"):
                lab.work.outcome(job_id)
            lab.work.stop(job_id)
        return lab.work.wait(job_id, 30).id

    assert lab.work.outcome(run("done")) == 7
    assert lab.work.outcome(run("what there is")) == 7
    with pytest.raises(RecordError, match=r"^Toy failed failed: The disk is full\. Start it again\.$"):
        lab.work.outcome(run("failed"))
    with pytest.raises(StoppedError, match=r"^Toy stopped was stopped: Stopped at 3 of 7\. Start it again\.$"):
        lab.work.outcome(run("stopped"))
