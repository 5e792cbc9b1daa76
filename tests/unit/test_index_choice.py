"""Comparing index recipes over a datastore, and changing its index without encoding again."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from memlab.bench.growth import told_again
from memlab.errors import InputError, NotFound, StoppedError
from memlab.lab import Lab
from memlab.memory.datastore import FILES, open_store, verify_store
from memlab.memory.index_choice import LEAST, change_index, compare_indexes
from memlab.results import Article
from tests.commands import document, refused, run_on


@pytest.fixture(scope="module")
def home(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a datastore "mine" of some 3,000 entries."""
    texts = [Article(str(n), "", f"The capital of France is Paris. Germany is near {n % 7}.") for n in range(60)]
    folder = tmp_path_factory.mktemp("indexes")
    Lab.open(folder).build(list(islice(told_again(texts, 20), 12)), "mine", str(tiny("llama")), ("ffn",))
    return folder


def test_every_recipe_is_measured(home: Path) -> None:
    store = open_store(home, "mine")
    heard: list[float] = []
    found = compare_indexes(store, progress=lambda share, message: heard.append(share))
    assert [p.recipe for p in found.points if p.usual or p.lists is None] == [
        "flat",
        "ivf",
        "hnsw",
        "fastscan",
        "rabitq",
    ]
    assert all(0 < p.recall <= 1 and 0 < p.p50_ms <= p.p95_ms for p in found.points)
    assert next(p for p in found.points if p.recipe == "flat").recall == 1.0
    assert {p.recipe for p in found.points if p.in_use} == {"flat"}
    curve = [p.recall for p in found.points if p.recipe == "ivf"]
    assert curve == sorted(curve)  # more lists find no less
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert found.to_dict()["results"][0]["method"] == "flat"


def test_the_index_changes_and_nothing_else(home: Path) -> None:
    before = open_store(home, "mine")
    numbers = {name: os.stat(before.path / name).st_ino for name in FILES}
    after = change_index(home, "mine", "ivf")
    assert (after.fingerprint.index, after.index.ntotal) == ("ivf", len(before))
    assert np.array_equal(after.keys, before.keys)
    changed = {name for name in FILES if os.stat(after.path / name).st_ino != numbers[name]}
    assert changed == {"meta.json", "index.faiss"}
    assert verify_store(home, "mine").state == "verified"
    assert after.meta.calibrated == before.meta.calibrated
    assert change_index(home, "mine", "ivf").fingerprint == after.fingerprint  # the same again: nothing happens
    change_index(home, "mine", "flat")


def test_a_stop_leaves_the_datastore_as_it_was(home: Path) -> None:
    before = {name: (home / "datastores/mine" / name).read_bytes() for name in FILES}
    with pytest.raises(StoppedError, match="unchanged"):
        change_index(home, "mine", "hnsw", stop=lambda: True)
    with pytest.raises(StoppedError):
        compare_indexes(open_store(home, "mine"), stop=lambda: True)
    with pytest.raises(InputError, match="'lsh'"):
        change_index(home, "mine", "lsh")
    assert {name: (home / "datastores/mine" / name).read_bytes() for name in FILES} == before
    assert not (home / "datastores/.mine.index").exists()


def test_the_command_line(home: Path) -> None:
    run = run_on(home)
    assert document(run("index", "mine", "--recipe", "rabitq", "--json"))["index"] == "rabitq"
    printed = run("index", "mine").stdout.splitlines()
    assert printed[0].split()[:3] == ["recipe", "lists", "recall@10"]
    assert [line.split()[0] for line in printed if line.endswith("in use")] == ["rabitq"]
    assert "'none'" in refused(run("index", "none"))


def test_few_entries_are_not_compared(tiny: Callable[[str], Path], documents: list[Article], tmp_path: Path) -> None:
    Lab.open(tmp_path).build(documents[:5], "few", str(tiny("llama")), ("ffn",))
    with pytest.raises(InputError, match=f"from {LEAST:,} entries on"):
        compare_indexes(open_store(tmp_path, "few"))
    with pytest.raises(NotFound, match="'none'"):
        change_index(tmp_path, "none", "flat")
