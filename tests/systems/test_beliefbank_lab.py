"""Beliefs in the ledger and the lab: edits, undo, as-of, refusals that name the conflict, own graphs, the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from memlab import Lab
from memlab.errors import InputError, NotFound
from memlab.systems.beliefbank.bank import Belief
from memlab.systems.beliefbank.chapter import Asking
from memlab.systems.beliefbank.constraints import IMPLIES, Constraint
from memlab.systems.beliefbank.prompts import Prompt
from tests.commands import document, run_on

BIRD, FISH, FLY, WINGS = "IsA,bird", "IsA,fish", "CapableOf,fly", "HasPart,wings"
FEATHERS = "HasPart,feathers"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab.open(tmp_path / "home")


def wrong(lab: Lab) -> None:
    """A bank in which the swallow is a bird and a fish without wings."""
    labels = ((BIRD, True, 0.9), (FEATHERS, True, 0.9), (FISH, True, 0.6), (WINGS, False, 0.7))
    lab.beliefs.keep([Belief("swallow", name, label, p) for name, label, p in labels])


def test_solving_is_one_edit_that_says_why_and_can_be_undone(lab: Lab) -> None:
    wrong(lab)
    edit = lab.solve("swallow", forward=10, back=1)
    assert edit.kind == "solve"
    assert {f["property"]: f["label"] for f in edit.parameters["flips"]} == {FISH: False, WINGS: True}
    assert all(f["because"] for f in edit.parameters["flips"])
    assert edit.parameters["objective"] == pytest.approx(1.3)
    assert edit.parameters["proven"] is True
    after = lab.beliefs.bank().about("swallow")
    assert (after[FISH].label, after[FISH].origin, after[FISH].flipped) == (False, "solver", True)
    assert lab.beliefs.bank(as_of=1).about("swallow")[FISH].label is True
    assert len(lab.beliefs.over_time(entity="swallow")) == 2
    lab.undo()
    assert lab.beliefs.bank().about("swallow")[FISH].label is True
    lab.redo()
    assert lab.beliefs.bank().labels("swallow") == {BIRD: True, FEATHERS: True, FISH: False, WINGS: True}
    assert lab.verify() == []
    assert [e.kind for e in lab.history()] == ["believe", "solve", "undo", "redo"]
    assert lab.solve("swallow", dry_run=True).dry_run
    assert lab.head() == 4


def test_pins_win_and_a_pin_that_cannot_hold_names_the_conflict(lab: Lab) -> None:
    wrong(lab)
    lab.believe("is a swallow a fish?", True)
    assert lab.beliefs.bank().about("swallow")[FISH].pinned
    solved = lab.solve("swallow")
    assert {f["property"] for f in solved.parameters["flips"]} == {BIRD, FEATHERS}
    with pytest.raises(InputError, match=r"A swallow is a bird.*cannot all hold with.*IsA,bird"):
        lab.believe("is a swallow a bird?", True)
    lab.beliefs.pin("swallow", "HasPart,gills", True)
    with pytest.raises(InputError, match=r"The constraint .* cannot be added.*cannot all hold"):
        lab.beliefs.constrain(Constraint("excludes", FISH, ("HasPart,gills",)))
    lab.beliefs.keep([Belief("swallow", FISH, False, 0.99)])  # a guess does not move it
    assert lab.beliefs.bank().about("swallow")[FISH].label is True


def test_beliefs_are_retracted(lab: Lab) -> None:
    wrong(lab)
    lab.beliefs.retract("swallow", [FISH])
    assert FISH not in lab.beliefs.bank().about("swallow")
    with pytest.raises(InputError, match="nothing to retract"):
        lab.beliefs.retract("swallow", [FISH])


def test_constraints_are_added_changed_and_removed(lab: Lab) -> None:
    new = Constraint(IMPLIES, BIRD, (FLY,), 0.5)
    before = len(lab.beliefs.graph().constraints)
    lab.beliefs.constrain(new)
    assert len(lab.beliefs.graph().constraints) == before + 1
    lab.beliefs.constrain(Constraint(IMPLIES, BIRD, (FLY,), 0.2), "change")
    assert next(c for c in lab.beliefs.graph().constraints if c.id == new.id).weight == 0.2
    lab.beliefs.constrain(new, "remove")
    assert len(lab.beliefs.graph().constraints) == before
    assert len(lab.beliefs.graph(as_of=1).constraints) == before + 1
    with pytest.raises(InputError, match="There is no constraint"):
        lab.beliefs.constrain(new, "remove")
    with pytest.raises(InputError, match="there already"):
        lab.beliefs.constrain(lab.beliefs.graph().constraints[0])


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda lab: lab.believe("is a swalow a bird?", True), NotFound, "swallow"),
        (lambda lab: lab.believe("is a swallow a brid?", True), NotFound, "IsA,bird"),
        (lambda lab: lab.solve("swallow"), InputError, "Nothing is believed of swallow"),
        (lambda lab: lab.solve("unicorn"), NotFound, "no entity 'unicorn'"),
        (lambda lab: lab.solve("swallow", forward=0), InputError, "allowed is a number above 0"),
        (lambda lab: lab.solve("swallow", lam=-1), InputError, "allowed is a number above 0"),
        (lambda lab: lab.solve("swallow", often=1), InputError, "no setting 'often'"),
        (lambda lab: lab.beliefs.graph("mine"), NotFound, "constraint graph 'mine'"),
        (lambda lab: lab.beliefs.keep([]), InputError, "1 to 100,000"),
        (lambda lab: lab.believe("is a swallow a bird?", True, model="x"), InputError, "nothing is asked"),
        (lambda lab: lab.believe("is a swallow a bird?", mood="x"), InputError, "no option 'mood'"),
        (lambda lab: lab.beliefs.import_graph("world", "{}"), InputError, "not a constraint graph"),
        (lambda lab: lab.beliefs.import_graph("../up", '{"links": []}'), InputError, "cannot name"),
    ],
)
def test_bad_input_is_one_clear_message(call, error, says, lab: Lab) -> None:
    with pytest.raises(error) as found:
        call(lab)
    assert says in str(found.value)
    assert lab.head() == 0


def test_five_thousand_beliefs_in_one_edit(lab: Lab) -> None:
    graph = lab.beliefs.graph()
    many = [
        Belief(n, p, i % 2 == 0, 0.6)
        for i, (n, p) in enumerate((n, p) for n in list(graph.entities)[:20] for p in graph.properties)
    ]
    assert len(many) > 5000
    assert lab.beliefs.keep(many).summary == f"Believed {len(many):,} sentences about 20 things"
    assert lab.beliefs.bank().size == len(many)


def test_a_thing_without_constraints(lab: Lab) -> None:
    lab.beliefs.import_graph("plain", 'source,relation,target\n"IsA,a",implies,"IsA,b"\n', ".csv")
    lab.beliefs.import_entities("plain", '{"rock": {"IsA,stone": "yes"}}')
    lab.beliefs.keep([Belief("rock", "IsA,stone", True, 0.8)], "plain")
    edit = lab.solve("rock", graph="plain")
    assert edit.parameters["flips"] == []
    assert "No constraint applies to these beliefs" in edit.parameters["note"]
    assert lab.beliefs.graphs() == ["world", "plain"]
    assert lab.beliefs.bank().size == 0  # graphs do not mix


def test_a_damaged_row_of_beliefs_is_refused() -> None:
    from memlab.record.kinds import kind

    good = {
        "graph": "world",
        "beliefs": [{"entity": "x", "property": "IsA,a", "label": True, "p": 0.7, "origin": "model"}],
    }
    assert kind("believe").wrong_with(good, 1) is None
    for change in ({"p": 0.2}, {"p": "much"}, {"label": "yes"}, {"origin": "solver"}, {"property": "a"}):
        assert kind("believe").wrong_with({**good, "beliefs": [{**good["beliefs"][0], **change}]}, 1)
    assert kind("pin").wrong_with({"graph": "world"}, 1)
    assert kind("solve").wrong_with({"graph": "world", "entity": "x", "flips": [], "proven": 1}, 1)
    assert kind("constrain").wrong_with({"graph": "w", "action": "burn", "constraint": {}}, 1)
    assert kind("retract").wrong_with({"graph": "w", "entity": "x", "properties": []}, 1)


# With the bundled model


def test_the_model_answers_uses_context_and_contradicts_itself(lab: Lab) -> None:
    answer = lab.beliefs.ask("is a swallow a bird?")
    assert 0.5 <= answer.p <= 1
    calibration = lab.beliefs.answerer("world", Asking()).calibration
    assert calibration.questions > 100
    assert calibration.auc > 0.7
    lab.beliefs.ask_all("beagle")
    assert lab.beliefs.bank().size == len(lab.beliefs.graph().properties)
    before = lab.beliefs.scores(entity="beagle")
    lab.solve("beagle")
    after = lab.beliefs.scores(entity="beagle")
    assert after.consistency >= max(before.consistency, 0.95)
    fed = lab.beliefs.ask("can a beagle bark?", how=Asking(feedback="on-topic"))
    assert len(fed.question.context) == 3
    assert fed.prompt.endswith("Can a beagle bark?")


def test_a_model_or_prompt_that_does_not_fit_is_named(lab: Lab) -> None:
    with pytest.raises(InputError, match="needs exactly one"):
        lab.beliefs.ask("is a swallow a bird?", how=Asking("atlas-mlm", "question"))
    with pytest.raises(InputError, match="no prompt 'loud'"):
        lab.beliefs.ask("is a swallow a bird?", how=Asking(prompt="loud"))
    with pytest.raises(InputError, match="cannot tell"):
        lab.beliefs.ask("is a swallow a bird?", how=Asking(prompt=Prompt("own", "{question}", "blargh", "blorgh")))
    with pytest.raises(NotFound):
        lab.beliefs.ask("is a swallow a bird?", how=Asking("no-such-model"))


def test_the_command_line_says_what_the_lab_says(lab: Lab) -> None:
    run = run_on(lab.home)
    told = document(run("believe", "is a swallow a bird?", "--json"))
    assert told["answer"] in ("yes", "no")
    assert (told["entity"], told["property"]) == ("swallow", BIRD)
    assert told["edit"]["seq"] == 1
    assert told["p"] == pytest.approx(lab.beliefs.ask("is a swallow a bird?").p)
    solved = document(run("believe", "--solve", "robin", "--json"))
    assert solved["entity"] == "robin"
    assert solved["after"]["consistency"] >= solved["before"]["consistency"]
    assert solved["edit"]["kind"] == "solve"
    assert run("believe", "--json").exit_code == 1


def test_evaluate_beliefs_on_the_command_line(tmp_path: Path) -> None:
    run = run_on(tmp_path)
    given = ("--simulated", "0.25", "--entities", "4", "--batches", "2", "--orders", "1", "--json")
    told = document(run("evaluate", "beliefs", *given))
    assert told["task"] == "beliefs"
    assert told["consistency"]["constraints"] > 0.95
    assert told["f1"]["constraints"] > told["f1"]["raw"]
    assert len(told["by_batch"]) == 10
    assert any("Simulated" in note for note in told["notes"])
    two = document(
        run("evaluate", "beliefs", *given, "--ways", "raw,constraints", "--forward", "0.01", "--back", "0.01")
    )
    assert set(two["f1"]) == {"raw", "constraints"}
    assert two["f1"]["constraints"] == two["f1"]["raw"]  # rules that cost next to nothing flip nothing
    assert "There is no way 'magic'" in run("evaluate", "beliefs", *given, "--ways", "magic").stderr
    wrong_ = run("evaluate", "beliefs", "--data", tmp_path / "none")
    assert wrong_.exit_code == 1
    assert "There is no file" in wrong_.stderr
