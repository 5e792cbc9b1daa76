"""Facts as Experts with its bundled model: answers follow the workspace's fact memory, edits, studies, three ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memlab import Fact, Lab
from memlab.bundle import assets
from memlab.errors import InputError, NotFound, StoppedError
from memlab.lab import ways
from memlab.results import compare
from memlab.results.ways import Way
from memlab.systems.constrained_ft import comparing
from memlab.systems.facts_as_experts import correcting
from memlab.systems.facts_as_experts.figures import draw_bleed, draw_held_out, retrieved
from memlab.systems.facts_as_experts.measuring import read_questions, say, tokens_of
from memlab.systems.facts_as_experts.model import FaeModel
from memlab.systems.facts_as_experts.store import FactStore
from tests.commands import document, refused, run_on

pytestmark = pytest.mark.skipif(
    not (assets() / "models/atlas-fae/config.json").is_file(),
    reason="no bundled atlas-fae: `memlab train atlas-fae` makes it",
)
METHOD = "facts-as-experts"
CAPITAL = "The capital of France is [MASK]."


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("facts")


@pytest.fixture(scope="module")
def lab(home: Path) -> Lab:
    return Lab.open(home)


@pytest.fixture
def own(lab: Lab, home: Path, request: pytest.FixtureRequest) -> Lab:
    """A workspace of the test's own."""
    name = request.node.name[:40].replace("[", "-").replace("]", "")
    lab.workspaces.create(name)
    return Lab.open(home, name)


@pytest.fixture(scope="module")
def lm(lab: Lab) -> FaeModel:
    found = lab.context.load("atlas-fae")
    assert isinstance(found, FaeModel)
    return found


def test_a_replaced_row_is_the_answer_and_undo_gives_the_very_same(own: Lab) -> None:
    before = own.ask(CAPITAL, METHOD)
    assert before.answer == "Paris"
    assert before.gate.value < 0.5
    assert (before.neighbors[0].value, before.neighbors[0].source) == ("Paris", "base")
    assert sum(n.weight for n in before.neighbors) == pytest.approx(1, abs=1e-5)
    edit = own.fact_memory.replace([(Fact("France", "capital", "Paris"), "Lyon")])
    after = own.ask(CAPITAL, METHOD)
    assert after.answer == "Lyon"
    assert (after.neighbors[0].value, after.neighbors[0].source) == ("Lyon", f"edit:{edit.seq}")
    assert compare(before, after).b.answer == "Lyon"
    assert [r.prediction.answer for r in own.ask_many([CAPITAL], method=METHOD) if r.prediction] == ["Lyon"]
    assert own.ask(CAPITAL, METHOD, as_of=0).mixture.logp.tobytes() == before.mixture.logp.tobytes()
    assert own.article(f"edit:{edit.seq}", after.datastore).text == "The capital of France is Lyon."
    own.undo()
    assert own.ask(CAPITAL, METHOD).mixture.logp.tobytes() == before.mixture.logp.tobytes()


def test_a_removed_row_leaves_the_context_and_an_added_one_speaks_again(own: Lab) -> None:
    full = own.ask(CAPITAL, METHOD)
    own.fact_memory.remove([Fact("France", "capital", "")])
    without = own.ask(CAPITAL, METHOD)
    assert without.gate.value > full.gate.value
    assert all("capital of France" not in n.left for n in without.neighbors)
    own.fact_memory.add([Fact("France", "capital", "Oslo"), Fact("France", "capital", "Madrid")])
    both = own.ask(CAPITAL, METHOD)
    shares = {n.value: n.weight for n in both.neighbors if "capital of France" in n.left}
    assert shares["Oslo"] == pytest.approx(shares["Madrid"], rel=1e-4)
    assert {both.knn[0].token, both.knn[1].token} == {"Oslo", "Madrid"}


def test_entries_are_forgotten_like_those_of_a_datastore(own: Lab) -> None:
    p = own.ask(CAPITAL, METHOD)
    gone = p.neighbors[0].entry
    draft = own.forget(entries=[gone], datastore=p.datastore, dry_run=True)
    assert draft.kind == "remove-fact"
    assert own.ask(CAPITAL, METHOD).neighbors[0].entry == gone
    own.forget(entries=[gone], datastore=p.datastore)
    assert gone not in [n.entry for n in own.ask(CAPITAL, METHOD).neighbors]
    with pytest.raises(InputError, match="nothing left to forget"):
        own.forget(entries=[gone], datastore=p.datastore)
    with pytest.raises(InputError, match="by entries"):
        own.forget(document="France", datastore=p.datastore)


