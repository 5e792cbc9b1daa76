"""Right and wrong by hand; votes of passages."""

from __future__ import annotations

import dataclasses

import pytest

from memlab.figures.votes import decides_alone, votes
from memlab.results import BatchRow, Gate, Neighbor, Prediction
from memlab.results.batch import batch_csv, tally
from memlab.results.gate import NO_GATE
from memlab.results.verdict import alternatives, verdict, verdict_name
from memlab.ui.ask.votes import vote_tally
from memlab.ui.mixture.panel import content
from tests.unit.test_figures import FRANCE, prediction


@pytest.mark.parametrize(
    ("model", "mixture", "name"),
    [
        (False, True, "memory helped"),
        (True, False, "memory misled"),
        (True, True, "both right"),
        (False, False, "both wrong"),
    ],
)
def test_the_four_verdicts(model: bool, mixture: bool, name: str) -> None:
    assert verdict_name(model, mixture) == name
    assert verdict_name(model, mixture, remembers=False) == ("right" if mixture else "wrong")


def test_an_answer_is_compared_with_what_is_expected() -> None:
    v = verdict(FRANCE, ["paris"])  # model Lyon, memory Paris, mixture Paris
    assert (v.name, v.model, v.memory, v.mixture, v.known) == ("memory helped", False, True, True, True)
    assert verdict(FRANCE, ["Lyon"]).name == "memory misled"
    assert verdict(FRANCE, ["Lyon", "Paris"]).name == "both right"
    unknown = verdict(FRANCE, ["Port-au-Prince"])
    assert (unknown.name, unknown.known) == ("both wrong", False)
    alone = dataclasses.replace(FRANCE, gate=Gate(NO_GATE, 0.0, 0.0), knn=FRANCE.lm, mixture=FRANCE.lm)
    assert (verdict(alone, ["Lyon"]).name, verdict(alone, ["Lyon"]).memory) == ("right", None)
    pieces = prediction({"Ġparis": 1.0}, {"▁Paris": 1.0}, 0.5)
    assert verdict(pieces, ["Paris"]).model
    assert alternatives(" Bern |Berne| ") == ("Bern", "Berne")
    assert alternatives(None) == ()


def test_the_panel_knows_the_verdict_of_every_value() -> None:
    data = content(FRANCE, None, verdict(FRANCE, ["Nice"]), large=False)
    assert [data["words"][i] for i in data["verdict"]["right"]] == ["Nice"]
    assert set(data["verdict"]["texts"]) == {"true,true", "true,false", "false,true", "false,false"}
    assert data["verdict"]["texts"]["true,false"].startswith("Memory misled")
    unknown = content(FRANCE, None, verdict(FRANCE, ["Oslo"]), large=False)["verdict"]
    assert unknown["right"] == []
    assert "not a single word" in unknown["texts"]["false,false"]


def voters(*said: tuple[str, float]) -> Prediction:
    ids = {word: n for n, word in enumerate(dict.fromkeys(word for word, _ in said))}
    near = tuple(
        Neighbor(n + 1, n, ids[word], word, 0.0, weight, "", word, "", "x", 0, 1)
        for n, (word, weight) in enumerate(said)
    )
    return dataclasses.replace(FRANCE, neighbors=near)


def test_votes_are_counted_and_weighed() -> None:
    p = voters(("fish", 0.3), ("mammal", 0.25), ("mammal", 0.25), ("<b>", 0.2))
    assert [(v.token, v.passages, pytest.approx(v.weight)) for v in votes(p)] == [
        ("mammal", 2, 0.5),
        ("fish", 1, 0.3),
        ("<b>", 1, 0.2),
    ]
    assert decides_alone(p) is None
    html = vote_tally(p)
    assert "2 passages, 0.50" in html
    assert "<b>" not in html
    assert "decides" not in html
    alone = voters(("fish", 0.95), ("mammal", 0.05))
    assert decides_alone(alone) == alone.neighbors[0]
    assert "One passage decides: it has 0.95 of the weight" in vote_tally(alone)


def test_rows_of_a_batch_carry_the_verdict() -> None:
    rows = [BatchRow(1, "a", FRANCE, verdict=verdict(FRANCE, ["Paris", "Lutetia"])), BatchRow(2, "b", None, "why")]
    assert tally(rows) == {"memory helped": 1}
    assert rows[0].to_dict()["verdict"]["name"] == "memory helped"
    assert rows[1].to_dict()["verdict"] is None
    first, second = batch_csv(rows).splitlines()[1:]
    assert "Paris | Lutetia,memory helped,memory,0.195" in first  # who decided, and .566 - .371
    assert first.endswith("bert-knn,hand,hand,default,0,0.3")  # every setting
    assert second.startswith("2,b,,,,,,,,why,,")
