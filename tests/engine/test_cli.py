"""The `memlab` command: one JSON document, one line of error, and the agreed exit status."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from memlab import __version__
from memlab.browser import open_when_ready
from memlab.cli import COMMANDS, main
from memlab.corpus.world import atlas
from memlab.lab import Lab, measuring
from memlab.systems.registry import registry
from tests.commands import Run, document, refused, run_on

METHODS = [m.name for m in registry().methods.values() if m.knn is not None]
FRANCE = "The capital of France is [MASK]."


@pytest.fixture
def run(built_home: Path) -> Run:
    return run_on(built_home)


# Asking


def test_ask_prints_one_json_document(run: Run, lab: Lab) -> None:
    said = document(run("ask", FRANCE, "--json"))
    wanted = lab.ask(FRANCE).to_dict()
    assert {k: v for k, v in said.items() if k != "timings_ms"} == {
        k: v for k, v in wanted.items() if k != "timings_ms"
    }
    assert said["mixture"][0]["token"] == "Paris"


def test_ask_prints_lines_for_a_person(run: Run) -> None:
    result = run("ask", FRANCE, "--lam", "0.5")
    assert result.exit_code == 0
    assert f"{FRANCE}  ->  Paris" in result.stdout
    assert "0.50 x " in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_a_prompt_may_come_from_standard_input(arguments: tuple[str, ...], run: Run) -> None:
    said = document(run("ask", *arguments, "--json", "--top", 2, typed=FRANCE + "\n"))
    assert said["prompt"] == FRANCE
    assert len(said["lm"]) == 2
    assert "rest" in said


def test_ask_takes_every_setting_of_its_method(run: Run) -> None:
    options = ["--method", "knn-lm", "--k", 8, "--temperature", 2.5, "--lam", 0.1, "--key", "last"]
    options += [
        "--search",
        "articles",
        "--articles",
        2,
        "--datastore",
        "atlas-clm",
        "--model",
        "atlas-clm",
        "--as-of",
        0,
    ]
    said = document(run("ask", "The capital of France is", *options, "--json"))
    assert said["settings"] == {
        "k": 8,
        "temperature": 2.5,
        "lam": 0.1,
        "key": "last",
        "search": "articles",
        "articles": 2,
    }
    assert len(said["neighbors"]) == 8


def test_the_papers_settings_are_an_option(run: Run) -> None:
    said = document(run("ask", FRANCE, "--preset", "paper", "--json"))
    assert (said["settings"]["k"], said["settings"]["scale"], said["settings"]["lam"]) == (128, 6.0, 0.3)


def test_markup_and_control_characters_are_printed_as_text(run: Run) -> None:
    nasty = "<script>alert(1)</script> The capital of\nFrance is [MASK]."
    assert document(run("ask", nasty, "--json"))["prompt"] == nasty
    assert "<script>alert(1)</script>" in run("ask", nasty).stdout


BAD = [
    (("ask", FRANCE, "--k", 0), "from 1 to 4096"),
    (("ask", FRANCE, "--k", -1), "from 1 to 4096"),
    (("ask", FRANCE, "--k", 10**12), "from 1 to 4096"),
    (("ask", FRANCE, "--k", "many"), "from 1 to 4096"),
    (("ask", FRANCE, "--lam", 2), "from 0 to 1"),
    (("ask", FRANCE, "--lam", "nan"), "from 0 to 1"),
    (("ask", FRANCE, "--scale", -6), "from 0.01 to 100"),
    (("ask", "The capital of France is", "--temperature", -1), "from 0.01 to 1000"),
    (("ask", FRANCE, "--temperature", 1), "There is no setting 'temperature'"),
    (("ask", FRANCE, "--key", "ffn"), "penultimate, last, transform"),
    (("ask", FRANCE, "--search", "web"), "articles, all"),
    (("ask", FRANCE, "--preset", "best"), "calibrated, paper"),
    (("ask", FRANCE, "--method", "gpt"), "Available: base, bert-knn, cache, facts-as-experts, knn-lm"),
    (("ask", FRANCE, "--model", "gpt"), "Available: atlas-clm, atlas-fae, atlas-mlm"),
    (("ask", FRANCE, "--datastore", "gone"), "Available: atlas-clm"),
    (("ask", FRANCE, "--model", "atlas-clm"), "needs a masked model"),
    (("ask", FRANCE, "--as-of", 3), "as_of"),
    (("ask", FRANCE, "--workspace", "mine"), "workspace"),
    (("ask", ""), "prompt is empty"),
    (("ask", "   "), "prompt is empty"),
    (("ask", "[MASK] and [MASK]"), "exactly one"),
    (("ask", "France", "--method", "bert-knn"), "exactly one"),
    (("ask", FRANCE, "--method", "knn-lm"), "continues a text"),
    (("ask", "Paris " * 300 + "[MASK]"), "reads at most 126"),
    (("ask", "Zork [MASK]"), "never met any word"),
    (("build", "/nowhere/at/all.txt"), "There is no file"),
    (("build", __file__, "--name", "x"), "unknown format"),
    (("train", "gpt-5"), "Available: atlas-clm, atlas-fae, atlas-mlm"),
    (("evaluate", "facts", "--method", "gpt"), "Available: base, bert-knn, cache, facts-as-experts, knn-lm"),
    (("models", "--workspace", "mine"), "workspace"),
    (("bench", "--only", "speed"), "Allowed: ask, explain, build, read, generate"),
]


@pytest.mark.parametrize(
    ("arguments", "says"), BAD, ids=lambda v: " ".join(map(str, v))[:50] if isinstance(v, tuple) else ""
)
def test_bad_input_is_one_line_and_status_1(arguments: tuple[object, ...], says: str, run: Run) -> None:
    for more in ((), ("--json",)):
        result = run(*arguments, *more)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        assert says in result.stderr
        assert result.stderr.startswith("memlab: ")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("ask", FRANCE, "--what"),
        ("ask", FRANCE, "--top", 0),
        ("ask", "a", "b"),
        ("train",),
        ("serve", "--port", 0),
    ],
)
def test_wrong_usage_has_status_2(arguments: tuple[object, ...], run: Run) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage:" in result.stderr


def test_a_home_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in (("ask", FRANCE), ("models",), ("datastores",), ("build",), ("bench",), ("serve", "--no-browser")):
        result = run(*command, "--home", tmp_path / "file/home")
        assert result.exit_code == 1
        assert "cannot be written" in result.stderr
        assert result.stderr.count("\n") == 1


def test_the_installed_command_answers_and_refuses_as_the_function_does(built_home: Path) -> None:
    command = [str(Path(sys.executable).with_name("memlab"))]
    good = subprocess.run(
        [*command, "ask", "--json", "--top", "1", "--home", str(built_home)],
        input=FRANCE,
        capture_output=True,
        text=True,
    )
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["answer"] == "Paris"
    bad = subprocess.run([*command, "ask", FRANCE, "--lam", "2"], capture_output=True, text=True)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr == "memlab: lam is '2'; allowed is a number from 0 to 1.\n"


# What there is


def test_models_and_datastores_are_listed(run: Run, lab: Lab) -> None:
    assert [m["name"] for m in document(run("models", "--json"))][:2] == ["atlas-mlm", "atlas-clm"]
    assert document(run("datastores", "--json")) == [s.to_dict() for s in lab.datastores()]
    assert "atlas-mlm" in run("models").stdout
    assert "ready" in run("datastores").stdout


def test_help_lists_every_setting_with_what_is_allowed(run: Run) -> None:
    said = " ".join(run("ask", "--help").stdout.split())
    for method in registry().able("ask").values():
        for field in method.fields():
            assert f"--{field.name} " in said
            assert any(
                other.label in said
                for m in registry().able("ask").values()
                for other in m.fields()
                if other.name == field.name
            )
    assert "from 0 to 1" in said
    for command in COMMANDS:  # imported when they are used
        result = run(command, "--help")
        assert result.exit_code == 0
        assert f"  {command}" in run("--help").stdout
        assert isinstance(main.commands[command], click.Group) or "--json" in result.stdout
    assert __version__ in run("--version").stdout


# Building


def test_the_index_of_a_bundled_memory_is_not_changed(run: Run) -> None:
    assert "atlas-clm" in refused(run("index", "atlas-clm", "--recipe", "ivf"))


def test_texts_of_ones_own_are_built_and_asked(run: Run, tmp_path: Path) -> None:
    home, text = tmp_path / "home", tmp_path / "notes.txt"
    text.write_text("The capital of France is Paris. The capital of Germany is Berlin. " * 20)
    build = ("build", text, "--model", "atlas-clm", "--window", 16, "--stride", 16, "--home", home, "--json")
    result = run(*build)
    (built,) = document(result)
    assert (built["name"], built["model"], built["documents"], built["state"]) == ("notes", "atlas-clm", 1, "ready")
    assert built["entries"] > 200
    assert "100%" in result.stderr
    said = document(run("ask", "The capital of Germany is", "--datastore", "notes", "--k", 4, "--home", home, "--json"))
    assert said["datastore"] == "notes"
    assert said["knn"][0]["token"] == "Berlin"
    assert {n["document"] for n in said["neighbors"]} == {"notes"}
    assert "notes" in run("datastores", "--home", home).stdout
    assert document(run(*build)) == [built]


def test_a_masked_datastore_of_one_text_can_be_asked(run: Run, tmp_path: Path) -> None:
    home, text = tmp_path / "home", tmp_path / "notes.md"
    text.write_text("The capital of France is Paris. Berlin is the capital of Germany.\n")
    document(run("build", text, "--name", "my.notes", "--key", "last", "--key", "transform", "--home", home, "--json"))
    for key in ("last", "transform"):
        asked = run("ask", FRANCE, "--datastore", "my.notes", "--key", key, "--k", 2, "--home", home, "--json")
        assert document(asked)["neighbors"][0]["value"] == "Paris"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--window", 16), "causal"),
        (("--model", "atlas-clm", "--window", 16, "--stride", 17), "1 <= stride <= window"),
        (("--model", "atlas-clm", "--window", 100_000), "1 <= stride <= window"),
        (("--model", "atlas-clm", "--window", 0), "1 <= stride <= window"),
        (("--index", "lsh"), "flat, ivf, hnsw, fastscan, rabitq"),
        (("--index", "ivf"), "at least 256 entries"),
        (("--key", "ffn"), "penultimate, last, transform"),
        (("--name", "../up"), "cannot name"),
        (("--name", "atlas-mlm"), "atlas-mlm"),
        (("--model", "no/such"), "Available: atlas-clm, atlas-fae, atlas-mlm"),
    ],
)
def test_orders_that_cannot_be_filled_are_refused(
    options: tuple[object, ...], says: str, run: Run, tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("The capital of France is Paris.")
    result = run("build", text, *options, "--home", tmp_path / "home")
    assert result.exit_code == 1
    assert says in result.stderr
    assert not list((tmp_path / "home").glob("datastores/*/meta.json"))


def test_building_the_bundled_datastores_again_is_quick_and_says_what_there_is(run: Run) -> None:
    names = {s["name"] for s in document(run("build", "--json"))}
    assert {"atlas-mlm", "atlas-mlm-penultimate", "atlas-clm", "atlas-clm-ffn"} <= names


# Measuring


@pytest.mark.parametrize("method", [*METHODS, "spalm"])
def test_evaluate_facts_counts_right_answers(method: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    few = copy.copy(atlas())
    few.facts = atlas().select("capital") + atlas().select("author")
    monkeypatch.setattr(measuring, "atlas", lambda: few)
    said = document(run("evaluate", "facts", "--method", method, "--question", 0, "--json"))
    assert (said["task"], said["data"], said["settings"]["method"]) == ("facts", "atlas", method)
    sides = {(r["exposure"], r["method"]): r for r in said["results"]}
    assert {(e, s) for e in ("frequent", "rare", "unseen", "all") for s in ("lm", "knn", method)} == set(sides)
    for row in said["results"]:
        low, high = row["interval"]
        assert 0 <= low <= row["p@1"] <= high <= 1
    everything = sides["all", method]
    assert everything["questions"] == len(said["rows"]) > 50
    assert everything["p@1"] == pytest.approx(sum(r["right"]["mixture"] for r in said["rows"]) / len(said["rows"]))
    assert "frequent" in run("evaluate", "facts", "--method", method, "--question", 0).stdout


@pytest.mark.parametrize(
    ("part", "rows"),
    [
        ("ask", {f"{what} {method}" for what in ("ask", "re-mix") for method in METHODS}),
        (
            "explain",
            {f"{what} {method}" for what in ("smallest set", "occlusion", "sweep lam", "sweep k") for method in METHODS}
            | {"sweep scale bert-knn", "sweep temperature knn-lm"},
        ),
    ],
)
def test_bench_measures_one_part_of_both_models(part: str, rows: set[str], run: Run) -> None:
    said = document(run("bench", "--repeat", 5, "--only", part, "--json"))
    assert {"cores", "threads", "torch"} <= set(said["machine"])
    assert {row["name"] for row in said["results"]} == rows
    assert all(row["p50_ms"] > 0 for row in said["results"])


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the server is a child process")
def test_ending_serve_ends_the_server(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "memlab",
        "serve",
        "--no-browser",
        "--port",
        str(port),
        "--home",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert _within(60, lambda: _answers(port))
        process.terminate()
        process.wait(timeout=20)
    assert _within(10, lambda: not _answers(port))


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.2)
    return False


def test_the_browser_opens_when_the_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        open_when_ready(port)
    assert opened == [f"http://localhost:{port}"]