def test_an_edit_on_top_of_another_rests_on_it(own: Lab) -> None:
    first = own.fact_memory.replace([(Fact("France", "capital", ""), "Lyon")])
    own.fact_memory.replace([(Fact("France", "capital", "Lyon"), "Oslo")])
    shown = next(e for e in own.history() if e.seq == first.seq)
    assert shown.rests_on_it == (first.seq + 1,)
    own.undo(first.seq, anyway=True)
    assert own.ask(CAPITAL, METHOD).neighbors[0].value == "Paris"  # the second has nothing to replace


def test_facts_that_the_text_never_told_are_answered_through_their_rows(lm: FaeModel) -> None:
    """All unseen facts of the world: right with their rows, and not without."""
    unseen = [f for f in lm.facts if f.exposure == "unseen"][:300]
    read = read_questions(lm, unseen, 0)
    whole = FactStore(lm, [ways_entry(f) for f in lm.facts])
    without = FactStore(lm, [ways_entry(f, f.exposure != "unseen") for f in lm.facts])
    wanted = tokens_of(lm, [f.object for f in unseen])
    with_rows, none = say(read, whole), say(read, without)
    assert with_rows.right(wanted).mean() > 0.5  # the model's card has the figure of all unseen facts
    assert none.right(wanted).mean() < 0.3
    assert with_rows.gate.mean() < none.gate.mean()


def ways_entry(fact: Fact, active: bool = True) -> Any:
    from memlab.systems.facts_as_experts.store import Entry

    return Entry(fact, active=active)


def test_what_an_edit_would_move_is_known_before(own: Lab) -> None:
    draft = own.fact_memory.replace([(Fact("France", "capital", "Paris"), "Lyon")], dry_run=True)
    found = own.fact_memory.effect(draft)
    groups = {g.group: g for g in found.groups}
    assert groups["edited"].asked == 1
    assert sum(g.asked for g in found.groups) == 3199
    assert [(m.before, m.after) for m in found.own] == [("Paris", "Lyon")]
    assert sum(g.moved for g in found.groups) == len(found.moved)
    (alone,) = own.fact_memory.effect(draft, only_edited=True).groups
    assert alone == groups["edited"]
    assert own.history() == []
    made = own.fact_memory.commit(draft)
    assert own.fact_memory.effect(made).groups == found.groups
    with pytest.raises(InputError, match="is recorded already"):
        own.fact_memory.commit(made)


BAD: list[tuple[str, Any, str]] = [
    ("add", [Fact("Wakanda", "capital", "Oslo")], "no entity 'Wakanda': a row needs an embedding"),
    ("add", [Fact("France", "king", "Oslo")], "no relation 'king'"),
    ("add", [Fact("France", "capital", "Paris")], "in the fact memory already"),
    ("add", [], "at least one fact"),
    ("replace", [(Fact("France", "capital", "Oslo"), "Lyon")], "is Paris in the fact memory, not Oslo"),
    ("replace", [(Fact("France", "capital", "Paris"), "Paris")], "is Paris in the fact memory already"),
    (
        "replace",
        [(Fact("France", "capital", ""), "Lyon"), (Fact("France", "capital", ""), "Oslo")],
        "in this edit twice",
    ),
    ("remove", [Fact("Oslo", "capital", "")], "has no capital of Oslo"),
]


@pytest.mark.parametrize(("verb", "facts", "said"), BAD)
def test_rows_that_cannot_be_are_refused(lab: Lab, verb: str, facts: Any, said: str) -> None:
    with pytest.raises((InputError, NotFound), match=said):
        getattr(lab.fact_memory, verb)(facts)
    assert lab.history() == []


def test_other_models_and_memories_are_refused(lab: Lab) -> None:
    with pytest.raises(InputError, match=r"atlas-mlm has no fact memory\. Use atlas-fae"):
        lab.ask(CAPITAL, METHOD, model="atlas-mlm")
    with pytest.raises(InputError, match=r"not a datastore\. Leave 'atlas-mlm' out"):
        lab.ask(CAPITAL, METHOD, datastore="atlas-mlm")
    p = lab.ask(CAPITAL, METHOD)
    with pytest.raises(InputError, match="not states of texts"):
        lab.explain.map(p)
    assert sorted({0.0, 0.25, 0.5, 0.75, 1.0, p.gate.value}) == lab.explain.sweep(p, points=5).values.tolist()
    assert not any("texts of" in name for name in lab.reports.versions(p))


