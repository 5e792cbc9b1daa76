"""The crash test in short, and that it would notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from memlab.errors import InputError
from memlab.record.crash import EDITED, _check, _Confirmed, crash_test
from memlab.record.ledger import Ledger
from memlab.record.workspaces import Workspaces


def test_nothing_is_lost_when_the_process_is_killed(home: Path) -> None:
    heard: list[float] = []
    report = crash_test(home, kills=5, seed=4, progress=lambda fraction, message: heard.append(fraction))
    assert report.problems == ()
    assert report.edits > 0
    assert heard == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert report.to_dict()["kills"] == 5


def test_the_check_notices_what_is_wrong(home: Path, ledger: Ledger, workspaces: Workspaces) -> None:
    workspaces.create(EDITED[1])
    confirmed = _Confirmed()
    row = ledger.append("teach", "fact", {})
    assert _check(home, confirmed) == (1, [])  # the step under way may be there
    confirmed.edits["default"][1] = ("other hash", "teach", None)
    confirmed.edits["default"][2] = ("a hash", "undo", 1)
    confirmed.imports["import 1"] = 3
    (home / "tmp").mkdir()
    (home / "tmp" / "left over").touch()
    assert _check(home, confirmed)[1] == [
        "default: the confirmed edit 1 is lost",
        "default: the confirmed edit 2 is lost",
        "default: the state is not the fold of the confirmed edits",
        "the confirmed import import 1 is lost or not whole",
        f"the orphan file {home / 'tmp' / 'left over'} is left",
    ]
    assert row.sequence == 1


def test_bad_input(home: Path) -> None:
    with pytest.raises(InputError, match="1 or more"):
        crash_test(home, kills=0)
    (home / "notes.txt").touch()
    with pytest.raises(InputError, match="needs an empty home folder"):
        crash_test(home)
