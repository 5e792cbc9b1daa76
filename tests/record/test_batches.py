"""Batches and notes: kept, found again, bounded, gone with their workspace; databases made before them open."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from memlab.errors import InputError, NotFound, RecordError
from memlab.record import batches as module
from memlab.record.batches import AskedBatch, Batches, Note, fingerprint
from memlab.record.database import FILE, Database, open_database
from memlab.record.ledger import Ledger
from memlab.record.tables import Batch, PromptNote
from memlab.record.workspaces import Workspaces
from memlab.results import Cause, Fact, Repair
from memlab.results.batch_summary import RowSummary

ASKED = AskedBatch(("prompt,expected", "a [MASK].,A"), "expected", {"method": "bert-knn", "lam": 0.5}, "a.csv")
REPAIRS = (
    Repair("forget", "Forget", True, entries=(3, 4)),
    Repair("correct", "Correct", fact=Fact("S", "capital", "O"), new="N"),
    Repair("lambda", "Ask", True, lam=0.4),
)
ROWS = (
    RowSummary(1, "a [MASK].", "B", 0.5, expected=("A",), verdict="both wrong", right=False, model_right=False,
               cause=Cause("look-alikes", "Why.", REPAIRS), method="bert-knn", as_of=2, settings={"lam": 0.5}),
    RowSummary(2, "b", error="no"),
)  # fmt: skip


def test_a_batch_is_kept_as_it_was(database: Database) -> None:
    batches = Batches(database, "default")
    number = batches.keep("f", "Title", ASKED, ROWS)
    kept = batches.get(number)
    assert (kept.asked, kept.rows) == (ASKED, ROWS)
    assert kept.title == "Title"
    assert batches.titles()[number].startswith("Title, 20")
    assert batches.find("f") == kept
    assert batches.find("g") is None
    assert batches.keep("f", "Title", ASKED, ROWS[:1]) == number  # the same question again takes its place
    assert batches.get(number).rows == ROWS[:1]
    with pytest.raises(NotFound, match="no batch 99"):
        batches.get(99)


def test_only_the_newest_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    batches = Batches(database, "default")
    numbers = [batches.keep(name, "Title", ASKED, ROWS) for name in "abc"]
    assert list(batches.titles()) == numbers[:0:-1]


def test_a_fingerprint_is_of_everything_that_was_asked() -> None:
    assert fingerprint(ASKED, 3) == fingerprint(AskedBatch(ASKED.lines, "expected", dict(ASKED.how), "a.csv"), 3)
    others = [
        (AskedBatch(ASKED.lines, None, ASKED.how, "a.csv"), 3),
        (ASKED, 4),
        (AskedBatch((), "expected", {}, ""), 3),
    ]
    assert len({fingerprint(asked, state) for asked, state in [(ASKED, 3), *others]}) == 4


def test_notes_and_stars(database: Database) -> None:
    batches = Batches(database, "default")
    batches.note("a", Note(True, "  look "))
    batches.note("b", Note(False, "why?"))
    assert batches.notes() == {"a": Note(True, "look"), "b": Note(False, "why?")}
    assert batches.notes(["b", "c"]) == {"b": Note(False, "why?")}
    batches.note("a", Note(False, " "))
    assert "a" not in batches.notes()
    with pytest.raises(InputError, match="2001 characters; at most 2000"):
        batches.note("a", Note(False, "x" * 2001))
    with pytest.raises(InputError, match="NUL"):
        batches.note("a", Note(False, "\0"))


def test_workspaces_have_their_own_and_take_them_along(database: Database) -> None:
    workspaces = Workspaces(database)
    workspaces.create("class")
    number = Batches(database, "class").keep("f", "Title", ASKED, ROWS)
    Batches(database, "class").note("a", Note(True))
    assert Batches(database, "default").notes() == {}
    with pytest.raises(NotFound):
        Batches(database, "default").get(number)
    workspaces.delete("class", "class")
    with database.reading() as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in (Batch, PromptNote)] == [0, 0]


def test_a_batch_that_was_changed_from_outside_says_so(database: Database) -> None:
    batches = Batches(database, "default")
    number = batches.keep("f", "Title", ASKED, ROWS)
    with database.writing() as session:
        session.execute(text("UPDATE batches SET rows = '[{\"line\": 1}]'"))
    with pytest.raises(RecordError, match=f"batch {number} cannot be read"):
        batches.get(number)


def test_a_database_from_before_them_is_brought_up_to_date(home: Path) -> None:
    shutil.copy(Path(__file__).parent / "first_record" / FILE, home / FILE)
    database = open_database(home)
    before = [info.name for info in Workspaces(database).list()]
    batches = Batches(database, "default")
    assert (batches.titles(), batches.notes()) == ({}, {})
    batches.note("a", Note(True))
    database.close()
    again = open_database(home)
    assert Batches(again, "default").notes() == {"a": Note(True)}
    assert [info.name for info in Workspaces(again).list()] == before
    again.close()


def test_a_copy_and_an_archive_carry_batches_and_notes(database: Database, ledger: Ledger, tmp_path: Path) -> None:
    workspaces, batches = Workspaces(database), Batches(database, "default")
    for one in ("One is 1.", "Two is 2."):
        ledger.append("teach", one, {"teaches": {"title": one, "text": one, "spans": None}})
    early, late = (
        tuple(replace(row, workspace=name, as_of=n) for row in ROWS) for name, n in ((None, 1), ("default", 2))
    )
    batches.keep("early", "Before", ASKED, early)
    batches.keep("late", "With both edits", ASKED, late)
    batches.note("a", Note(True, "asked in class"))
    batches.note("b", Note(False, "odd"))
    for number, asked in ((2, ["With both edits", "Before"]), (1, ["Before"])):
        copied = Batches(database, workspaces.copy("default", as_of=number).name)
        assert [title.partition(",")[0] for title in copied.titles().values()] == asked
        assert copied.notes() == batches.notes() == {"a": Note(True, "asked in class"), "b": Note(False, "odd")}
        assert copied.find("early") is not None

    file = workspaces.export("default", tmp_path / "w.zip")
    brought = Batches(database, workspaces.import_(file, "brought").name)
    found = {(batch := brought.get(number)).title: batch for number in brought.titles()}
    assert found["Before"].rows == early
    assert found["Before"].asked == ASKED
    assert found["With both edits"].rows == tuple(replace(row, workspace="brought") for row in late)
    assert brought.notes() == batches.notes()
    assert brought.find("early") is None  # the same question is asked again, and not answered from a file


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept["batches"][0]["rows"][0].update(p="high"),
        lambda kept: kept["batches"][0]["rows"][0].update(as_of=1),  # the archive has no edit
        lambda kept: kept["batches"][0].pop("title"),
        lambda kept: kept["batches"][0].update(created="yesterday"),
        lambda kept: kept["batches"][0]["asked"]["how"].update(method=["bert-knn"]),
        lambda kept: kept["notes"].append(kept["notes"][0]),
        lambda kept: kept["notes"][0].update(note="\x00"),
        lambda kept: kept["notes"][0].update(starred=1),
        lambda kept: kept.update(more=[]),
    ],
)
def test_a_changed_archive_is_refused(database: Database, tmp_path: Path, change: Callable[[Any], None]) -> None:
    workspaces, batches = Workspaces(database), Batches(database, "default")
    batches.keep("f", "Title", ASKED, [replace(row, as_of=0) for row in ROWS])
    batches.note("a", Note(True))
    with zipfile.ZipFile(workspaces.export("default", tmp_path / "w.zip")) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    kept, manifest = json.loads(files["kept.json"]), json.loads(files["manifest.json"])
    change(kept)
    content = json.dumps(kept).encode()
    manifest["kept_sha256"] = hashlib.sha256(content).hexdigest()
    with zipfile.ZipFile(tmp_path / "changed.zip", "w") as packed:
        for name, old in {**files, "kept.json": content, "manifest.json": json.dumps(manifest).encode()}.items():
            packed.writestr(name, old)
    with pytest.raises(InputError, match=r"changed\.zip cannot be imported"):
        workspaces.import_(tmp_path / "changed.zip")
    assert [info.name for info in workspaces.list()] == ["default"]
