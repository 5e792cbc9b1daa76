"""Workspaces, and passing them on as files: all of it or nothing, and nothing foreign."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memlab.errors import HomeError, InputError, NotFound, RecordError
from memlab.record import archive
from memlab.record.database import Database
from memlab.record.files import delta_file, files_locked, keep_delta, temporary_file
from memlab.record.hash_chain import GENESIS, EditRow, seal
from memlab.record.ledger import Ledger
from memlab.record.workspaces import Workspaces

Files = dict[str, bytes]
LESSON = {"teaches": {"title": "One is 1.", "text": "One is 1.", "spans": [[7, 8]]}}
RESTING = {
    "forgets": [{"corpus": "edit", "document": "edit:1", "start": 7, "end": 8, "text": "1", "source": "edit:1"}],
    "teaches": {"title": "Two is 2.", "text": "Two is 2.", "spans": None},
    "fact": {"subject": "Two", "relation": "number", "object": "1"},
    "new_object": "2",
}
WEIGHTS = b"pretend that these are tensors"
DELTA = f"deltas/{hashlib.sha256(WEIGHTS).hexdigest()}.safetensors"


@pytest.fixture
def filled(home: Path, ledger: Ledger) -> Ledger:
    """Four rows: two facts, weights, and an undo of the first fact."""
    ledger.append("teach", "one", LESSON, "ann", after={"p": 0.5})
    ledger.append("correct", "two", RESTING, "bob")
    with files_locked(home), temporary_file(home) as written:
        written.write_bytes(WEIGHTS)
        ledger.append("teach", "weights", LESSON, delta=keep_delta(home, written))
    ledger.undo(1)
    return ledger


@pytest.fixture
def exported(filled: Ledger, workspaces: Workspaces, tmp_path: Path) -> Path:
    return workspaces.export("default", tmp_path / "default.zip")


def content(ledger: Ledger) -> list[dict[str, Any]]:
    """The edits without what every workspace has of its own."""
    own = ("workspace", "id", "previous", "hash")
    return [{key: value for key, value in row.to_dict().items() if key not in own} for row in ledger.rows()]


def everything(home: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (home / "deltas").iterdir()}


def test_default_is_there_from_the_start_and_stays(workspaces: Workspaces) -> None:
    assert [info.to_dict()["name"] for info in workspaces.list()] == ["default"]
    with pytest.raises(InputError, match="cannot be deleted"):
        workspaces.delete("default", "default")
    with pytest.raises(InputError, match="cannot be renamed"):
        workspaces.rename("default", "other")


def test_create_rename_delete(workspaces: Workspaces, database: Database) -> None:
    workspaces.create("Class 7b")
    Ledger(database, "Class 7b").append("teach", "fact", LESSON)
    renamed = workspaces.rename("Class 7b", "a Schüler-Übung")
    assert (renamed.name, renamed.edits, renamed.base) == ("a Schüler-Übung", 1, None)
    assert Ledger(database, renamed.name).verify() == []
    assert [info.name for info in workspaces.list()] == ["default", "a Schüler-Übung"]
    with pytest.raises(InputError, match="repeat its name exactly"):
        workspaces.delete(renamed.name, "a schüler-übung")
    workspaces.delete(renamed.name, renamed.name)
    assert [info.name for info in workspaces.list()] == ["default"]
    with pytest.raises(NotFound):
        workspaces.delete(renamed.name, renamed.name)
    workspaces.create(renamed.name)
    assert Ledger(database, renamed.name).rows() == []


@pytest.mark.parametrize("name", ["", " ", "-x", "../x", "a/b", "a\\b", "a\nb", "<b>", "x" * 61, "a:b", "a\x00"])
def test_bad_names_are_refused(workspaces: Workspaces, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a workspace"):
        workspaces.create(name)


def test_a_name_is_taken_in_any_unicode_form(workspaces: Workspaces) -> None:
    workspaces.create("Ünal")
    for act in (workspaces.create, lambda name: workspaces.copy("default", name)):
        with pytest.raises(InputError, match="already"):
            act("U\u0308nal")


def test_a_copy_has_the_same_history_and_a_life_of_its_own(
    filled: Ledger, workspaces: Workspaces, database: Database
) -> None:
    info = workspaces.copy("default", "mine")
    mine = Ledger(database, "mine")
    assert (info.base, info.edits) == ("default at edit 4", 4)
    assert content(mine) == content(filled)
    assert mine.verify() == []
    assert not {row.id for row in mine.rows()} & {row.id for row in filled.rows()}
    mine.redo()
    assert ([row.sequence for row in mine.active()], filled.head()) == ([1, 2, 3], 4)


def test_weights_leave_with_the_last_workspace_that_names_them(
    filled: Ledger, workspaces: Workspaces, home: Path
) -> None:
    delta = filled.edit(3).delta
    assert delta is not None
    for name in ("a", "b"):
        workspaces.copy("default", name)
        workspaces.delete(name, name)
        assert delta_file(home, delta).is_file()


def test_an_export_holds_the_whole_workspace(
    exported: Path, filled: Ledger, home: Path, tmp_path: Path, database: Database, workspaces: Workspaces
) -> None:
    assert zipfile.ZipFile(exported).namelist() == ["manifest.json", "rows.jsonl", DELTA]
    shutil.rmtree(home / "deltas")  # as if on another machine
    info = workspaces.import_(exported, "theirs")
    theirs = Ledger(database, "theirs")
    assert (info.edits, info.base) == (4, "default at edit 4, from default.zip")
    assert content(theirs) == content(filled)
    assert theirs.verify() == []
    assert list((home / "tmp").iterdir()) == []


def test_an_empty_workspace_can_be_passed_on(workspaces: Workspaces, tmp_path: Path) -> None:
    assert workspaces.import_(workspaces.export("default", tmp_path / "x.zip"), "empty").edits == 0


def test_one_file_imported_twice_needs_another_name(exported: Path, workspaces: Workspaces, home: Path) -> None:
    workspaces.import_(exported, "theirs")
    before = everything(home)
    with pytest.raises(InputError, match=r"There is a workspace 'theirs' already. Choose another name"):
        workspaces.import_(exported, "theirs")
    assert everything(home) == before
    assert workspaces.import_(exported, "theirs again").edits == 4


def test_what_cannot_be_exported_says_why(filled: Ledger, workspaces: Workspaces, home: Path, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="no folder cannot be written"):
        workspaces.export("default", tmp_path / "no folder" / "x.zip")
    with pytest.raises(InputError, match=r"cannot be written: it is a folder\. Name a file\."):
        workspaces.export("default", tmp_path)
    with pytest.raises(NotFound):
        workspaces.export("nope", tmp_path / "x.zip")
    (tmp_path / "y.zip").write_text("old")
    with pytest.raises(InputError, match="not a file of this kind written by memlab"):
        workspaces.export("default", tmp_path / "y.zip")
    assert (tmp_path / "y.zip").read_text() == "old"
    before = workspaces.export("default", tmp_path / "x.zip").read_bytes()
    shutil.rmtree(home / "deltas")
    with pytest.raises(RecordError, match="missing or were changed"):
        workspaces.export("default", tmp_path / "x.zip")
    assert (tmp_path / "x.zip").read_bytes() == before
    assert list((home / "tmp").iterdir()) == []


def unpack(path: Path) -> Files:
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def pack(path: Path, files: Files, compression: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, data in files.items():
            packed.writestr(name, data)


def manifest(files: Files, **changes: object) -> Files:
    return files | {"manifest.json": json.dumps({**json.loads(files["manifest.json"]), **changes}).encode()}


def rewrite(files: Files, change: Callable[[list[dict[str, Any]]], object]) -> Files:
    """Changes the rows as somebody does who computes every hash anew."""
    lines = [json.loads(line) for line in files["rows.jsonl"].splitlines()]
    change(lines)
    previous = GENESIS
    for line in lines:
        line["previous"] = previous
        if set(line) == set(lines[0]):
            previous = line["hash"] = seal(EditRow(workspace="", **line)).hash
    rows = "".join(json.dumps(line) + "\n" for line in lines).encode()
    fresh = {"head": len(lines), "head_hash": previous, "rows_sha256": hashlib.sha256(rows).hexdigest()}
    return manifest(files | {"rows.jsonl": rows}, **fresh)


def parameters(files: Files, row: int, value: object) -> Files:
    return rewrite(files, lambda rows: rows[row].update(parameters=value))


def lesson(files: Files, **changes: object) -> Files:
    return parameters(files, 0, {"teaches": {**LESSON["teaches"], **changes}})


def source(files: Files, **changes: object) -> Files:
    return parameters(files, 1, RESTING | {"forgets": [{**RESTING["forgets"][0], **changes}]})


def nested(levels: int) -> dict[str, Any]:
    return {"deeper": nested(levels - 1)} if levels else {}


def deep(levels: int) -> bytes:
    return b'{"p": ' + b"[" * levels + b"]" * levels + b"}"


def rehash(files: Files, rows: bytes) -> Files:
    return manifest(files | {"rows.jsonl": rows}, rows_sha256=hashlib.sha256(rows).hexdigest())


BAD: dict[str, tuple[Callable[[Files], Files], str]] = {
    "path traversal": (lambda f: f | {"../evil": b"x"}, "does not belong"),
    "absolute path": (lambda f: f | {"/etc/evil": b"x"}, "does not belong"),
    "traversal as a delta": (lambda f: f | {"deltas/../../evil.safetensors": b"x"}, "does not belong"),
    "other file": (lambda f: f | {"evil.py": b"x"}, "does not belong"),
    "foreign zip": (lambda f: {"word/document.xml": b"x"}, "not an archive of a workspace"),
    "other format": (lambda f: manifest(f, format="other"), "not an archive of a workspace"),
    "manifest is a list": (lambda f: f | {"manifest.json": b"[]"}, "not an archive of a workspace"),
    "manifest is no json": (lambda f: f | {"manifest.json": b"{"}, "cannot be imported"),
    "manifest too large": (lambda f: f | {"manifest.json": b" " * 70_000}, "too large"),
    "newer version": (lambda f: manifest(f, version=3), "update memlab"),
    "kept missing": (lambda f: manifest(f, version=2), "batches and notes do not match its version"),
    "rows changed": (lambda f: f | {"rows.jsonl": f["rows.jsonl"].replace(b"ann", b"eve")}, "hash"),
    "row changed": (lambda f: rehash(f, f["rows.jsonl"].replace(b"ann", b"eve")), "history is broken"),
    "rows reordered": (lambda f: rehash(f, b"\n".join(f["rows.jsonl"].splitlines()[::-1])), "complete and in order"),
    "last row missing": (lambda f: rehash(f, b"\n".join(f["rows.jsonl"].splitlines()[:-1])), "complete and in order"),
    "no rows": (lambda f: rehash(f, b""), "complete and in order"),
    "row is a number": (lambda f: rehash(f, b"1\n"), "incomplete or malformed"),
    "row is deep": (lambda f: rehash(f, b"[" * 100_000), "nested too deeply"),
    "huge head": (lambda f: manifest(f, head=10**15), "complete and in order"),
    "other head": (lambda f: manifest(f, head_hash=GENESIS), "history is broken"),
    "name is no text": (lambda f: manifest(f, workspace="\n"), "name has 0"),
    "field missing": (lambda f: rewrite(f, lambda rows: rows[1].pop("author")), "incomplete"),
    "field of another type": (lambda f: rewrite(f, lambda rows: rows[1].update(summary=7)), "incomplete or malformed"),
    "infinite score": (
        lambda f: rehash(f, f["rows.jsonl"].replace(b'{"p": 0.5}', b'{"p": 1e999}')),
        "Out of range float",
    ),
    "unknown kind": (lambda f: rewrite(f, lambda rows: rows[1].update(kind="dream")), "update memlab"),
    "undo of nothing": (
        lambda f: rewrite(f, lambda rows: rows[3].update(inverse={"target": 9})),
        "does not name an earlier edit",
    ),
    "undo of what is undone": (
        lambda f: rewrite(f, lambda rows: rows.append({**rows[3], "sequence": 5})),
        "makes no sense",
    ),
    "undo of a list": (
        lambda f: rewrite(f, lambda rows: rows[3].update(inverse={"target": []})),
        "does not name an earlier edit",
    ),
    "undo without a target": (
        lambda f: rewrite(f, lambda rows: rows[3].update(inverse=None)),
        "not in the form of a JSON object",
    ),
    "undo with parameters": (lambda f: rewrite(f, lambda rows: rows[3].update(parameters=LESSON)), "'teaches'"),
    "change with a target": (
        lambda f: rewrite(f, lambda rows: rows[1].update(inverse={"target": 1})),
        "neither an undo nor a redo",
    ),
    "no time": (lambda f: rewrite(f, lambda rows: rows[0].update(time="yesterday")), "has no time"),
    "deep scores": (lambda f: rewrite(f, lambda rows: rows[0].update(after=nested(50))), "scores that are too large"),
    "very deep scores": (lambda f: rehash(f, f["rows.jsonl"].replace(b'{"p": 0.5}', deep(900))), "nested too deeply"),
    "huge scores": (lambda f: rewrite(f, lambda rows: rows[0].update(before={"p": "x" * (1 << 20)})), "too large"),
    "scores of another form": (
        lambda f: rewrite(f, lambda rows: rows[0].update(after={"efficacy": [[]]})),
        "its edit 1 has scores whose 'efficacy' has another form",
    ),
    "a score without its parts": (
        lambda f: rewrite(f, lambda rows: rows[0].update(after={"efficacy": {"score": 1.0}})),
        "'efficacy' has another form",
    ),
    "a share of two": (
        lambda f: rewrite(f, lambda rows: rows[0].update(after={"neighborhood": 2.0})),
        "'neighborhood' has another form",
    ),
    "a mean that is text": (
        lambda f: rewrite(f, lambda rows: rows[0].update(after={"harmonic": "high"})),
        "'harmonic' has another form",
    ),
    "notes of numbers": (lambda f: rewrite(f, lambda rows: rows[0].update(before={"notes": [1]})), "'notes'"),
    "a score of a list": (lambda f: rewrite(f, lambda rows: rows[0].update(after={"mine": [1]})), "'mine'"),
    "teaches nothing": (lambda f: parameters(f, 0, {}), "its edit 1 has parameters without 'teaches'"),
    "teaches and more": (lambda f: parameters(f, 0, LESSON | {"run": "x"}), "'run', which this memlab does not know"),
    "lesson is a list": (lambda f: parameters(f, 0, {"teaches": []}), "a taught text not in the form of a JSON object"),
    "lesson without spans": (lambda f: parameters(f, 0, {"teaches": {"title": "", "text": "a"}}), "without 'spans'"),
    "text is a number": (lambda f: lesson(f, text=7), "taught text that is not a text of at most 2,000"),
    "text is huge": (lambda f: lesson(f, text="x" * 2001), "taught text that is not a text of at most 2,000"),
    "text without a word": (lambda f: lesson(f, text=" ... ", spans=None), "without a word"),
    "text is broken": (lambda f: lesson(f, text="One is \ud800."), "broken characters"),
    "title is huge": (lambda f: lesson(f, title="x" * 61), "title that is not a text of at most 60"),
    "span outside the text": (lambda f: lesson(f, spans=[[7, 10]]), "not a place in its text of 9 characters"),
    "span backward": (lambda f: lesson(f, spans=[[8, 7]]), "not a place in its text"),
    "span of letters": (lambda f: lesson(f, spans=[["a", "b"]]), "not a place in its text"),
    "spans out of order": (lambda f: lesson(f, spans=[[4, 6], [0, 5]]), "not in order"),
    "no spans": (lambda f: lesson(f, spans=[]), "not a list of places"),
    "source without a place": (lambda f: source(f, start=None), "not a place in a text"),
    "source at true": (lambda f: source(f, start=True), "not a place in a text"),
    "source far away": (lambda f: source(f, end=10**12), "not a place in a text"),
    "source by a path": (lambda f: source(f, corpus="../.."), "not named by a hash"),
    "source of a later edit": (lambda f: source(f, document="edit:7", source="edit:7"), "not an earlier edit"),
    "source of two edits": (lambda f: source(f, source="edit:3"), "not an earlier edit"),
    "source of two places": (lambda f: source(f, source="base"), "contradict each other"),
    "source is text": (
        lambda f: parameters(f, 1, RESTING | {"forgets": ["Paris"]}),
        "not in the form of a JSON object",
    ),
    "sources are an object": (lambda f: parameters(f, 1, RESTING | {"forgets": {}}), "does not forget a list"),
    "fact without an object": (
        lambda f: parameters(f, 1, RESTING | {"fact": {"subject": "", "relation": ""}}),
        "object",
    ),
    "author with a line break": (lambda f: rewrite(f, lambda rows: rows[0].update(author="a\nb")), "not one line"),
    "author too long": (lambda f: rewrite(f, lambda rows: rows[0].update(author="a" * 99)), "author has 99"),
    "delta is a number": (lambda f: rewrite(f, lambda rows: rows[2].update(delta=7)), "incomplete or malformed"),
    "delta by a path": (
        lambda f: rewrite(f, lambda rows: rows[2].update(delta="../../evil")),
        "incomplete or malformed",
    ),
    "delta missing": (lambda f: {name: data for name, data in f.items() if name != DELTA}, "not those"),
    "delta not named": (lambda f: f | {f"deltas/{'0' * 64}.safetensors": b"x"}, "not those"),
    "delta with a wrong hash": (lambda f: f | {DELTA: b"other weights"}, "do not match their hash"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_archives_are_refused_and_nothing_changes(
    kind: str, exported: Path, workspaces: Workspaces, home: Path, tmp_path: Path
) -> None:
    change, message = BAD[kind]
    bad = tmp_path / "bad.zip"
    pack(bad, change(unpack(exported)))
    (home / "deltas" / Path(DELTA).name).unlink()  # as if on another machine
    with pytest.raises(InputError, match=message) as caught:
        workspaces.import_(bad, "theirs")
    assert str(caught.value).startswith("bad.zip cannot be imported: ")
    assert "Nothing was changed." in str(caught.value)
    assert [info.name for info in workspaces.list()] == ["default"]
    assert everything(home) == {}
    assert list((home / "tmp").iterdir()) == []
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_are_no_plain_zip_are_refused(exported: Path, workspaces: Workspaces, tmp_path: Path) -> None:
    files = unpack(exported)
    bad = tmp_path / "bad.zip"

    def refused(message: str) -> None:
        with pytest.raises(InputError, match=message):
            workspaces.import_(bad, "theirs")

    refused("No such file")
    bad.mkdir()
    refused("Is a directory")
    bad.rmdir()
    bad.write_bytes(b"")
    refused("not a zip file")
    pack(bad, files, zipfile.ZIP_LZMA)
    refused("compressed in a way that memlab does not use")
    pack(bad, files)
    with zipfile.ZipFile(bad, "a") as packed:
        packed.writestr("rows.jsonl", b"")
    refused("twice")
    encrypted = bytearray(exported.read_bytes())
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    bad.write_bytes(encrypted)
    refused("cannot be imported")


def test_sizes_are_checked_before_anything_is_unpacked(
    exported: Path, workspaces: Workspaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAX_ROWS_BYTES", "MAX_BYTES", "MAX_EDITS", "MAX_DELTAS"):
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, 0)
            with pytest.raises(InputError, match=r"too large \(allowed: at most 2 GiB unpacked"):
                workspaces.import_(exported, "theirs")


def test_a_damaged_archive_never_gives_anything_but_its_content(
    exported: Path, workspaces: Workspaces, tmp_path: Path
) -> None:
    whole = exported.read_bytes()
    rng = random.Random(0)
    bad = tmp_path / "bad.zip"
    for n in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 1, 20])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        bad.write_bytes(damaged[: rng.choice([len(damaged), rng.randrange(len(damaged))])])
        try:
            info = workspaces.import_(bad, f"theirs {n}")
        except InputError:
            continue
        assert info.edits == 4


def test_a_flood_of_lines_is_refused_at_a_fixed_cost(exported: Path, workspaces: Workspaces, tmp_path: Path) -> None:
    """250 MB of line breaks, which packed are a quarter of a megabyte."""
    files = unpack(exported)
    manifest = files["manifest.json"]
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("manifest.json", manifest)
        with packed.open("rows.jsonl", "w") as rows:
            for _ in range(250):
                rows.write(b"\n" * (1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="too large"):
            workspaces.import_(bad, "theirs")
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_a_line_without_an_end_is_refused(
    exported: Path, workspaces: Workspaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_LINE_BYTES", 100)
    with pytest.raises(InputError, match="too large"):
        workspaces.import_(exported, "theirs")
