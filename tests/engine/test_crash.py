"""The crash test in short, and that it would notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from memlab import Lab
from memlab.bench.crash import EDITED, _Confirmed, check, orphans
from memlab.cli import main
from memlab.errors import InputError
from memlab.record.database import open_database
from memlab.record.ledger import Ledger


def test_nothing_is_lost_when_the_process_is_killed(built_home: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["crashtest", "--kills", "8", "--seed", "4", "--folder", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["kills"], report["problems"]) == (8, [])
    assert {"teach", "undo", "export", "import"} <= set(report["steps"])
    assert [info.edits > 0 for info in Lab.open(tmp_path).workspaces()][:1] == [True]


def test_the_check_notices_what_is_wrong(tmp_path: Path) -> None:
    lab = Lab.open(tmp_path)
    lab.workspaces.create(EDITED[1])
    confirmed = _Confirmed()
    lab.teach("The capital of Wakanda is Birnin.")
    assert check(tmp_path, confirmed) == (1, [])  # the step under way may be there
    lab.teach("The capital of Zembla is Onhava.")
    lab.teach("The capital of Lilliput is Mildendo.")
    assert check(tmp_path, confirmed) == (2, ["2 edits are there without a confirmation"])
    confirmed.edits["default"][1] = ("other hash", "teach", None)
    confirmed.edits["default"][4] = ("a hash", "undo", 1)
    confirmed.imports["import 1"] = 3
    assert check(tmp_path, confirmed)[1] == [
        "default: the confirmed edit 1 is lost",
        "default: the confirmed edit 4 is lost",
        "default: the state is not the fold of the confirmed edits",
        "the confirmed import import 1 is lost or incomplete",
    ]


def test_orphan_files_are_found_and_files_of_edits_are_none(tmp_path: Path) -> None:
    ledger = Ledger(open_database(tmp_path), "default")
    for folder in ("tmp", "deltas"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tmp" / "left over").touch()
    for sha256 in ("a" * 64, "b" * 64):
        (tmp_path / "deltas" / f"{sha256}.safetensors").touch()
    taught = {"teaches": {"title": "A", "text": "A text.", "spans": None}}
    ledger.append("teach", "weights", taught, delta="a" * 64)
    assert orphans(tmp_path) == [tmp_path / "deltas" / f"{'b' * 64}.safetensors", tmp_path / "tmp" / "left over"]
    Lab.open(tmp_path)  # the first start in this process
    assert orphans(tmp_path) == []


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 or more"):
        Lab.crash_test(kills=0)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="needs an empty folder"):
        Lab.crash_test(folder=tmp_path)
