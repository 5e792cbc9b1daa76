"""Systems from installed packages: found by their entry point; one that cannot be imported does not stop the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forks import Done, Forks

TOY = Path(__file__).with_name("threshold_knn.py")


def install(folder: Path, name: str, target: str) -> None:
    """What an installer leaves of a package that offers a system."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[memlab.systems]\n{name} = {target}\n", "utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages: the toy system, a broken one, one of another version, one that takes a name."""
    (tmp_path / "toy_package.py").write_text(TOY.read_text("utf-8"), "utf-8")
    (tmp_path / "broken_package.py").write_text("import not_there_at_all\n", "utf-8")
    (tmp_path / "old_package.py").write_text(
        "from dataclasses import replace\nfrom memlab.systems.plain import SYSTEM as PLAIN\n"
        "SYSTEM = replace(PLAIN, name='old', methods=(), recipes=(), api=0)\nTWIN = PLAIN\n",
        "utf-8",
    )
    install(tmp_path, "toy", "toy_package:SYSTEM")
    install(tmp_path, "broken", "broken_package:SYSTEM")
    install(tmp_path, "old", "old_package:SYSTEM")
    install(tmp_path, "twin", "old_package:TWIN")
    return tmp_path


WITH_PACKAGES = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from memlab.cli import main
main(prog_name="memlab")
"""


@pytest.fixture
def memlab(site: Path, forked: Forks) -> Callable[..., Done]:
    """Runs a command in a process that finds those packages."""
    return lambda *words: forked.start(WITH_PACKAGES, str(site), *words).wait()


def test_an_installed_system_is_one_like_those_that_ship(memlab: Callable[..., Done], built_home: Path) -> None:
    listed = memlab("systems", "--json").document()
    assert [s["name"] for s in listed["systems"]][-1] == "threshold_knn"
    reasons = {b["name"]: b["unavailable"] for b in listed["unavailable"]}
    assert set(reasons) == {"broken", "old", "twin"}
    assert "ModuleNotFoundError: No module named 'not_there_at_all'" in reasons["broken"]
    assert "declared for version 0" in reasons["old"]
    assert "already a system named 'plain'" in reasons["twin"]
    asked = ("ask", "The capital of Norway is", "--method", "threshold-knn", "--json", "--home", str(built_home))
    said = memlab(*asked).document()
    assert (said["method"], said["gate"]["kind"]) == ("threshold-knn", "threshold")
    refused = memlab("run", "broken", "anything")
    assert refused.returncode == 1
    assert b"cannot be used" in refused.stderr


VECTORS = Path(__file__).with_name("toy_vectors.py")
EVERYWHERE = """
import json
import os
import sys

sys.path.insert(0, sys.argv[1])
os.environ["MEMLAB_HOME"] = sys.argv[2]
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from memlab.cli import main


def run(*words):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.stdout


PAGE = '''
from memlab.systems.registry import registry
from memlab.ui.system_page import system_page
system_page(registry().system("toy-vectors"))
'''
page = AppTest.from_string(PAGE, default_timeout=60).run()
prompt = "The capital of Norway is [MASK]."
print(json.dumps({
    "systems": json.loads(run("systems", "--json")),
    "ask": json.loads(run("ask", prompt, "--method", "blend", "--weight", "0.8", "--json")),
    "run": json.loads(run("run", "toy-vectors", "tally", "--top", "2", "--json")),
    "train": run("train", "--help"),
    "ask help": run("ask", "--help"),
    "errors": [e.message for e in page.exception] + [e.value for e in page.error],
    "page": [e.value for e in [*page.title, *page.header, *page.subheader, *page.markdown, *page.caption]],
    "links": [link.proto.url for link in page.get("link_button")],
    "words": [word for table in page.table for word in table.value.index],
}))
"""


def test_an_installed_system_of_another_kind_is_everywhere(tmp_path: Path, forked: Forks, built_home: Path) -> None:
    """A masked method that mixes scores, an edit, a recipe, a study and words, from a package."""
    (tmp_path / "vectors_package.py").write_text(VECTORS.read_text("utf-8"), "utf-8")
    install(tmp_path, "vectors", "vectors_package:SYSTEM")
    said = forked.start(EVERYWHERE, str(tmp_path), str(built_home)).wait().document()
    assert said["systems"]["unavailable"] == []
    listed = said["systems"]["systems"][-1]
    assert (listed["name"], listed["edits"]) == ("toy_vectors", ["boost word"])
    assert [m["abilities"] for m in listed["methods"]] == [["ask", "sweep"]]
    assert (said["ask"]["method"], said["ask"]["answer"], said["ask"]["settings"]["weight"]) == ("blend", "Oslo", 0.8)
    assert [row["entries"] for row in said["run"]["results"]] == sorted(
        (row["entries"] for row in said["run"]["results"]), reverse=True
    )
    assert len(said["run"]["results"]) == 2
    assert "quick" in said["train"]
    assert "Weight of the memory's scores." in " ".join(said["ask help"].split())
    assert said["errors"] == []
    text = "\n".join(said["page"]).replace("\\", "")
    for part in (
        "Blended scores",
        "Counts the words that the masked",
        "no neighbor has a share",
        "--text FILE --kind quick",
    ):
        assert part in text
    assert any("method=blend" in link for link in said["links"])
    assert "weight w" in said["words"]
