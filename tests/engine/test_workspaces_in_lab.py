"""Workspaces through the lab and the command line: apart from each other, copied, exchanged."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from memlab import Lab
from memlab.cli import main
from memlab.errors import InputError, NotFound

WAKANDA = "The capital of Wakanda is [MASK]."


@pytest.fixture
def home(built_home: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(
        built_home / "datastores", folder / "datastores", copy_function=os.link, ignore=shutil.ignore_patterns(".*")
    )
    return folder


def test_an_edit_is_seen_in_its_workspace_only_and_by_everybody_there(home: Path) -> None:
    one = Lab.open(home)
    one.workspaces.create("other")
    same, other = Lab.open(home), Lab.open(home, "other")
    before = other.ask(WAKANDA).answer
    one.teach("The capital of Wakanda is Birnin.")
    other.teach("The capital of Wakanda is Zana.")
    assert one.ask(WAKANDA).answer == same.ask(WAKANDA).answer == "Birnin"
    assert other.ask(WAKANDA).answer == "Zana"
    assert other.ask(WAKANDA, as_of=0).answer == before


def test_a_copy_has_the_edits_and_goes_its_own_way(home: Path) -> None:
    lab = Lab.open(home)
    lab.teach("The capital of Wakanda is Birnin.")
    names = [lab.workspaces.copy("default").name, lab.workspaces.copy("default").name]
    assert names == ["default copy", "default copy 2"]
    copy = Lab.open(home, names[0])
    assert copy.ask(WAKANDA).answer == "Birnin"
    copy.undo()
    assert copy.ask(WAKANDA).answer != "Birnin"
    assert lab.ask(WAKANDA).answer == "Birnin"
    earlier = copy.workspaces.copy(names[0], "earlier", as_of=1)
    assert (earlier.base, earlier.edits) == ("default copy at edit 1", 1)
    assert Lab.open(home, "earlier").ask(WAKANDA).answer == "Birnin"
    with pytest.raises(InputError, match="as_of is 3"):
        lab.workspaces.copy(names[0], "never", as_of=3)
    assert "never" not in [info.name for info in lab.workspaces()]


def test_export_and_import_by_command(home: Path, tmp_path: Path) -> None:
    def run(*words: object) -> tuple[int, str, str]:
        result = CliRunner().invoke(main, [str(w) for w in (*words, "--home", home)])
        return result.exit_code, result.stdout, result.stderr

    Lab.open(home).teach("The capital of Wakanda is Birnin.")
    file = tmp_path / "w.zip"
    assert run("workspace", "export", "default", file)[0] == 0
    code, out, _ = run("workspace", "import", file, "--json")
    made = json.loads(out)
    assert (code, made["name"], made["edits"], made["instead_of"]) == (0, "default 2", 1, "default")
    assert (made["base"], run("workspace", "import", file, "--name", "default")[0]) == (
        "default at edit 1, from w.zip",
        1,
    )
    assert Lab.open(home, "default 2").ask(WAKANDA).answer == "Birnin"
    assert not Lab.open(home, "default 2").verify()
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(file.read_bytes()[:-40])
    names = [info.name for info in Lab.open(home).workspaces()]
    code, _, error = run("workspace", "import", damaged)
    assert code == 1
    assert len(error.splitlines()) == 1
    assert [info.name for info in Lab.open(home).workspaces()] == names
    code, _, error = run("workspace", "delete", "default 2", "--json")
    assert (code, error.splitlines()[1:], "--yes-delete 'default 2'" in error) == (1, [], True)
    code, _, error = run("workspace", "delete", "default 2", "--yes-delete", "default")
    assert (code, "repeat its name exactly" in error) == (1, True)
    assert run("workspace", "delete", "default 2", "--yes-delete", "default 2")[0] == 0
    assert run("ask", WAKANDA, "--workspace", "default 2")[0] == 1


def test_what_cannot_be_done_says_why(home: Path) -> None:
    lab = Lab.open(home)
    for bad in ("", "../x", "a" * 61, "<b>"):
        with pytest.raises(InputError, match="cannot name a workspace"):
            lab.workspaces.create(bad)
    with pytest.raises(InputError, match="already"):
        lab.workspaces.create("default")
    with pytest.raises(InputError, match="always there"):
        lab.workspaces.delete("default", "default")
    with pytest.raises(NotFound, match="nowhere"):
        Lab.open(home, "nowhere")
    with pytest.raises(NotFound):
        lab.workspaces.copy("nowhere")


def test_opening_a_home_removes_what_a_killed_process_left(home: Path) -> None:
    left = home / "tmp" / "half-written"
    left.parent.mkdir(parents=True)
    left.write_text("x")
    Lab.open(home)
    assert not left.exists()


def test_every_way_of_editing_can_be_exchanged(home: Path, tmp_path: Path) -> None:
    lab = Lab.open(home)
    berlin = next(f for f in lab.facts("capital") if f.subject == "Germany")
    oslo = next(f for f in lab.facts("capital") if f.subject == "Norway")
    lab.teach("The capital of Wakanda is Birnin.", value="Birnin", scores=True)
    lab.forget(document="edit:1")
    lab.correct(berlin, "Bonn")
    lab.forget(fact=oslo)
    lab.forget(document="France")
    lab.forget(entries=[0, 1])
    lab.forget(prompt="The capital of Peru is [MASK].", weight_above=0.05)
    lab.undo(2)
    lab.redo(2)
    made = lab.workspaces.import_(lab.workspaces.export("default", tmp_path / "all.zip"), "theirs")
    theirs = Lab.open(home, "theirs")
    assert made.edits == lab.head() == 9
    for edit, same in zip(lab.history(), theirs.history(), strict=True):
        assert replace(edit, id=None, workspace="") == replace(same, id=None, workspace="")
    for prompt in (WAKANDA, "The capital of Germany is [MASK].", "The capital of Norway is [MASK]."):
        assert theirs.ask(prompt).to_dict()["mixture"] == lab.ask(prompt).to_dict()["mixture"]


def test_many_workspaces_share_what_is_on_disk(home: Path) -> None:
    lab = Lab.open(home)
    names = [lab.workspaces.create(f"pupil {n}").name for n in range(6)]
    labs = [Lab.open(home, name) for name in names]
    words = ["Birnin", "Zana", "Orsinia", "Strelsau", "Ruvia", "Tarn"]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda own, word: own.teach(f"The capital of Wakanda is {word}."), labs, words))
        answers = list(pool.map(lambda own: own.ask(WAKANDA), labs))
    assert [p.answer for p in answers] == words
    assert [p.workspace for p in answers] == names
    assert lab.ask(WAKANDA).answer not in words
    opened = {id(own.context.shelf.open("atlas-mlm")) for own in (lab, *labs)}
    assert len(opened) == 1
