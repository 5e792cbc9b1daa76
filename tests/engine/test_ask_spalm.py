"""`lab.ask` and `memlab ask` with SPALM, which mixes vectors: its gate, its counterfactuals, what they must equal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from memlab import Lab
from memlab.cli import main
from memlab.errors import InputError
from memlab.lm.catalogue import load
from memlab.lm.prompts import read_prompt
from memlab.memory.datastore import open_store
from memlab.memory.search import search_all
from memlab.systems.spalm.model import SpalmModel, load_encoder

PROMPT = "The capital of France is"


def test_the_gate_is_local_and_the_counterfactuals_are_the_ends(lab: Lab) -> None:
    p = lab.ask(PROMPT, "spalm")
    said = p.to_dict()
    assert said["gate"] == {"kind": "spalm", "local_weight": p.gate.local_weight}
    assert 0 < said["gate"]["local_weight"] < 1
    assert set(said["counterfactuals"]) == {"0", "1"}
    for distribution in (*said["counterfactuals"].values(), said["lm"], said["knn"], said["mixture"]):
        assert sum(word["p"] for word in distribution) == pytest.approx(1, abs=1e-4)
    for gate, g, side in (("local", 1.0, "1"), ("memory", 0.0, "0")):
        forced = lab.ask(PROMPT, "spalm", gate=gate)
        assert forced.gate.local_weight == g
        np.testing.assert_allclose(forced.mixture.p, p.counterfactuals[side].p, atol=1e-7)
    np.testing.assert_allclose(p.lm.p, p.counterfactuals["1"].p, atol=1e-7)
    np.testing.assert_allclose(p.knn.p, p.counterfactuals["0"].p, atol=1e-7)
    assert sum(n.weight for n in p.neighbors) == pytest.approx(1, abs=1e-6)
    assert (len(p.neighbors), p.entries) == (4, p.searched)
    assert (p.tipping.symbol, p.tipping.model_answer, p.tipping.memory_answer) == ("g", p.lm[0].token, p.knn[0].token)


@torch.inference_mode()
def test_it_is_the_papers_formula_over_a_plain_forward_pass(lab: Lab) -> None:
    """z = (1 - g) m + g h from transformers' own states, the embedding and an exhaustive search."""
    p = lab.ask(PROMPT, "spalm")
    lm = load("atlas-spalm")
    assert isinstance(lm, SpalmModel)
    ids = torch.tensor([read_prompt(lm, PROMPT).ids])
    h = lm.module.base_model(input_ids=ids).last_hidden_state[0, -1]
    store, encoder = open_store(lab.home, p.datastore), load_encoder(lm)
    columns = torch.tensor([ids.shape[1] - 1])
    key = encoder.encode(ids, torch.ones_like(ids), torch.tensor([0]), columns, (lm.record.key,)).keys[lm.record.key]
    found = search_all(store, key.float().numpy(), lm.record.K)
    assert [n.entry for n in p.neighbors] == found.entries[0].tolist()
    y = lm.embedding[torch.from_numpy(found.values[0]).long()]
    m = (y @ h).softmax(0) @ y
    g = torch.sigmoid(lm.w_g @ h)
    assert p.gate.local_weight == pytest.approx(float(g), abs=1e-5)
    wanted = (lm.embedding @ ((1 - g) * m + g * h)).softmax(0)
    np.testing.assert_allclose(p.mixture.p, wanted.numpy(), atol=1e-5)


def test_knn_lm_is_mixed_in_after_the_softmax(lab: Lab) -> None:
    p, alone = lab.ask(PROMPT, "spalm+knn-lm", lam=0.4), lab.ask(PROMPT, "spalm")
    assert p.to_dict()["gate"] == {
        "kind": "spalm",
        "local_weight": pytest.approx(alone.gate.local_weight),
        "knn_weight": 0.4,
    }
    knn = (p.mixture.p - 0.6 * alone.mixture.p) / 0.4
    assert knn.min() > -1e-6
    assert knn.sum() == pytest.approx(1, abs=1e-5)


def test_a_question_is_the_first_step_of_a_generation(lab: Lab) -> None:
    p, g = lab.ask(PROMPT, "spalm"), lab.generate(PROMPT, "spalm", max_tokens=1)
    (token,) = g.tokens
    assert token.gate == pytest.approx(p.gate.local_weight)
    assert [(w.id, pytest.approx(w.p)) for w in token.top["mixture"][:3]] == [(w.id, w.p) for w in p.mixture.top(3)]


