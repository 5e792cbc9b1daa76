"""The text and training of `atlas-qa`, its card, and answers of models of both kinds."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from memlab.bundle import assets
from memlab.errors import InputError, StoppedError
from memlab.lab import Lab
from memlab.lm.catalogue import load
from memlab.systems.beliefbank.answers import Question
from memlab.systems.beliefbank.bank import Belief
from memlab.systems.beliefbank.bundled import bundled_graph
from memlab.systems.beliefbank.constraints import ConstraintGraph
from memlab.systems.beliefbank.graph_files import to_own
from memlab.systems.beliefbank.model_answers import ModelAnswerer
from memlab.systems.beliefbank.phrasing import question
from memlab.systems.beliefbank.prompts import PLAIN, Prompt
from memlab.systems.beliefbank.qa_card import write_card
from memlab.systems.beliefbank.qa_text import MADE_UP, Sampling, held_out, passages, told_facts
from memlab.systems.beliefbank.qa_training import QaRecipe, train_qa, word_tokenizer


def test_only_some_facts_are_told_and_some_of_them_wrong() -> None:
    graph, sampling = bundled_graph(), Sampling()
    told = told_facts(graph, sampling, 3)
    assert told == told_facts(graph, sampling, 3)
    assert all(len(facts) == sampling.true + sampling.false for facts in told.values())
    wrong = [label != graph.entities[n].facts[p] for n, facts in told.items() for p, label in facts.items()]
    assert sum(wrong) / len(wrong) == pytest.approx(sampling.wrong, abs=0.02)


def test_nothing_is_told_of_held_out_entities() -> None:
    graph, sampling = bundled_graph(), Sampling(held=0.3, made_up=0.2)
    held = held_out(graph, sampling, 1)
    assert len(held) == round(0.3 * len(graph.split(False)))
    assert not {e.name for e in graph.split(True)} & set(held)
    assert not set(told_facts(graph, sampling, 1)) & set(held)
    said = " ".join(
        text for passage in itertools.islice(passages(graph, sampling, 1), 3000) for text, _ in passage
    ).lower()
    assert not re.search(rf"\b(a|an|does|is|can) ({'|'.join(held)}) (is|has|can|a|an|have|made)\b", said)


def test_questions_without_statements_are_about_told_facts_or_made_up_names() -> None:
    graph, sampling = bundled_graph(), Sampling()
    told = told_facts(graph, sampling, 5)
    known = {question(graph.entities[n], p): label for n, facts in told.items() for p, label in facts.items()}
    bare = 0
    for passage in itertools.islice(passages(graph, sampling, 5), 2000):
        if passage[0][1] is None or any(f" {name} " in f" {passage[0][0].lower()} " for name in MADE_UP):
            continue
        bare += 1
        for text, label in passage:
            assert known[text] == label
    assert bare > 50


def test_every_word_is_a_token() -> None:
    graph = bundled_graph()
    tokenizer = word_tokenizer(graph, 128)
    for entity in list(graph.entities.values())[::10]:
        ids = tokenizer(question(entity, graph.properties[7]))["input_ids"]
        assert tokenizer.unk_token_id not in ids
    assert tokenizer.unk_token_id in tokenizer("Is a unicorn alive?")["input_ids"]


def a_part_of(graph: ConstraintGraph) -> ConstraintGraph:
    """Ten entities for testing and six for calibration, with forty properties."""
    kept = [*graph.split(False)[:10], *graph.split(True)[:6]]
    few = {e.name: replace(e, facts=dict(list(e.facts.items())[::6])) for e in kept}
    names = set(few[kept[0].name].facts)
    rules = [c for c in graph.constraints if names.issuperset(c.properties)]
    return ConstraintGraph("part", "part", tuple(rules), few)


def test_training_writes_a_model_that_loads_and_a_card(tmp_path: Path) -> None:
    graph = a_part_of(bundled_graph())
    recipe = QaRecipe(name="tiny", steps=2, batch=8, width=32, layers=1, sampling=Sampling(held=0.1))
    folder = train_qa(graph, tmp_path / "tiny", recipe)
    again = train_qa(graph, tmp_path / "again", recipe)
    lm = load(str(folder))
    assert lm.kind == "causal"
    assert torch.equal(lm.module.lm_head.weight, load(str(again)).module.lm_head.weight)
    assert set(ModelAnswerer(lm, graph, PLAIN).held_out) == set(held_out(graph, recipe.sampling, recipe.seed))
    write_card(folder, graph, lambda fraction, message: None)
    card = (folder / "README.md").read_text("utf-8")
    assert "entities are left out of the text" in card
    assert f"{json.loads((folder / 'memlab.json').read_text())['scores']['f1']:.3f}" in card
    with pytest.raises(StoppedError):
        train_qa(graph, tmp_path / "stopped", recipe, stop=lambda: True)
    assert not (tmp_path / "stopped").exists()


def test_a_small_model_is_tested_on_entities_that_it_never_met(tmp_path: Path) -> None:
    data, lab = tmp_path / "part.json", Lab.open(tmp_path / "home")
    data.write_text(json.dumps(to_own(a_part_of(bundled_graph()))), "utf-8")
    given = {"data": str(data), "name": "small", "steps": 2, "held": 0.3, "orders": 1, "batches": 2}
    found = lab.run("beliefbank", "transfer", **given).to_dict()
    record = json.loads((lab.home / "models" / "small" / "memlab.json").read_text("utf-8"))
    assert len(record["corpus"]["held_out"]) == 3
    assert found["settings"]["test_entities"] == 3
    assert {r["method"] for r in found["results"]} == {
        "raw", "on-topic", "relevant", "constraints", "relevant+constraints",
    }  # fmt: skip
    assert found["calibration"]["prompt"]["name"] == "question"  # that of its training
    assert found["calibration"]["with context"]["questions"] == found["calibration"]["without context"]["questions"]
    written = (lab.home / "models" / "small" / "model.safetensors").stat().st_mtime_ns
    again = lab.run("beliefbank", "transfer", **{**given, "batches": 1}).to_dict()
    assert (lab.home / "models" / "small" / "model.safetensors").stat().st_mtime_ns == written  # not trained again
    assert again["f1"]["raw"] == found["f1"]["raw"]
    with pytest.raises(InputError, match="another model 'small' already"):
        lab.run("beliefbank", "transfer", **{**given, "steps": 3})


def test_the_bundled_model_is_small_and_has_its_card() -> None:
    folder = assets() / "models" / "atlas-qa"
    assert sum(f.stat().st_size for f in folder.iterdir()) < 12e6
    record = json.loads((folder / "memlab.json").read_text("utf-8"))
    card = (folder / "README.md").read_text("utf-8")
    assert f"AUC {record['calibration']['auc']:.3f}" in card
    assert f"F1 on True is then {record['scores']['f1']:.3f}" in card
    assert record["scores"]["consistency"] < 0.95  # it contradicts itself


def test_the_bundled_model_uses_what_it_is_told() -> None:
    graph = bundled_graph()
    answerer = ModelAnswerer(load("atlas-qa"), graph, PLAIN)
    names = list(graph.entities)[::5]
    told = {}
    for kind in ("IsA,artifact", "IsA,animal"):
        asked = [
            Question(n, "HasProperty,made by people", (Belief(n, kind, True), Belief(n, "HasProperty,tall", False)))
            for n in names
        ]
        told[kind] = [a.score for a in answerer.ask(asked)]
    higher = [a > b for a, b in zip(told["IsA,artifact"], told["IsA,animal"], strict=True)]
    assert sum(higher) >= 0.9 * len(higher)


def test_an_answer_does_not_depend_on_the_others_of_its_batch() -> None:
    graph = bundled_graph()
    answerer = ModelAnswerer(load("atlas-qa"), graph, PLAIN)
    questions = [Question(n, p) for n in ("swallow", "apple tree", "ferry") for p in graph.properties[:40]]
    together = answerer.ask(questions)
    for i in (0, 17, 63, 100):
        assert answerer.ask([questions[i]])[0].score == pytest.approx(together[i].score, abs=1e-3)


def test_a_masked_model_answers_at_the_mask() -> None:
    graph, lm = bundled_graph(), load("atlas-mlm")
    prompt = Prompt("own", "{statement} The capital of France is [MASK].", "Paris", "Berlin")
    answer = ModelAnswerer(lm, graph, prompt).ask([Question("swallow", "IsA,bird")])[0]
    typed = answer.prompt.replace("[MASK]", "France")  # the id at the blank does not matter but for its place
    ids = lm.tokenizer(typed)["input_ids"]
    place = len(ids) - 3  # before the full stop and the end
    ids[place] = lm.tokenizer.mask_token_id
    with torch.inference_mode():
        logp = lm.module(input_ids=torch.tensor([ids])).logits[0, place].log_softmax(-1)
    paris, berlin = (lm.tokenizer.convert_tokens_to_ids(word) for word in ("Paris", "Berlin"))
    assert answer.score == pytest.approx(float(logp[paris] - logp[berlin]), abs=1e-3)
    assert answer.label
