"""A database that an earlier memlab made opens, verifies and exports unchanged, for ever.

`first_record/` was made by version 0.1 of the tables with the three kinds of edits that there were then (teach,
forget, correct), undo, redo, scores, weights, copies, an import and two jobs; `expected.json` is what that memlab
itself exported and showed. Neither file is ever made anew.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from memlab.record.database import FILE, Database, open_database
from memlab.record.jobs import Jobs
from memlab.record.ledger import Ledger
from memlab.record.showing import shown_history
from memlab.record.workspaces import Workspaces

FIRST = Path(__file__).parent / "first_record"
EXPECTED: dict[str, Any] = json.loads((FIRST / "expected.json").read_text("utf-8"))
SINCE = {"notices": []}  # what a shown edit has gained since, with its value for the kinds of that time
NAMES = [one["info"]["name"] for one in EXPECTED["workspaces"]]


@pytest.fixture
def first(home: Path) -> Database:
    """The database of `conftest.home`, as the earlier memlab left it."""
    shutil.copy(FIRST / FILE, home / FILE)
    shutil.copytree(FIRST / "deltas", home / "deltas")
    return open_database(home)


def test_its_workspaces_and_jobs_are_there(first: Database) -> None:
    assert [info.to_dict() for info in Workspaces(first).list()] == [one["info"] for one in EXPECTED["workspaces"]]
    assert [Jobs(first).get(job["id"]).to_dict() for job in EXPECTED["jobs"]] == EXPECTED["jobs"]


@pytest.mark.parametrize("expected", EXPECTED["workspaces"], ids=NAMES)
def test_its_ledgers_verify_fold_and_export_unchanged(first: Database, expected: dict[str, Any], home: Path) -> None:
    name, rows = expected["info"]["name"], expected["rows"]
    ledger = Ledger(first, name)
    assert ledger.verify() == []
    assert [[row.sequence for row in ledger.active(n)] for n in range(len(rows) + 1)] == expected["active_as_of"]
    with zipfile.ZipFile(Workspaces(first).export(name, home / "out.zip")) as packed:
        manifest = json.loads(packed.read("manifest.json"))
        del manifest["exported"]
        assert manifest == expected["manifest"]
        assert packed.read("rows.jsonl").decode().splitlines() == rows
        assert sorted(packed.namelist()) == expected["files"]


@pytest.mark.parametrize("expected", EXPECTED["workspaces"], ids=NAMES)
def test_its_exports_are_imported(first: Database, expected: dict[str, Any], home: Path) -> None:
    workspaces = Workspaces(first)
    info = workspaces.import_(workspaces.export(expected["info"]["name"], home / "out.zip"), "again")
    again = Ledger(first, "again")
    assert info.edits == len(expected["rows"])
    assert again.verify() == []
    assert [row.sequence for row in again.active()] == expected["active"]
    kept = [json.loads(row) for row in expected["rows"]]
    for row, old in zip(again.rows(), kept, strict=True):
        assert {name: getattr(row, name) for name in ("kind", "time", "author", "summary", "parameters", "after")} == {
            name: old[name] for name in ("kind", "time", "author", "summary", "parameters", "after")
        }


@pytest.mark.parametrize("expected", EXPECTED["workspaces"], ids=NAMES)
def test_its_history_is_shown_as_it_was(first: Database, expected: dict[str, Any]) -> None:
    shown = shown_history(Ledger(first, expected["info"]["name"]))
    assert [edit.to_dict() for edit in shown] == [edit | SINCE for edit in expected["history"]]
    changes = Ledger(first, expected["info"]["name"]).state("memory")
    assert len(changes.removed) == expected["changes"]["removed"]
    assert [[taught.seq, taught.text] for taught in changes.taught] == expected["changes"]["taught"]


def test_it_can_be_worked_with(first: Database) -> None:
    ledger = Ledger(first, "default")
    active = [row.sequence for row in ledger.active()]
    assert ledger.undo().target == active[-1]
    assert ledger.redo().target == active[-1]
    assert ledger.verify() == []
