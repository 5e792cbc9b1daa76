"""What the second toy system declares works like what ships: its edit changes answers, its recipe trains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from memlab import Lab
from memlab.declare import System
from memlab.errors import InputError
from memlab.figures.sides import sides
from memlab.systems.registry import registered
from tests.commands import document, run_on
from tests.conftest import link_datastores
from tests.systems.toy_vectors import BOOST, SYSTEM

PROMPT = "The capital of Norway is [MASK]."


@pytest.fixture(autouse=True)
def toy() -> Iterator[System]:
    with registered(SYSTEM) as system:
        yield system


@pytest.fixture
def own(built_datastores: Path, tmp_path: Path) -> Lab:
    """A lab whose record nobody else writes."""
    link_datastores(built_datastores, tmp_path)
    return Lab.open(tmp_path)


def test_its_edit_changes_answers_and_is_taken_back(own: Lab) -> None:
    before = own.ask(PROMPT, "blend")
    edit = own.boost("Paris", 20)
    assert (edit.kind, edit.summary) == (BOOST, "Score of 'Paris' raised by 20")
    after = own.ask(PROMPT, "blend")
    assert (before.answer, after.answer) == ("Oslo", "Paris")
    assert own.ask(PROMPT, "blend", as_of=0).mixture.logp.tobytes() == before.mixture.logp.tobytes()
    assert own.boost("Paris", -20).seq == 2  # edits add up
    assert own.ask(PROMPT, "blend").mixture.logp.tobytes() == before.mixture.logp.tobytes()
    own.undo()
    own.undo()
    assert own.ask(PROMPT, "blend").answer == "Oslo"
    assert {e.kind for e in own.history()} >= {BOOST, "undo"}
    with pytest.raises(InputError, match="allowed is a number"):
        own.boost("Paris", "much")  # type: ignore[arg-type]


def test_its_scores_are_mixed_before_the_softmax(lab: Lab) -> None:
    p = lab.ask(PROMPT, "blend", weight=0.6)
    scores = 0.4 * p.lm.logp + 0.6 * p.knn.logp
    expected = np.exp(scores - scores.max())
    np.testing.assert_allclose(p.mixture.p, expected / expected.sum(), rtol=1e-6)
    assert p.gate.to_dict() == {"kind": "blend", "value": 0.6, "local_weight": pytest.approx(0.4)}
    ends = {side.title: side.distribution[0].token for side in sides(p)}
    assert ends["The model's scores alone (w = 0)"] == p.lm[0].token == "Lilongwe"
    assert ends["The memory's scores alone (w = 1)"] == p.knn[0].token == "Oslo"


def test_its_settings_are_options_once_it_is_there(lab: Lab) -> None:
    said = document(run_on(lab.home)("ask", PROMPT, "--method", "blend", "--weight", "0.9", "--json"))
    assert said["settings"]["weight"] == 0.9
    with pytest.raises(InputError, match="weight is '2'; allowed is a number from 0 to 1"):
        lab.ask(PROMPT, "blend", weight="2")


def test_its_recipe_trains_a_model_on_a_text(lab: Lab, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The river is long and the city is old. Many people live there.\n" * 400, "utf-8")
    made = lab.training.text("mine", text, "quick", out=tmp_path / "mine")
    record = json.loads((tmp_path / "mine" / "memlab.json").read_text("utf-8"))
    assert (made.kind, record["declared"], record["recipe"]["kind"]) == ("causal", "quick", "base")
    assert (record["recipe"]["steps"], record["recipe"]["width"]) == (2, 16)
    assert "`memlab train mine --text text.txt --kind quick --seed 0 --steps 2`" in str(made.card)
