"""Many writers through the lab, and labs in several processes: nothing is lost or mixed up, everybody sees it at once."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from memlab import Lab
from tests.forks import Forks

THREADS, EDITS = 8, 50
NAMES = ("default", "second")
WRITER = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from memlab import Lab

    labs = [Lab.open(sys.argv[1], name) for name in ("default", "second")]
    def write(thread):
        for n in range(50):
            labs[thread % 2].teach(f"Word {thread} {n}.", author=f"writer {thread}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, map(int, sys.argv[2:])))
"""


def check(home: Path) -> None:
    """Each of the eight writers' fifty edits is in its workspace, in the writer's order."""
    for parity, name in enumerate(NAMES):
        lab = Lab.open(home, name)
        edits = lab.history()
        assert [edit.seq for edit in edits] == list(range(1, THREADS * EDITS // 2 + 1))
        assert lab.verify() == []
        assert Counter(e.author for e in edits) == {f"writer {t}": EDITS for t in range(parity, THREADS, 2)}
        for thread in range(parity, THREADS, 2):
            written = [e.remembers for e in edits if e.author == f"writer {thread}"]
            assert written == [(f"Word {thread} {n}.",) for n in range(EDITS)]


def test_eight_threads_teach_fifty_texts_each_in_two_workspaces(tmp_path: Path) -> None:
    Lab.open(tmp_path).workspaces.create("second")
    labs = [Lab.open(tmp_path, name) for name in NAMES]

    def write(thread: int) -> None:
        lab = labs[thread % 2]
        for n in range(EDITS):
            edit = lab.teach(f"Word {thread} {n}.", author=f"writer {thread}")
            assert lab.article(edit.remembers[0]).id == f"edit:{edit.seq}"  # seen at once

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(THREADS)))
    check(tmp_path)


def test_two_processes_teach_the_same(forked: Forks, tmp_path: Path) -> None:
    Lab.open(tmp_path).workspaces.create("second")
    processes = [forked.start(textwrap.dedent(WRITER), str(tmp_path), *half) for half in ("0123", "4567")]
    assert [process.wait().returncode for process in processes] == [0, 0]
    check(tmp_path)


def test_an_open_lab_sees_what_another_process_edits_at_the_next_question(
    forked: Forks, built_home: Path, tmp_path: Path
) -> None:
    def command(*arguments: str) -> Any:
        return forked.memlab(*arguments, "--json", "--home", str(tmp_path)).document()

    shutil.copytree(built_home / "datastores", tmp_path / "datastores", copy_function=os.link)
    lab = Lab.open(tmp_path)
    question = "The capital of Wakanda is [MASK]."
    before = lab.ask(question)
    command("teach", "The capital of Wakanda is Birnin.")
    taught = lab.ask(question)
    assert (taught.as_of, taught.neighbors[0].source, taught.answer) == (1, "edit:1", "Birnin")
    assert command("ask", question)["neighbors"][0]["source"] == "edit:1"
    lab.undo()
    assert command("ask", question)["neighbors"] == before.to_dict()["neighbors"]
    assert lab.ask(question).neighbors == before.neighbors


def test_a_workspace_made_anew_under_the_same_name_is_another_one(tmp_path: Path) -> None:
    lab = Lab.open(tmp_path)
    lab.workspaces.create("seminar")
    there = Lab.open(tmp_path, "seminar")
    there.teach("The capital of Wakanda is Birnin.")
    there.teach("The capital of Zembla is Onhava.")
    assert [a.id for a in there.articles()][-2:] == ["edit:1", "edit:2"]
    lab.workspaces.delete("seminar", "seminar")
    lab.workspaces.create("seminar")
    assert there.articles() == lab.articles()
    there.teach("The capital of Lilliput is Mildendo.")
    assert there.articles()[-1].text == "The capital of Lilliput is Mildendo."
    assert len(there.articles()) == len(lab.articles()) + 1