def test_an_edit_is_seen_and_time_goes_back(built_home: Path, tmp_path: Path) -> None:
    (tmp_path / "datastores").symlink_to(built_home / "datastores")
    lab = Lab.open(tmp_path)
    before = lab.ask(PROMPT, "spalm")
    lab.forget(entries=[n.entry for n in before.neighbors], datastore=before.datastore)
    after = lab.ask(PROMPT, "spalm")
    assert not {n.entry for n in before.neighbors} & {n.entry for n in after.neighbors}
    again = lab.ask(PROMPT, "spalm", as_of=0)
    assert again.mixture.logp.tobytes() == before.mixture.logp.tobytes()
    assert (again.as_of, after.as_of) == (0, 1)


def test_the_command_says_how_vectors_were_mixed_and_its_code_gives_the_same(built_home: Path, lab: Lab) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(main, ["ask", PROMPT, *words, "--home", str(built_home)])
        assert done.exit_code == 0, done.stderr
        return done.stdout

    p = lab.ask(PROMPT, "spalm", k=2)
    assert json.loads(run("--method", "spalm", "--k", "2", "--json"))["gate"] == p.to_dict()["gate"]
    assert re.search(
        r"softmax of W\(\d\.\d\d m \+ \d\.\d\d h\) = \d\.\d\d; without memory \(g = 1\)", run("--method", "spalm")
    )
    names: dict[str, object] = {}
    exec(lab.reports.code(p).replace("Lab.open(", f"Lab.open({str(built_home)!r}, "), names)
    assert names["p"].mixture.logp.tobytes() == p.mixture.logp.tobytes()  # type: ignore[attr-defined]
    assert lab.reports.command(p).startswith("memlab ask 'The capital of France is' --method spalm")
    assert " at g = " in lab.reports.html(p)


def test_what_cannot_be_asked(lab: Lab) -> None:
    for wrong, words in (
        ({"model": "atlas-clm"}, "is not a SPALM"),
        ({"gate": "constant"}, "allowed is one of learned, local, memory"),
        ({"k": 0}, "allowed is a whole number from 1 to 64"),
        ({"scale": 2}, "There is no setting 'scale'"),
    ):
        with pytest.raises(InputError, match=words):
            lab.ask(PROMPT, "spalm", **wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"contains \[MASK\]"):
        lab.ask("The capital of France is [MASK].", "spalm")
    with pytest.raises(InputError, match="The prompt is empty"):
        lab.ask(" ", "spalm")
    p = lab.ask(PROMPT, "spalm")
    with pytest.raises(InputError, match=r"cannot be swept over .k.\. Allowed: gate"):
        lab.explain.sweep(p, "k")
    with pytest.raises(InputError, match="mixes vectors before the softmax"):
        lab.explain.smallest_set(p)


def test_a_sweep_over_the_gate_has_the_counterfactuals_at_its_ends(lab: Lab) -> None:
    p = lab.ask(PROMPT, "spalm")
    swept = lab.explain.sweep(p, "gate", points=11)
    assert (swept.over, swept.label, swept.current) == ("gate", "g", p.gate.value)
    assert swept.answers[0] == p.counterfactuals["0"][0].token
    assert swept.answers[-1] == p.counterfactuals["1"][0].token
    at = int(np.flatnonzero(swept.values == p.gate.value)[0])
    assert swept.answers[at] == p.answer
    for word, row in zip(swept.words, swept.mixture[at], strict=True):
        assert row == pytest.approx(p.mixture.of(list(p.mixture.words).index(word)), abs=1e-6)
    if p.tipping.lam is not None:  # from there on the model's own answer holds
        assert lab.explain.sweep(p, "gate", points=2).answers[-1] == p.tipping.model_answer


def test_entries_can_be_left_out(lab: Lab) -> None:
    p = lab.ask(PROMPT, "spalm")
    without = lab.ask(PROMPT, "spalm", without=[p.neighbors[0].entry])
    assert p.neighbors[0].entry not in [n.entry for n in without.neighbors]
    assert [n.entry for n in without.neighbors[:3]] == [n.entry for n in p.neighbors[1:4]]
