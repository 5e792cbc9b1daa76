"""A home folder in which nothing is built yet: questions are answered all the same."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from memlab.bundle import assets
from memlab.errors import InputError, MemlabError
from memlab.lab import Lab
from memlab.lm.catalogue import BUNDLED
from memlab.memory.datastore import open_store
from tests.first_reading import first_reading, kept

MODELS = pytest.mark.skipif(
    any(not (assets() / "models" / name / "config.json").is_file() for name in BUNDLED),
    reason="no bundled models in assets/models",
)


@MODELS
@pytest.mark.parametrize(
    ("prompt", "search"),
    [
        ("The capital of France is [MASK].", "articles"),
        ("Germany and gold are [MASK].", "articles"),
        ("The capital of Germany is", "articles"),
    ],
)
def test_the_first_answer_is_that_of_the_finished_memory(
    prompt: str, search: str, built_home: Path, tmp_path: Path
) -> None:
    new, built = Lab.open(tmp_path), Lab.open(built_home)
    settings: dict[str, Any] = {"k": 64, "search": search, "lam": 0.5}
    first, later = new.ask(prompt, **settings), built.ask(prompt, **settings)
    assert [s.state for s in new.datastores()] == ["missing"] * len(BUNDLED)
    assert not (tmp_path / "datastores").exists()
    assert first.model == later.model
    assert first.articles == later.articles
    assert (first.searched, first.entries) == (later.searched, later.entries)
    assert first.answer == later.answer
    # one of the two may have been encoded within a batch: the last bits then differ, the numbers do not
    assert np.allclose(first.lm.logp, later.lm.logp, rtol=0, atol=1e-4)
    if first.settings["key"] == later.settings["key"]:
        one = {n.entry: n.distance for n in first.neighbors}
        two = {n.entry: n.distance for n in later.neighbors}
        assert len(set(one) & set(two)) >= 0.9 * len(two)
        assert all(one[e] == pytest.approx(two[e], rel=0.02, abs=0.02) for e in set(one) & set(two))
        same = {n.entry: (n.document, n.start, n.end, n.value) for n in first.neighbors}
        assert all(same[n.entry] == (n.document, n.start, n.end, n.value) for n in later.neighbors if n.entry in same)


@MODELS
def test_a_search_over_all_entries_is_limited_and_says_so(tmp_path: Path) -> None:
    p = Lab.open(tmp_path).ask("The capital of France is [MASK].", search="all")
    assert any("still being built" in notice for notice in p.notices)
    assert p.articles == ("France",)


@MODELS
def test_bad_input_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    lab = Lab.open(tmp_path)
    for prompt, settings in (("", {}), ("no mask", {"method": "bert-knn"}), ("France [MASK]", {"k": 0})):
        with pytest.raises(InputError):
            lab.ask(prompt, **settings)
    with pytest.raises(MemlabError, match=r"other|nonsense|needs a"):
        lab.ask("France [MASK]", datastore="atlas-clm", method="bert-knn")
    for method in ("knn-lm", "spalm", "spalm+knn-lm"):
        for go in (lab.generate, lab.read):
            for text, settings in (("  ", {}), ("The capital of France is", {"k": 0}), ("A [MASK] b", {"k": -1})):
                with pytest.raises(InputError):
                    go(text, method, **settings)
    assert not (tmp_path / "datastores").exists()


@MODELS
def test_another_model_is_refused_on_a_memory_that_is_not_built(tmp_path: Path) -> None:
    """As on the finished one: the keys would belong to other weights."""
    other = tmp_path / "other"
    shutil.copytree(assets() / "models/atlas-mlm", other)
    raw = bytearray((other / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (other / "model.safetensors").write_bytes(raw)
    with pytest.raises(MemlabError, match="nonsense"):
        Lab.open(tmp_path / "home").ask("The capital of France is [MASK].", model=str(other), datastore="atlas-mlm")


@MODELS
def test_articles_and_facts_are_there_before_anything_is_built(tmp_path: Path) -> None:
    lab = Lab.open(tmp_path)
    assert lab.article("France", "atlas-mlm").text
    assert len(lab.facts()) >= 3000
    assert lab.building.preparation() is None


def test_what_is_built_belongs_to_this_world(built_home: Path) -> None:
    lab = Lab.open(built_home)
    for name in BUNDLED:
        store = open_store(built_home, name)
        assert store.documents.articles == lab.articles()
        assert store.meta.calibrated
        assert store.meta.versions["torch"]
        assert len(store) == store.index.ntotal


def test_building_again_does_nothing(built_home: Path) -> None:
    metas = sorted(built_home.glob("datastores/*/meta.json"))
    before = [m.stat().st_mtime_ns for m in metas]
    said: list[float] = []
    Lab.open(built_home).building.bundled(lambda fraction, message: said.append(fraction))
    assert [m.stat().st_mtime_ns for m in metas] == before
    assert said
    assert set(said) == {1.0}


def test_preparation_of_a_finished_home_does_nothing(built_home: Path) -> None:
    lab = Lab.open(built_home)
    before = lab.building.preparation()
    lab.prepare(background=False)
    assert lab.building.preparation() == before
    assert {s.state for s in lab.datastores() if s.name in BUNDLED} == {"ready"}


def test_reading_builds_the_memory_that_it_needs_whole(built_datastores: Path, tmp_path: Path) -> None:
    found = kept(built_datastores.parent / "first-reading.json") or first_reading(tmp_path)
    assert found.datastore == "atlas-clm-ffn"
    assert found.neighbors
    assert all(found.neighbors)
    assert "calibrating" in found.heard
    assert found.ready == ["atlas-clm", "atlas-clm-ffn"]
    assert found.generated


@pytest.mark.parametrize("method", ["knn-lm", "spalm"])
def test_reading_while_the_memory_is_being_built_says_so(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab.open(tmp_path)
    monkeypatch.setattr("memlab.lab.preparing.preparation", lambda context: SimpleNamespace(over=False))
    with pytest.raises(InputError, match="'atlas-clm' is still being built; reading needs all of it"):
        lab.read("The capital of France is Paris.", method)
    with pytest.raises(InputError, match="The prompt is empty"):
        lab.ask(" ", "spalm")
    assert lab.read("The capital of France is Paris.", "base").summary["perplexity"] > 1
