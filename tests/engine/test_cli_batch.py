"""`memlab batch`, `memlab lessons`, and `memlab ask --sweep --explain --report`: what a class and an analysis need without a browser."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from memlab import Lab
from memlab.figures import dropping, health, key_map, layers, occlusion, sweep
from tests.commands import Run, document, refused, run_beside

PROMPT = "The painter of Mona Lisa was [MASK]."


@pytest.fixture
def run(built_home: Path, tmp_path: Path) -> Run:
    return run_beside(built_home, tmp_path)


class Loaded(HTMLParser):
    """Addresses that a browser fetches by itself or on a click, and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.described: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        self.described += [value or "" for name, value in attrs if name == "aria-label"]


def test_a_sweep_is_the_engines(run: Run, lab: Lab) -> None:
    said = document(run("ask", PROMPT, "--sweep", "lam", "--top", 3, "--json"))
    assert said["answer"] == "Leonardo da Vinci"
    wanted = lab.explain.sweep(lab.ask(PROMPT)).to_dict()
    assert {k: v for k, v in said["sweep"].items() if k != "ms"} == {k: v for k, v in wanted.items() if k != "ms"}
    assert [turn["after"] for turn in said["sweep"]["turns"]] == ["Leonardo da Vinci"]
    assert "Allowed: k, scale, lam" in refused(run("ask", PROMPT, "--sweep", "nonsense", "--json"))


def test_a_report_holds_every_view_and_loads_nothing(run: Run, lab: Lab, tmp_path: Path) -> None:
    file, p = tmp_path / "report.html", lab.ask(PROMPT)
    said = document(run("ask", PROMPT, "--explain", "--sweep", "k", "--report", file, "--json"))
    assert said["report"] == str(file)
    assert len(said["explain"]["smallest_set"]["removed"]) > 0
    text = file.read_text("utf-8")
    views = (dropping, occlusion, layers, key_map, sweep, health)
    assert [view.__name__ for view in views if view.QUESTION not in text] == []
    page = Loaded(text)
    assert page.addresses == []
    assert len(page.described) == 1 + len(views)
    for part in (p.neighbors[0].document, "<th>scale</th>", "--method bert-knn", "sha256", "transformers"):
        assert part in text
    assert "default-src 'none'" in text  # the browser would refuse to load anything


def test_a_report_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    assert "cannot be written" in refused(run("ask", PROMPT, "--report", tmp_path / "no" / "x.html", "--json"))


def test_two_hundred_lines_some_broken_each_say_why(run: Run, tmp_path: Path) -> None:
    kinds = [PROMPT, "two [MASK] [MASK]", "[MASK] " + "long " * 600, "", "Zq xk [MASK].", "The capital of France is"]
    file, table = tmp_path / "prompts.txt", tmp_path / "table.csv"
    file.write_text("\n".join(kinds[n % len(kinds)] for n in range(200)), "utf-8")
    rows = document(run("batch", file, "--csv", table, "--json"))
    assert [row["line"] for row in rows[:5]] == [1, 2, 3, 5, 6]
    assert len(rows) == 200 - 33
    says = {1: "[MASK] 2 times", 2: "tokens", 4: "never met any word"}
    for row in rows:
        kind = (row["line"] - 1) % len(kinds)
        if kind in says:
            assert (says[kind] in row["error"], row["prediction"]) == (True, None)
        else:
            assert row["error"] is None
            assert row["prediction"]["answer"] == {0: "Leonardo da Vinci", 5: "Paris"}[kind]
    kept = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert [(row["answer"], bool(row["error"])) for row in kept[:2]] == [("Leonardo da Vinci", False), ("", True)]
    lines = run("batch", file).stdout.splitlines()
    assert lines[-1] == "67 of 167 answered, 34 memory helped, 33 both right"
    assert max(map(len, lines)) < 320  # a prompt of 3,000 characters is cut


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--method", "magic"), "Available: base, bert-knn, cache, facts-as-experts, knn-lm"),
        (("--as-of", 999), "0 to 0"),
        (("--lam", 7), "from 0 to 1"),
        (("--datastore", "nowhere"), "nowhere"),
    ],
)
def test_what_no_line_can_be_asked_with_is_said_once(run: Run, arguments: tuple[object, ...], says: str) -> None:
    result = run("batch", "-", "--method", "bert-knn", *arguments, "--json", typed=f"{PROMPT}\n" * 3)
    assert says in refused(result)


def test_files_that_are_none_are_one_line(run: Run, tmp_path: Path) -> None:
    assert "cannot be read" in refused(run("batch", tmp_path / "nowhere.txt"))
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe[MASK]")
    assert "UTF-8" in refused(run("batch", tmp_path / "binary.txt"))
    assert "no prompt" in refused(run("batch", "-", typed="\n\n"))


def test_a_lesson_goes_out_and_comes_back(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "lesson.json"
    assert document(run("lessons", "list", "--json"))[0]["name"] == "what-memory-adds"
    document(run("lessons", "export", "what-memory-adds", file, "--json"))
    taken = document(run("lessons", "import", file, "--json"))
    assert taken["name"] == "what-memory-adds-2"
    shown = document(run("lessons", "show", "what-memory-adds-2", "--json"))
    assert shown["steps"] == json.loads(file.read_text("utf-8"))["steps"]
    lines = run("lessons", "show", "what-memory-adds-2").stdout
    assert "3. A fact that it met once  (guess first)" in lines
    assert "ask?prompt=The+painter+of+Mona+Lisa" in lines
    document(run("lessons", "delete", "what-memory-adds-2", "--json"))
    assert "what-memory-adds-2" not in run("lessons", "list").stdout
    assert "Bundled lessons cannot be deleted" in refused(run("lessons", "delete", "what-memory-adds"))
    assert "Available: a-learned-gate, a-memory-of-facts, beliefs-made-consistent, changing-the-weights" in refused(
        run("lessons", "show", "nothing")
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"version": 2', '"version": 7', "version 7; this memlab reads the versions 1 and 2"),
        (
            '"method": "bert-knn"',
            '"method": "magic"',
            "Step 1 of the lesson (A fact that everybody knows): There is no",
        ),
        ('"page": "ask"', '"page": "nowhere"', "There is no page 'nowhere'"),
        ('"format": "memlab-lesson"', '"format": "recipe"', "its format is not 'memlab-lesson'"),
        ("}", "", "it is not JSON"),
    ],
)
def test_a_lesson_file_that_cannot_be_used_says_why(run: Run, tmp_path: Path, old: str, new: str, says: str) -> None:
    file = tmp_path / "lesson.json"
    document(run("lessons", "export", "what-memory-adds", file, "--json"))
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    before = document(run("lessons", "list", "--json"))
    assert says in refused(run("lessons", "import", file))
    assert document(run("lessons", "list", "--json")) == before


def test_a_damaged_lesson_in_the_home_is_named_and_hides_no_other(run: Run, tmp_path: Path) -> None:
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "bad.json").write_bytes(b"\xff[1")
    said = run("lessons", "list")
    assert said.exit_code == 0
    assert "cannot be used: bad.json" in said.stdout
    assert "what-memory-adds" in said.stdout