def test_commands(home: Path) -> None:
    run = run_on(home)
    lab_of = ("--workspace", "commands", "--json")
    run("workspace", "create", "commands")
    found = document(run("facts", "search", "France capital", *lab_of))
    assert found["facts"][0]["object"] == "Paris"
    tried = document(run("facts", "replace", "France|capital|Lyon", "--dry-run", "--effect", *lab_of))
    assert tried["own"][0]["after"] == "Lyon"
    assert document(run("facts", "replace", "France|capital|Paris|Lyon", *lab_of))["seq"] == 1
    assert document(run("ask", CAPITAL, "--method", METHOD, *lab_of))["answer"] == "Lyon"
    assert document(run("facts", "search", "--changed", *lab_of))["found"] == 1
    assert document(run("facts", "remove", "France|capital", *lab_of))["kind"] == "remove-fact"
    assert document(run("facts", "add", "France|capital|Oslo", *lab_of))["seq"] == 3
    assert "is not a row. Write subject|relation" in refused(run("facts", "remove", "France", *lab_of))
    assert "French" in run("facts", "search", "French", "--limit", "2", "--workspace", "commands").stdout


def test_the_bleed_test_counts_what_moved(lab: Lab) -> None:
    found = lab.run("facts_as_experts", "bleed", replaced=20, one_by_one=2).to_dict()
    groups = {g["group"]: g for g in found["results"]}
    assert groups["edited"]["asked"] == 20
    assert groups["edited"]["right_before"] == 1.0  # only facts that are answered correctly are replaced
    assert groups["edited"]["right_after"] > 0.6
    assert sum(g["moved"] for g in found["results"]) == len(found["rows"])
    assert len(found["alone"]) == 2
    assert all(f.data for f in draw_bleed(found).values())
    with pytest.raises(StoppedError):
        lab.run("facts_as_experts", "bleed", stop=lambda: True)


def test_figures_of_rows_and_shares() -> None:
    row = {"exposure": "all", "with_rows": 0.9, "memory_alone": 0.8, "without_rows": 0.1}
    (figure,) = draw_held_out({"results": [row]}).values()
    assert [bar.y[0] for bar in figure.data] == [0.9, 0.8, 0.1]
    shares = retrieved([{"fact": "a", "weight": 0.75}, {"fact": "b", "weight": 0.25}], 0.2).data[0]
    assert sum(shares.x) == pytest.approx(1)
    assert list(shares.x)[-1] == 0.2


def test_three_ways_side_by_side(own: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other two ways have tests of their own."""
    memory, weights = (Way(name, 1.0, 0.5, 1.0, 0.75, 0, 9, seconds=1.0, bytes=5.0) for name in ("memory", "weights"))
    monkeypatch.setattr(ways, "_in_memory", lambda *given: memory)
    monkeypatch.setattr(comparing, "_in_weights", lambda *given: weights)
    found = own.ways.compare(Fact("France", "capital", "Paris"), "Lyon")
    assert [w.method for w in found.ways] == ["memory", "weights", "fact memory"]
    third = found.ways[2]
    assert third.efficacy == 1.0
    assert third.bytes is not None
    assert third.bytes < 300
    assert (third.asked or 0) + (third.unrelated_asked or 0) == 3198
    assert "fact memory" in "\n".join(found.lines())
    assert found.notes[1:] == ("Weights are answered by the model alone.", correcting.NOTE)
    assert set(found.to_dict()["results"][0]) == {
        "method", "efficacy", "paraphrase", "neighborhood", "harmonic", "moved", "asked", "unrelated_moved", "unrelated_asked",
        "seconds", "bytes", "undo", "failed",
    }  # fmt: skip
    assert own.history() == []
    with pytest.raises(InputError, match="no setting 'depth'"):
        own.ways.compare(Fact("France", "capital", "Paris"), "Lyon", {"depth": 3})
    wrong = own.ways.compare(Fact("France", "capital", "Paris"), "Atlantis")
    assert "no entity 'Atlantis'" in wrong.ways[2].failed
    assert not np.isnan(wrong.ways[0].efficacy or 0)
