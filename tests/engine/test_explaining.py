"""Why an answer came out: dry runs against real edits, views against the engine's own answers."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from memlab import Lab
from memlab.cli import main
from memlab.errors import InputError, NotFound
from memlab.results import Gate, lambda_gate

TITLED = {"bert-knn": "The capital of France is [MASK].", "knn-lm": "The capital of France is"}
FREE = {"bert-knn": "What people speak in [MASK] is Spanish.", "knn-lm": "What people speak there is"}
WAKANDA = {"bert-knn": "The capital of Wakanda is [MASK].", "knn-lm": "The capital of Wakanda is"}


@pytest.fixture
def own(built_home: Path, tmp_path: Path) -> Lab:
    """A home of its own with the built datastores, so that edits reach no other test."""
    shutil.copytree(built_home / "datastores", tmp_path / "datastores", copy_function=os.link)
    return Lab.open(tmp_path)


@pytest.mark.parametrize("search", ["articles", "all"])
@pytest.mark.parametrize("method", ["bert-knn", "knn-lm"])
def test_dropping_neighbors_is_what_forgetting_them_does(own: Lab, method: str, search: str) -> None:
    own.teach("The capital of Wakanda is Birnin.")
    for prompt in (TITLED[method], FREE[method], WAKANDA[method]):
        p = own.ask(prompt, method, search=search, k=20)
        gone = [p.neighbors[i].entry for i in (0, 1, 5)]
        dry = own.again(p, without=gone)
        assert dry.without == tuple(gone)
        assert own.ask(prompt, method, search=search, k=20).to_dict(5)["mixture"] == p.to_dict(5)["mixture"]
        own.forget(entries=gone, datastore=p.datastore)
        real = own.ask(prompt, method, search=search, k=20)
        for a, b in ((dry.mixture, real.mixture), (dry.knn, real.knn), (dry.lm, real.lm)):
            assert np.array_equal(a.logp, b.logp)
            assert list(a.words) == list(b.words)
        assert [n.to_dict() for n in dry.neighbors] == [n.to_dict() for n in real.neighbors]
        assert dry.articles == real.articles
        own.undo()


def test_what_is_no_entry_cannot_be_dropped(lab: Lab) -> None:
    with pytest.raises(NotFound, match="no entry 999999999"):
        lab.ask(TITLED["bert-knn"], without=[999_999_999])


def test_the_smallest_set_is_confirmed_and_no_single_neighbor_does_it(lab: Lab) -> None:
    p = lab.ask(TITLED["bert-knn"])
    found = lab.explain.smallest_set(p)
    assert found.bound == "minimal"
    assert len(found.removed) == 2
    assert lab.again(p, without=found.entries).answer == found.after != p.answer
    assert {lab.again(p, without=[n.entry]).answer for n in p.neighbors} == {p.answer}
    with pytest.raises(InputError, match="already left out"):
        lab.explain.smallest_set(lab.again(p, without=found.entries))
    computed = replace(p, gate=Gate(lambda_gate("learned"), 0.5, 0.5))
    with pytest.raises(InputError, match="constant lambda"):
        lab.explain.smallest_set(computed)
    with pytest.raises(InputError, match=r"over 'k', which may change its gate 'learned'. Allowed: gate\."):
        lab.explain.sweep(computed, "k")


def test_a_set_is_no_minimum_where_forgetting_may_change_the_articles(lab: Lab) -> None:
    p = lab.ask(FREE["bert-knn"], lam=0.95)
    found = lab.explain.smallest_set(p)
    assert found.after not in (None, p.answer)
    assert found.bound == ("minimal" if len(found.removed) == 1 else "upper bound")
    assert lab.explain.smallest_set(lab.ask(TITLED["knn-lm"], lam=0.0)).bound == "none"


@pytest.mark.parametrize("method", ["bert-knn", "knn-lm"])
def test_a_sweep_says_what_single_questions_say(lab: Lab, method: str) -> None:
    p = lab.ask(FREE[method], method)
    for over in ("lam", "k", "scale" if method == "bert-knn" else "temperature"):
        swept = lab.explain.sweep(p, over, points=9)
        for value, answer, row in zip(swept.values.tolist(), swept.answers, swept.mixture, strict=True):
            alone = lab.again(p, **{over: value})
            assert answer == alone.answer
            first = alone.mixture[0]
            assert first.p == pytest.approx(row[swept.words.index(first.token)], abs=1e-9)
        assert swept.current in swept.values or over == "k"
        for turn in swept.turns[:2]:
            value = int(turn.at) if over == "k" else min(turn.at * (1 + 1e-3), 1.0 if over == "lam" else np.inf)
            assert lab.again(p, **{over: value}).answer == turn.after


def test_hiding_a_word_of_a_causal_prompt_is_asking_without_it(lab: Lab) -> None:
    p = lab.ask(TITLED["knn-lm"])
    result = lab.explain.occlusion(p)
    assert [w.text for w in result.words] == ["The", "capital", "of", "France", "is"]
    assert result.change.shape == (5, len(p.neighbors))
    shorter = lab.again(lab.ask("The capital of is"), k=4096)
    distance = {n.entry: n.distance for n in shorter.neighbors}
    shared = [(n, change) for n, change in zip(p.neighbors, result.change[3], strict=True) if n.entry in distance]
    assert len(shared) > 3
    for n, change in shared:
        assert n.distance + change == pytest.approx(distance[n.entry], abs=1e-3)
    assert result.words[3].p_answer == pytest.approx(shorter.lm.of(p.mixture[0].id), abs=1e-5)


def test_the_subject_brings_the_neighbors_of_a_cloze(lab: Lab) -> None:
    result = lab.explain.occlusion(lab.ask(TITLED["bert-knn"]))
    assert result.way == "mask"
    assert max(result.words, key=lambda word: word.mean_change).text == "France"


@pytest.mark.parametrize("method", ["bert-knn", "knn-lm"])
def test_the_last_layer_says_what_the_model_says(lab: Lab, method: str) -> None:
    p = lab.ask(TITLED[method])
    result = lab.explain.layers(p)
    assert (result.right, result.right_from, result.kind) == (("Paris",), "fact", "city")
    word = next(w for w in p.lm if w.token == "Paris")
    assert result.layers[-1].right == pytest.approx(word.p, abs=1e-5)
    assert [w.token for w in result.layers[-1].top] == [w.token for w in p.lm.top(5)]
    for reading in result.layers:
        assert reading.kind is not None
        assert reading.right <= reading.kind <= 1 + 1e-9
    free = lab.explain.layers(lab.ask(FREE["bert-knn"]))
    assert (free.right_from, free.kind_from) == ("answer", "answer")


def test_a_map_holds_every_neighbor_and_others_on_demand(lab: Lab) -> None:
    p = lab.ask(TITLED["bert-knn"], k=30)
    few, more = lab.explain.map(p), lab.explain.map(p, others=True)
    assert [m.neighbor for m in few.points[1:]] == list(p.neighbors)
    assert lab.explain.map(p).to_dict()["points"] == few.to_dict()["points"]
    others = [m.neighbor.token for m in more.points if m.role == "other" and m.neighbor]
    assert others
    assert not set(others) & {n.token for n in p.neighbors}
    assert 0 < few.kept <= 1


def test_health_is_measured_once_for_each_state_of_memory(own: Lab) -> None:
    p = own.ask(TITLED["bert-knn"])
    health = own.explain.health(p)
    assert health.keys is own.explain.health(own.ask(FREE["bert-knn"])).keys
    assert health.keys.chance < health.keys.same_value < 1
    assert health.distance == pytest.approx(own.ask(p.prompt, search="all").neighbors[0].distance, abs=1e-4)
    own.forget(document="France")
    after = own.explain.health(own.ask("The capital of Germany is [MASK]."))
    assert after.keys is not health.keys
    assert own.explain.health(p).keys is health.keys
    assert after.keys.entries < health.keys.entries


def test_the_command_line_has_the_same_figures(lab: Lab) -> None:
    ask = ["ask", TITLED["bert-knn"], "--home", str(lab.home), "--sweep", "k", "--explain"]
    document = json.loads(CliRunner().invoke(main, [*ask, "--json", "--top", "3"]).stdout)
    p = lab.ask(TITLED["bert-knn"])
    same = {
        "sweep": lab.explain.sweep(p, "k"),
        **{"layers": lab.explain.layers(p), "smallest_set": lab.explain.smallest_set(p)},
    }
    shown = {"sweep": document["sweep"], **document["explain"]}
    for name, result in same.items():
        assert {**shown[name], "ms": 0} == {**json.loads(json.dumps(result.to_dict())), "ms": 0}
    assert [w["text"] for w in shown["occlusion"]["words"]] == ["The", "capital", "of", "France", "is"]

    entry = str(p.neighbors[0].entry)
    document = json.loads(CliRunner().invoke(main, [*ask[:4], "--without", entry, "--json"]).stdout)
    assert document["without"] == [int(entry)]
    assert entry not in {str(n["entry"]) for n in document["neighbors"]}
    assert "instead of Paris without 2 (minimal)" in CliRunner().invoke(main, ask).stdout
    wrong = CliRunner().invoke(main, [*ask[:4], "--sweep", "temperature"])
    assert wrong.exit_code == 1
    assert "Allowed: k, scale, lam" in wrong.output
