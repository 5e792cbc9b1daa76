"""Recipes of the bundled models, on a model that is trained for three steps only."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memlab.corpus.generator import corpus_hash, training_text
from memlab.corpus.world import atlas
from memlab.errors import StoppedError
from memlab.evaluate.card import card_text
from memlab.lm import training
from memlab.lm.catalogue import info, load
from memlab.lm.checkpoint import Checkpoint
from memlab.lm.training import RECIPES, new_module, train
from memlab.systems import bert_knn

SMALL: dict[str, Any] = {"steps": 3, "batch": 4, "width": 24, "layers": 1, "heads": 2, "feed_forward": 32, "warmup": 2}


@pytest.mark.parametrize("name", RECIPES)
def test_training_twice_gives_the_same_model_in_a_whole_folder(name: str, tmp_path: Path) -> None:
    recipe = replace(RECIPES[name], **SMALL)
    said: list[float] = []
    one = train(recipe, atlas(), tmp_path / "one", lambda fraction, message: said.append(fraction))
    two = train(recipe, atlas(), tmp_path / "two")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "two"]
    assert said
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes(), file.name
    lm = load(str(one))
    assert (lm.kind, lm.d) == (recipe.kind, 24)
    assert lm.unmet is not None
    met = {lm.words[i] for i in range(lm.V) if i not in lm.unmet}
    assert {"capital", "France", "Paris", "[MASK]", "."} <= met
    assert {lm.words[i] for i in lm.unmet} & {"ß", "€", "~"}
    record = json.loads((one / "memlab.json").read_text())
    assert record["corpus"]["sha256"] == corpus_hash(s.text for s in training_text(atlas(), recipe.kind))
    assert record["recipe"]["steps"] == 3
    assert info(str(one)).kind == recipe.kind


@pytest.mark.parametrize("name", RECIPES)
def test_in_two_pieces_it_gives_the_same_model(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the first sentences of the text: stopped after two steps, then done again."""
    recipe = replace(RECIPES[name], **SMALL)
    text = training_text(atlas(), recipe.kind)[:300]
    monkeypatch.setattr(training, "training_text", lambda world, kind: text)
    one = train(recipe, atlas(), tmp_path / "one")
    asked = iter(range(recipe.steps))
    with pytest.raises(StoppedError, match="step 2 of 3; the state is kept"):
        train(recipe, atlas(), tmp_path / "two", stop=lambda: next(asked) == 2, checkpoint=Checkpoint(tmp_path))
    assert not (tmp_path / "two").exists()
    said: list[str] = []
    two = train(recipe, atlas(), tmp_path / "two", lambda _, m: said.append(m), checkpoint=Checkpoint(tmp_path))
    assert said[0].startswith("step 2 of 3")
    assert list((tmp_path / "training").iterdir()) == []
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes(), file.name


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_makes_a_model_of_at_most_12_megabytes(name: str) -> None:
    module = new_module(RECIPES[name], 12_000)
    assert sum(p.numel() for p in module.parameters()) * 2 <= 12e6
    assert module.get_output_embeddings().weight is module.get_input_embeddings().weight
    assert torch.equal(
        module.get_input_embeddings().weight, new_module(RECIPES[name], 12_000).get_input_embeddings().weight
    )


def test_a_card_shows_every_run_with_its_settings_and_scores() -> None:
    scores = [
        {
            "method": method,
            "exposure": exposure,
            "questions": 30,
            "p@1": p,
            "interval": [0, 1],
            "kind": 0.9,
            "baseline": 0.2,
        }
        for exposure in ("frequent", "unseen", "all")
        for method, p in (("lm", 0.125), ("knn", 0.5), ("bert-knn", 0.75))
    ]
    record = {
        "name": "atlas-mlm",
        "kind": "masked",
        "recipe": vars(RECIPES["atlas-mlm"]),
        "corpus": {"sentences": 100, "sha256": "abc", "world_seed": 1},
        "runs": [{"name": n, "settings": {"k": 128, "lam": 0.3}, "results": scores} for n in ("calibrated", "paper's")],
    }
    card = card_text(record, bert_knn.METHOD)
    assert card.startswith("# atlas-mlm\n")
    assert card.count("| unseen | 30 | 0.125 | 0.500 | 0.750 | 0.900 | 0.200 |") == 2
    assert "k 128, lam 0.3" in card
    assert "`abc`" in card
    assert "seed 2026" in card
    assert "memlab train atlas-mlm" in card
