"""`memlab teach, forget, correct, undo, redo, moved, sources, history` on the command line."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from memlab.record.database import FILE as DATABASE
from tests.commands import Run, document, run_beside

TEXT = "The capital of Wakanda is Birnin."


@pytest.fixture
def run(built_home: Path, tmp_path: Path) -> Run:
    return run_beside(built_home, tmp_path)


def test_a_dry_run_shows_what_else_moves_and_changes_nothing(run: Run) -> None:
    said = document(run("correct", "France", "capital", "Paris", "Lyon", "--dry-run", "--json"))
    assert (said["dry_run"], said["scores"]["efficacy"]["score"], said["scores"]["paraphrase"]["score"]) == (True, 1, 1)
    assert 0.9 < said["scores"]["neighborhood"]["score"] < 1
    assert {"France", "Paris"} >= {row["before"] for row in said["moved"][:4]}
    lines = run("teach", TEXT, "--dry-run").stdout
    assert "efficacy     100.0% as wanted of 1 question" in lines
    assert "p(Birnin) 0.00 -> " in lines
    assert document(run("history", "--json"))["edits"] == []


def test_scores_are_recorded_when_they_are_asked_for(run: Run) -> None:
    assert document(run("teach", TEXT, "--json"))["scores"] == {}
    made = document(run("forget", "--document", "France", "--scores", "--json"))
    (_, edit) = document(run("history", "--json", "--verify"))["edits"]
    assert edit["scores"] == made["scores"]
    assert made["scores"]["efficacy"]["questions"] == 4
    assert document(run("moved", 2, "--json"))["rows"]
    assert "efficacy 4/4" in run("history").stdout
    assert "would be" not in run("moved", 1, "--method", "knn-lm").stdout
    assert run("teach", TEXT, "--dry-run", "--no-scores").stdout.count("\n") == 2


def test_undoing_what_others_rest_on(run: Run) -> None:
    run("teach", TEXT)
    run("forget", "--document", "edit:1")
    refused = run("undo", 1)
    assert refused.exit_code == 1
    assert "edit 2 (Forgot the document edit:1) rests on it" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert run("undo", 1, "--anyway", "--with-dependents").exit_code == 2
    assert document(run("undo", 1, "--with-dependents", "--author", "Ada", "--json"))["author"] == "Ada"
    assert [e["active"] for e in document(run("history", "--json"))["edits"]] == [False, False, True, True]
    assert document(run("redo", 1, "--json"))["target"] == 1
    assert document(run("undo", 1, "--anyway", "--json"))["target"] == 1


def test_sources_are_found_and_can_be_forgotten(run: Run) -> None:
    found = document(run("sources", "--value", "Berlin", "--document", "Germany", "--json"))
    first = found["sources"][0]
    assert (first["text"], first["origin"], first["forgotten_by"]) == ("Berlin", "base", None)
    place = ("--source", first["document"], first["start"], first["end"])
    assert document(run("forget", *place, "--json"))["forgets"][0]["text"] == "Berlin"
    again = run("sources", "--value", "Berlin", "--document", "Germany").stdout
    assert "forgotten by edit 1" in again
    assert "already" in run("forget", *place).stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("teach", "-"), "at most 2000"),
        (("teach", "?"), "nothing to teach"),
        (("teach", TEXT, "--author", "a\x1bb"), "control characters"),
        (("teach", TEXT, "--value", "Paris"), "does not occur"),
        (("forget", "--entry", 10**9), "no entry"),
        (("forget", "--document", "Nowhere"), "no document"),
        (("forget", "--source", "France", 9, 3), "no place"),
        (("correct", "France", "capital", "Paris", "Paris"), "already"),
        (("undo",), "nothing to undo"),
        (("undo", "x" * 5000), "no edit"),
        (("redo", 1), "no edit"),
        (("moved", 1), "no edit"),
        (("sources",), "Say what to search for"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[object, ...], says: str, run: Run) -> None:
    result = run(*arguments, typed="word " * 200_000)
    assert result.exit_code == 1
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert len(result.stderr) < 400
    assert result.stdout == ""


def test_a_broken_record_ends_with_status_1_and_is_not_copied(run: Run, tmp_path: Path) -> None:
    run("teach", TEXT)
    run("teach", "The capital of Zembla is Onhava.")
    assert document(run("history", "--verify", "--json"))["verified"]
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        connection.execute("UPDATE edits SET author = 'eve' WHERE sequence = 1")
        connection.commit()
    result = run("history", "--verify", "--json")
    assert (result.exit_code, json.loads(result.stdout)["verified"]) == (1, False)
    lines = run("history", "--verify").stdout
    assert "problem: Edit 1" in lines
    assert "{" not in lines
    result = run("workspace", "copy", "default", "laundered")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "It cannot be copied." in result.stderr
