"""Calibration, probes and benches beside what they shorten or summarize."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from memlab.bench.asking import bench_build, bench_indexes, bench_mix, p50_p95
from memlab.bench.reading import bench_large
from memlab.corpus.world import atlas
from memlab.evaluate.calibration import LAMBDAS, _scores, calibrate
from memlab.evaluate.probes import probe, table
from memlab.evaluate.questions import VALIDATION, Asked, Question, fact_questions, is_validation
from memlab.lab import Lab
from memlab.lm.model import LanguageModel
from memlab.memory.building import Order, build
from memlab.memory.datastore import Datastore
from memlab.memory.search import Found
from memlab.reading.mixing import knn_memory, mix
from memlab.reading.mixture import KnnMixture, MixtureInputs
from memlab.reading.states import States
from memlab.results import Article, Fact, lambda_gate
from memlab.systems.registry import registry

V, B, K = 30, 25, 8
METHODS = registry().methods
Load = Callable[[str], LanguageModel]


@pytest.fixture
def asked() -> Asked:
    """Questions with random answers of model and memory; now and then fewer neighbors than K."""
    rng = np.random.default_rng(0)
    logp = np.log(rng.dirichlet(np.full(V, 0.1), size=B) + 1e-12)
    logp -= np.log(np.exp(logp).sum(1, keepdims=True))
    found = []
    for i in range(B):
        entries = np.where(np.arange(K) < (K if i % 5 else 3), rng.integers(0, 100, K), -1)
        values = np.where(entries >= 0, rng.integers(0, V, K), -1)
        distances = np.where(entries >= 0, np.sort(rng.uniform(0, 9, K)), np.inf)
        found.append(Found(entries[None], values[None], distances[None], 100))
    answers = [int(found[i].values[0, 0]) if i % 2 else int(logp[i].argmax()) for i in range(B)]
    return Asked([Question(f"q{i}", a) for i, a in enumerate(answers)], states_of(logp), Found.stacked(found))


def states_of(logp: np.ndarray) -> States:
    """Questions that a model answered, without keys."""
    nothing = torch.zeros(len(logp), 1)
    return States(np.ones(len(logp), bool), nothing, nothing, torch.from_numpy(np.asarray(logp)))


@pytest.mark.parametrize(("name", "spread"), [("bert-knn", "scale"), ("knn-lm", "temperature")])
def test_the_grid_of_calibration_is_the_method_itself(name: str, spread: str, asked: Asked) -> None:
    right, score = _scores(METHODS[name], asked, 0.7)
    for i, lam in enumerate(LAMBDAS):
        hits, logs = 0, []
        assert asked.found is not None
        for n, (question, logp) in enumerate(zip(asked.questions, asked.logp, strict=True)):
            found = asked.found.row(n)
            settings = METHODS[name].settings(**{spread: 0.7})
            memory = knn_memory(METHODS[name], found.distances[0], found.values[0], V, settings)
            mixed = mix(logp, memory.logp, float(lam))
            hits += int(mixed.argmax() == question.answer)
            logs.append(mixed[question.answer])
        assert right[i] == pytest.approx(hits / B)
        assert score[i] == pytest.approx(np.mean(logs))


def test_calibration_finds_allowed_settings_for_its_store(
    tiny_lm: Load, documents: list[Article], tmp_path: Path
) -> None:
    lm = tiny_lm("modernbert")
    store = Datastore(build(tmp_path, lm, documents, Order("mine", ("transform",)))[0])
    paris = lm.tokenizer.convert_tokens_to_ids("Paris")
    questions = [Question("The capital of France is [MASK].", paris), Question("Text 3: it lies in [MASK].", paris)]
    best = calibrate(METHODS["bert-knn"], lm, store, questions, 16)
    assert set(best.settings) == {"k", "scale", "lam", "key"}
    assert best.settings["key"] == "transform"
    assert best.settings["lam"] in LAMBDAS
    assert best.questions == 2
    assert best.p_at_1 >= 0.5
    METHODS["bert-knn"].settings(**best.settings)


def test_a_fifth_of_the_facts_is_for_calibration() -> None:
    share = sum(map(is_validation, atlas().facts)) / len(atlas().facts)
    assert share == pytest.approx(VALIDATION, abs=0.03)


def test_only_facts_whose_object_is_one_token_are_asked(tiny_lm: Load) -> None:
    facts = [Fact("France", "capital", "Paris"), Fact("France", "capital", "Nowhere City")]
    for name in ("bert", "llama"):
        (question,) = fact_questions(atlas(), tiny_lm(name), facts)
        assert question.fact == facts[0]
        assert tiny_lm(name).words[question.answer] == "Paris"
        assert ("[MASK]" in question.prompt) == (name == "bert")


def test_scores_count_right_answers_by_exposure(tiny_lm: Load) -> None:
    world = atlas()
    facts = [world.select("capital", e)[0] for e in ("frequent", "unseen")]
    words = [facts[0].object, facts[1].object, "Berlin", "gold"]
    near = Found(np.array([[0, 1]]), np.array([[1, 1]]), np.array([[0.1, 0.2]]), 2)
    questions = [Question("a", 0, facts[0]), Question("b", 1, facts[1])]
    logp = np.log([[0.8, 0.1, 0.05, 0.05], [0.1, 0.1, 0.1, 0.7]])
    method = METHODS["bert-knn"]
    asked = Asked(questions, states_of(logp), Found.stacked([near, near]))
    lam = np.full(2, 0.3)
    mixture = KnnMixture(
        MixtureInputs(tiny_lm("bert"), asked.states, 4, asked.found), lam, 6.0, lambda_gate("constant")
    )
    rows = probe(world, words, asked, mixture)
    assert [r.answers for r in rows] == [
        {"lm": words[0], "knn": words[1], "mixture": words[0]},
        {"lm": "gold", "knn": words[1], "mixture": "gold"},
    ]
    assert rows[1].kind_right == {"lm": False, "knn": True, "mixture": False}
    of = {(r["exposure"], r["method"]): r for r in table(world, rows, method.name)}
    assert of["all", "lm"]["p@1"] == 0.5
    assert of["all", "knn"]["p@1"] == 0.5
    assert of["frequent", "bert-knn"]["p@1"] == 1.0
    assert of["unseen", "bert-knn"]["p@1"] == 0.0
    assert ("rare", "lm") not in of
    low, high = of["all", "lm"]["interval"]
    assert (low, high) == pytest.approx((0.0945, 0.9055), abs=1e-3)  # Wilson, 1 of 2


def test_percentiles_are_in_milliseconds() -> None:
    assert p50_p95([0.001] * 19 + [0.1])["p50_ms"] == pytest.approx(1)
    assert p50_p95([0.002])["p95_ms"] == pytest.approx(2)


def test_benches_say_what_they_measured(
    tiny: Callable[[str], Path], tiny_lm: Load, documents: list[Article], tmp_path: Path
) -> None:
    lab = Lab.open(tmp_path)
    lab.build(documents, "mine", str(tiny("modernbert")), ("last",))

    def ask(prompt: str, method: str, **settings: float) -> object:
        return lab.ask(prompt, method, datastore="mine", **settings)  # type: ignore[arg-type]

    mixing = bench_mix(ask, "bert-knn", "The capital of France is [MASK].", 5)  # type: ignore[arg-type]
    assert mixing["name"] == "re-mix bert-knn"
    assert mixing["p95_ms"] >= mixing["p50_ms"] > 0
    for name, key in (("modernbert", "last"), ("llama", "last")):
        row = bench_build(tiny_lm(name), documents, key)
        assert row["tokens"] > 500
        assert row["ratio"] == pytest.approx(row["tokens_per_s"] / row["bare_tokens_per_s"])
    store = Datastore(tmp_path / "datastores/mine")
    rows = list(bench_indexes(store, k=4, queries=10))
    assert [r["name"] for r in rows] == [f"index {recipe}" for recipe in ("flat", "ivf", "hnsw", "fastscan", "rabitq")]
    assert all(0 < r["recall"] <= 1 for r in rows)


def test_the_bench_of_a_large_memory_measures_what_its_passages_fill(
    tiny_lm: Load, documents: list[Article], tmp_path: Path
) -> None:
    row = bench_large(tmp_path, tiny_lm("llama"), documents, entries=400, width=16, together=2)
    assert row["entries"] >= 400
    assert (row["width"], row["k"], row["index"], row["recall"]) == (16, 64, "flat", 1.0)
    assert row["ratio"] == pytest.approx(row["tokens_per_s"] / row["bare_tokens_per_s"])
    assert row["ok"] == (row["ratio"] >= 0.5)
