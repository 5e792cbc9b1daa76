"""`memlab bench`: rows as they are measured, and what was measured when it is stopped."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from memlab.lab import Lab
from memlab.lab.benchmarks import Benchmarks
from tests.commands import Run, document, run_on
from tests.forks import Forks, until


@pytest.fixture
def run(built_home: Path) -> Run:
    return run_on(built_home)


@pytest.fixture
def two_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring that is stopped by Ctrl+C after two rows."""

    def rows(*arguments: object) -> Iterator[dict[str, Any]]:
        yield {"name": "first", "p50_ms": 1.25, "ok": True}
        yield {"name": "second", "ratio": float("inf")}
        raise KeyboardInterrupt

    monkeypatch.setattr(Lab, "bench_rows", rows)


@pytest.mark.usefixtures("two_rows")
def test_a_stopped_bench_has_printed_its_rows(run: Run) -> None:
    result = run("bench")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [f"{'first':<24} p50_ms 1.25, ok True", f"{'second':<24} ratio inf"]
    assert result.stderr == "memlab: Stopped; 2 rows were measured.\n"


@pytest.mark.usefixtures("two_rows")
def test_with_json_rows_are_progress_and_the_document_holds_what_was_measured(run: Run) -> None:
    result = run("bench", "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert (said["task"], said["complete"]) == ("bench", False)
    assert said["results"] == [{"name": "first", "p50_ms": 1.25, "ok": True}, {"name": "second", "ratio": None}]
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["first", "second", "memlab:"]


def test_a_whole_bench_says_that_it_is_complete(run: Run) -> None:
    result = run("bench", "--only", "ask", "--repeat", 5, "--json")
    said = json.loads(result.stdout)
    assert said["complete"] is True
    rows = [row["name"] for row in said["results"]]
    assert rows == ["ask bert-knn", "re-mix bert-knn", "ask knn-lm", "re-mix knn-lm"]
    printed = [" ".join(line.split()[:2]) for line in result.stderr.splitlines()]
    assert [name for name in printed if name in rows] == rows


def test_a_datastore_of_ones_own_is_measured_with_its_model(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memlab.lab.benchmarks.OWN_TOKENS", 100)
    said = document(run("bench", "--datastore", "atlas-clm", "--repeat", 5, "--json"))
    rows = {row["name"]: row for row in said["results"]}
    assert list(rows) == ["ask knn-lm", "re-mix knn-lm", "read knn-lm", "perplexity atlas-clm-ffn", "build atlas-clm"]
    assert rows["read knn-lm"]["tokens"] == 100
    assert rows["perplexity atlas-clm-ffn"]["ratio"] > 0
    (tmp_path / "short.txt").write_text("Too few words for a question.\n", "utf-8")
    short = run("bench", "--datastore", "atlas-clm", "--asked", tmp_path / "short.txt")
    assert short.exit_code == 1
    assert "give 0 questions of 8 words, but 61 are needed" in short.stderr
    assert "leave out --entries" in run("bench", "--datastore", "atlas-clm", "--only", "ask").stderr


def test_ctrl_c_prints_what_was_measured_until_then(built_home: Path, forked: Forks) -> None:
    process = forked.start(None, "bench", "--only", "ask", "--json", "--home", str(built_home))

    def printed() -> list[list[str]]:
        return [line.split()[:2] for line in process.err.read_text("utf-8").splitlines()]

    until(lambda: ["ask", "bert-knn"] in printed() or process.poll() is not None)
    before = list(takewhile(["ask", "bert-knn"].__ne__, printed()))
    process.send_signal(signal.SIGINT)
    done = process.wait()
    assert all(line[0].endswith("%") for line in before)  # the datastores, which are there
    said, errors = json.loads(done.stdout), done.stderr.decode()
    assert said["results"][0]["name"] == "ask bert-knn"
    assert said["complete"] is False
    assert done.returncode == 1
    assert errors.splitlines()[-1] == f"memlab: Stopped; {len(said['results'])} rows were measured."
    assert "Traceback" not in errors


def test_the_python_call_gives_the_same_document(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": "first", "p50_ms": 1.25}, {"name": "second"}]
    monkeypatch.setattr(Benchmarks, "rows", lambda self, repeat, only: iter(rows))
    called = lab.bench()
    assert (called["task"], called["complete"], called["results"]) == ("bench", True, rows)
    assert {"cores", "threads", "torch"} == set(called["machine"])
