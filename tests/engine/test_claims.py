"""The claims of the papers in the small, on a sample of facts and with generous margins.

The exact scores are on the model cards; `memlab evaluate facts` measures them again.
"""

from __future__ import annotations

from functools import cache

import pytest

from memlab.corpus.generator import corpus_hash, training_text
from memlab.corpus.world import atlas
from memlab.evaluate.questions import is_validation
from memlab.lab import Lab
from memlab.lm.catalogue import BUNDLED, info
from memlab.results import Fact

SAMPLE = 90  # facts of each exposure


@pytest.fixture(scope="module")
def scores(lab: Lab) -> dict[tuple[str, str], float]:
    """Share of right answers by (exposure, side) for BERT-kNN; `kind`: the model's answer is of the right kind."""

    @cache
    def ask(fact: Fact) -> dict[str, float]:
        p = lab.ask(lab.question(fact, 1), "bert-knn")
        kind = atlas().names_of_kind[atlas().relations[fact.relation].object_kind]
        sides = {"lm": p.lm, "memory": p.knn, "mixture": p.mixture}
        return {**{s: float(d[0].token == fact.object) for s, d in sides.items()}, "kind": float(p.lm[0].token in kind)}

    out = {}
    for exposure in ("frequent", "rare", "unseen"):
        facts = [f for f in lab.facts(exposure=exposure) if not is_validation(f)]
        sample = facts[:: max(1, len(facts) // SAMPLE)][:SAMPLE]
        for side in ("lm", "memory", "mixture", "kind"):
            out[exposure, side] = sum(ask(f)[side] for f in sample) / len(sample)
    return out


def test_the_model_knows_what_it_read_often(scores: dict[tuple[str, str], float]) -> None:
    assert scores["frequent", "lm"] >= 0.85
    assert scores["frequent", "mixture"] >= 0.85


def test_the_model_knows_less_of_what_it_read_once_and_next_to_nothing_else(
    scores: dict[tuple[str, str], float],
) -> None:
    assert scores["rare", "lm"] <= scores["frequent", "lm"] - 0.1
    assert scores["unseen", "lm"] <= 0.35


def test_the_model_finds_the_kind_where_it_cannot_know_the_answer(scores: dict[tuple[str, str], float]) -> None:
    assert scores["unseen", "kind"] >= 0.8


def test_memory_finds_what_training_never_saw(scores: dict[tuple[str, str], float]) -> None:
    assert scores["unseen", "mixture"] >= 0.7
    assert scores["unseen", "memory"] >= 0.7


def test_together_they_know_more_than_the_model(scores: dict[tuple[str, str], float]) -> None:
    def mean(side: str) -> float:
        return sum(scores[e, side] for e in ("frequent", "rare", "unseen")) / 3

    assert mean("mixture") >= mean("lm") + 0.1


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_was_trained_on_this_world(name: str, built_home: object) -> None:
    record = info(name).record
    assert record["corpus"]["sha256"] == corpus_hash(s.text for s in training_text(atlas(), record["kind"]))
    assert record["recipe"]["seed"] == 2026
    assert info(name).card.startswith("#") or info(name).card.startswith("---")
    assert record["calibrated"]
