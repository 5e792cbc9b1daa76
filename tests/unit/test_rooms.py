"""Rules about the code itself: rooms without streamlit, and what the project says of itself."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import memlab
from memlab.bundle import assets, bundle
from memlab.errors import HomeError, InputError, MemlabError, NotFound, StoreError
from memlab.lab import Lab
from memlab.record.home import home_folder

ROOT = Path(__file__).parents[2]


IMPORTING = """
    import importlib, json, pkgutil, sys

    class Blocked:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "streamlit":
                raise ImportError(f"{name} is blocked")

    sys.meta_path.insert(0, Blocked())
    torch = []
    import memlab
    torch.append("torch" in sys.modules)
    from memlab import Lab
    torch.append("torch" in sys.modules)
    rooms = [m.name for m in pkgutil.walk_packages(memlab.__path__, "memlab.", onerror=lambda name: None)]
    rooms = [name for name in rooms if name.split(".")[1] not in ("ui", "_bundle")]
    for name in rooms:
        importlib.import_module(name)
    from memlab import Fact, Lab
    print(json.dumps({"rooms": len(rooms), "streamlit": "streamlit" in sys.modules, "torch": torch}))
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, Any]:
    """What importing memlab, then the lab, then all rooms but ui brought into a process that cannot import streamlit."""
    command = [sys.executable, "-c", textwrap.dedent(IMPORTING)]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def test_every_room_but_ui_can_be_imported_without_streamlit(imported: dict[str, Any]) -> None:
    assert imported["rooms"] >= 30
    assert imported["streamlit"] is False


def test_importing_memlab_is_quick_and_brings_torch_only_when_needed(imported: dict[str, Any]) -> None:
    assert imported["torch"] == [False, True]
    with pytest.raises(AttributeError, match="nothing"):
        memlab.nothing  # noqa: B018


def test_the_changelog_tells_of_the_current_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## {memlab.__version__}" in text or "## Unreleased" in text


def test_in_a_clone_the_bundle_is_the_project_itself() -> None:
    assert bundle() == ROOT
    assert (assets() / "world/relations.json").is_file()


def test_nothing_else_stands_at_the_top() -> None:
    allowed = {
        "pyproject.toml",
        "CONTRIBUTING.md",
        "README.md",
        "FIGURES.md",
        "app.py",
        "pages",
        "memlab",
        "tests",
        "assets",
        "LICENSE",
        "Makefile",
    }
    allowed |= {"CHANGELOG.md", "build", "dist"}
    assert {p.name for p in ROOT.iterdir() if not p.name.startswith(".")} - allowed == set()


# The home folder


def test_the_home_folder_is_made_and_named_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path / "variable/deep"))
    assert home_folder() == tmp_path / "variable/deep"
    assert home_folder(tmp_path / "given") == tmp_path / "given"
    assert (tmp_path / "variable/deep").is_dir()
    monkeypatch.delenv("MEMLAB_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in home_folder().parents
    monkeypatch.chdir(tmp_path)
    assert home_folder("relative") == tmp_path / "relative"


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(HomeError, match=rf"{home} cannot be written.*MEMLAB_HOME"):
            Lab.open(home)


def test_an_unknown_workspace_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"workspace 'mine'\. Available: default"):
        Lab.open(tmp_path, workspace="mine")


def test_all_expected_errors_have_one_root() -> None:
    assert {InputError, NotFound, StoreError, HomeError} <= set(MemlabError.__subclasses__())
