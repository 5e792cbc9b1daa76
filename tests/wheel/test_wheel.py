"""The wheel: what `pip install memlab` brings, and that it finds its own files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUNDLE = "memlab/_bundle"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("memlab-*.whl"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_app_pages_assets_and_settings(names: set[str]) -> None:
    shipped = [ROOT / "app.py", ROOT / ".streamlit/config.toml", *(ROOT / "pages").glob("*.py")]
    shipped += [f for f in (ROOT / "assets").rglob("*") if f.is_file() and not _left_out(f)]
    assert len(shipped) > 30
    assert {f"{BUNDLE}/{f.relative_to(ROOT).as_posix()}" for f in shipped} <= names


def test_the_wheel_holds_every_module(names: set[str]) -> None:
    modules = [f for f in (ROOT / "memlab").rglob("*.py") if "_bundle" not in f.parts]
    assert {f.relative_to(ROOT).as_posix() for f in modules} <= names


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    assert [n for n in names if not n.startswith(("memlab/", "memlab-"))] == []
    assert [n for n in names if re.search(r"__pycache__|\.pyc$|\.tmp(/|$)|/tests/", n)] == []
    bundled = {n.removeprefix(f"{BUNDLE}/").split("/")[0] for n in names if n.startswith(BUNDLE)}
    assert bundled == {"app.py", "pages", "assets", ".streamlit"}


def test_the_wheel_brings_the_command_and_the_license(wheel: Path, names: set[str]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entry = next(n for n in names if n.endswith("entry_points.txt"))
        assert "memlab = memlab.cli:main" in archive.read(entry).decode()
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_an_unpacked_wheel_finds_its_bundle_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "empty").mkdir()
    script = (
        "from memlab.bundle import assets, bundle; from memlab.corpus.world import atlas\n"
        "print(bundle()); print(assets()); print(len(atlas().facts))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path / "empty",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert said[:2] == [str(tmp_path / "site" / BUNDLE), str(tmp_path / "site" / BUNDLE / "assets")]
    assert int(said[2]) >= 3000
    assert list((tmp_path / "empty").iterdir()) == []


def _left_out(file: Path) -> bool:
    return "__pycache__" in file.parts or any(part.endswith(".tmp") for part in file.parts)
