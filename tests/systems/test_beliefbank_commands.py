"""`memlab believe` without a model: reasons, what to check, rules, graphs from files, as-of; and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memlab import Lab
from memlab.errors import InputError
from memlab.systems.beliefbank.bank import Belief
from memlab.systems.beliefbank.constraints import Constraint
from tests.commands import document, run_on

BIRD, FISH, WINGS, FEATHERS = "IsA,bird", "IsA,fish", "HasPart,wings", "HasPart,feathers"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A bank in which the swallow is a bird and a fish without wings."""
    found = Lab.open(tmp_path / "home")
    labels = ((BIRD, True, 0.9), (FEATHERS, True, 0.9), (FISH, True, 0.6), (WINGS, False, 0.7))
    found.beliefs.keep([Belief("swallow", name, label, p) for name, label, p in labels])
    return found


def test_why_and_what_clashes(lab: Lab) -> None:
    run = run_on(lab.home)
    told = document(run("believe", "is a swallow a fish?", "--why", "--json"))
    assert told["belief"]["label"] is True
    assert {b["property"] for b in told["clash"]["beliefs"]} == {BIRD, FISH}
    assert [c["kind"] for c in told["clash"]["constraints"]] == ["excludes"]
    lab.solve("swallow")
    after = document(run("believe", "is a swallow a fish?", "--why", "--json"))
    assert after["clash"] is None
    assert after["belief"]["flipped"]
    assert after["why"][0]["constraint"]["kind"] == "excludes"
    assert document(run("believe", "is a swallow a fish?", "--why", "--as-of", 1, "--json"))["clash"] == told["clash"]
    said = run("believe", "is a swallow a fish?", "--why").output
    assert "A swallow is not a fish." in said
    assert "because" in said


def test_what_to_check_first_and_retracting(lab: Lab) -> None:
    run = run_on(lab.home)
    found = document(run("believe", "--check", "swallow", "--json"))["results"]
    assert {p["property"] for p in found} <= {BIRD, FISH, WINGS, FEATHERS}
    assert found == sorted(found, key=lambda p: -p["value"])
    edit = document(run("believe", "is a swallow a fish?", "--retract", "--json"))["edit"]
    assert edit["kind"] == "retract"
    assert FISH not in lab.beliefs.bank().about("swallow")


def test_the_solver_takes_its_weights_from_the_command_line(lab: Lab) -> None:
    run = run_on(lab.home)
    weak = document(run("believe", "--solve", "swallow", "--forward", "0.01", "--back", "0.01", "--dry-run", "--json"))
    assert weak["flips"] == []
    odds = document(run("believe", "--solve", "swallow", "--measure", "log-odds", "--dry-run", "--json"))
    assert odds["weights"]["measure"] == "log-odds"
    assert odds["edit"]["dry_run"]
    assert lab.head() == 1


def test_rules_are_added_changed_and_removed(lab: Lab) -> None:
    run = run_on(lab.home)
    assert document(run("believe", "--rule", "bird implies CapableOf,fly", "--json"))["edit"]["kind"] == "constrain"
    made = Constraint("implies", BIRD, ("CapableOf,fly",))
    assert made.id in {c.id for c in lab.beliefs.graph().constraints}
    run("believe", "--rule", f"{BIRD} implies CapableOf,fly", "--weight", "0.5")
    assert next(c for c in lab.beliefs.graph().constraints if c.id == made.id).weight == 0.5
    run("believe", "--rule", f"{BIRD} implies CapableOf,fly", "--remove")
    assert made.id not in {c.id for c in lab.beliefs.graph().constraints}
    assert [e.parameters["action"] for e in lab.history()[1:]] == ["add", "change", "remove"]


def test_a_graph_and_its_entities_come_from_files(lab: Lab, tmp_path: Path) -> None:
    run = run_on(lab.home)
    links = [
        {"source": "IsA,dog", "target": "IsA,animal", "weight": "yes_yes", "direction": "forward", "score": 10},
        {"source": "IsA,dog", "target": "IsA,plant", "weight": "yes_no", "direction": "forward", "score": 10},
    ]
    rules, facts, calibration = tmp_path / "rules.json", tmp_path / "facts.csv", tmp_path / "calibration.json"
    rules.write_text(json.dumps({"links": links}), "utf-8")
    facts.write_text('entity,property,label\npoodle,"IsA,dog",yes\npoodle,"IsA,plant",no\n', "utf-8")
    calibration.write_text(json.dumps({"oak": {"IsA,plant": "yes", "IsA,dog": "no"}}), "utf-8")
    told = document(
        run("believe", "--import", "pets", "--rules", rules, "--facts", facts, "--calibration", calibration, "--json")
    )
    assert (told["constraints"], told["entities"], told["calibration_entities"]) == (2, 2, 1)
    lab.beliefs.keep([Belief("poodle", "IsA,dog", True, 0.9), Belief("poodle", "IsA,plant", True, 0.6)], "pets")
    flips = document(run("believe", "--solve", "poodle", "--graph", "pets", "--json"))["flips"]
    assert [(f["property"], f["label"]) for f in flips] == [("IsA,plant", False)]
    lab.beliefs.import_entities("pets", facts)  # again: the ones for calibration stay
    assert {e.name for e in lab.beliefs.graph("pets").split(True)} == {"oak"}
    with pytest.raises(InputError, match="'oak' is among the entities for calibration already"):
        lab.beliefs.import_entities("pets", calibration)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "constraints_v2.json").write_text(rules.read_text("utf-8"), "utf-8")
    (folder / "silver_facts.json").write_text(json.dumps({"poodle": {"IsA,dog": "yes"}}), "utf-8")
    assert document(run("believe", "--import", "whole", "--rules", folder, "--json"))["entities"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Ask a question"),
        (("is a swallow a bird?", "--solve", "swallow"), "Ask a question"),
        (("--solve", "swalow"), "Did you mean swallow"),
        (("--solve", "swallow", "--lam", "0"), "lam is 0.0; allowed is a number above 0"),
        (("--solve", "swallow", "--forward", "-1"), "forward is -1.0"),
        (("--solve", "swallow", "--measure", "loud"), "measure"),
        (("--solve", "swallow", "--as-of", "1"), "--as-of shows an earlier state"),
        (("is a swallow a bird?", "--pin", "true", "--why"), "--pin and --why exclude each other"),
        (("can a swallow swim?", "--why"), "Nothing is believed about that yet"),
        (("can a swallow swim?", "--retract"), "nothing to retract"),
        (("--check", "owl"), "Nothing is believed of owl yet"),
        (("--rule", "IsA,bird causes IsA,fish"), "names no relation"),
        (("--rule", "IsA,brid implies IsA,animal"), "IsA,bird"),
        (("--rule", "IsA,bird implies IsA,bird"), "relates a property to itself"),
        (("--rule", "IsA,bird implies IsA,fish", "--weight", "0"), "allowed is a number above 0"),
        (("--rule", "IsA,bird implies IsA,fish", "--remove"), "There is no constraint"),
        (("--import", "pets"), "--import needs a file"),
        (("--import", "pets", "--rules", "nowhere.json"), "There is no file nowhere.json"),
        (("--import", "pets", "--facts", "nowhere.csv"), "There is no"),
    ],
)
def test_wrong_wishes_are_one_clear_line(arguments: tuple[str, ...], said: str, lab: Lab) -> None:
    found = run_on(lab.home)("believe", *arguments)
    assert found.exit_code == 1
    assert said in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert lab.head() == 1
