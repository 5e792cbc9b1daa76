"""The page Beliefs: first view, asking, solving, pinning, undo, links, bad input."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.bundle import bundle
from memlab.systems.beliefbank.bank import Belief

Open = Callable[..., AppTest]
PAGE = "pages/beliefs.py"
VIEWS = ("Graph", "Table", "Ask", "Solve", "Check first", "Over time", "Rules", "Batches", "Own graphs", "Paper")


@pytest.fixture
def belief_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A home folder without datastores: this page needs none."""
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Lab, "prepare", lambda self, background=True: None)
    return Lab.open(tmp_path / "home")


@pytest.fixture
def open_beliefs(belief_lab: Lab) -> Open:
    def run(**address: str) -> AppTest:
        page = AppTest.from_file(str(bundle() / PAGE), default_timeout=240)
        for name, value in address.items():
            page.query_params[name] = value
        return page.run()

    return run


def filled(lab: Lab) -> None:
    labels = (
        ("IsA,bird", True, 0.9),
        ("HasPart,feathers", True, 0.9),
        ("IsA,fish", True, 0.6),
        ("HasPart,wings", False, 0.7),
    )
    lab.beliefs.keep([Belief("swallow", name, label, p) for name, label, p in labels])


def metrics(page: AppTest) -> dict[str, str]:
    return {m.label: m.value for m in page.metric}


def test_the_first_view_says_what_to_do(open_beliefs: Open) -> None:
    page = open_beliefs()
    assert not page.exception
    assert "Nothing is believed about" in page.info[0].value
    assert metrics(page) == {"Beliefs": "0"}
    assert page.button(key="beliefs.undo").disabled


def test_everything_is_asked_solved_and_undone(open_beliefs: Open, belief_lab: Lab) -> None:
    page = open_beliefs(thing="beagle")
    page.button(key="beliefs.ask_all").click().run()
    assert not page.exception
    assert metrics(page)["Beliefs"] == str(len(belief_lab.beliefs.graph().properties))
    conflicts = int(metrics(page)["Conflicts"])
    assert conflicts == len(belief_lab.beliefs.conflicts("beagle"))
    page.segmented_control(key="belief_view").set_value("Solve").run()
    assert not page.exception
    page.button(key="beliefs.keep").click().run()
    assert belief_lab.history()[-1].kind == "solve"
    assert int(metrics(page)["Conflicts"]) <= conflicts
    page.button(key="beliefs.undo").click().run()
    assert int(metrics(page)["Conflicts"]) == conflicts
    assert belief_lab.history()[-1].kind == "undo"


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens_from_a_link(view: str, open_beliefs: Open, belief_lab: Lab) -> None:
    filled(belief_lab)
    page = open_beliefs(thing="swallow", belief_view=view)
    assert not page.exception
    assert [e.value for e in page.error] == []
    assert page.selectbox(key="thing").value == "swallow"


def test_a_slider_solves_again_and_nothing_is_kept(open_beliefs: Open, belief_lab: Lab) -> None:
    filled(belief_lab)
    page = open_beliefs(thing="swallow", belief_view="Solve")
    assert metrics(page)["Flips"] == "2"
    assert metrics(page)["Violated"].endswith("→ 0")
    assert metrics(page)["F1"].endswith("→ 1.000")
    page.select_slider(key="beliefs.forward").set_value(0.1)
    start = time.process_time()
    page.run()
    print(
        f"page after a slider move: {1000 * (time.process_time() - start):.0f} ms; solver {metrics(page)['Solved in']}"
    )
    assert metrics(page)["Flips"] == "0"
    assert belief_lab.head() == 1


def test_pinning_and_a_pin_that_cannot_hold(open_beliefs: Open, belief_lab: Lab) -> None:
    filled(belief_lab)
    belief_lab.believe("is a swallow a fish?", True)
    page = open_beliefs(thing="swallow")
    chosen = next(s for s in page.selectbox if s.label == "Belief")
    chosen.set_value("IsA,bird").run()
    next(b for b in page.button if b.label == "Pin as true").click().run()
    assert "cannot all hold" in page.error[0].value
    next(b for b in page.button if b.label == "Pin as false").click().run()
    assert belief_lab.beliefs.bank().about("swallow")["IsA,bird"].pinned
    assert "Pinned swallow: is bird = false" in page.success[0].value


def test_a_question_with_and_without_feedback(open_beliefs: Open, belief_lab: Lab) -> None:
    filled(belief_lab)
    page = open_beliefs(thing="swallow", belief_view="Ask")
    page.text_input(key="beliefs.question.swallow").set_value("can a swallow fly?")
    next(b for b in page.button if b.label == "Ask").click().run()
    assert not page.exception
    alone, fed = (c.value for c in page.code)
    assert alone == "Can a swallow fly?"
    assert fed.endswith(". Can a swallow fly?")
    page.text_input(key="beliefs.question.swallow").set_value("can a swallow flyy?")
    next(b for b in page.button if b.label == "Ask").click().run()
    assert "There is no property" in page.error[0].value


def test_a_link_to_an_unknown_thing_says_so(open_beliefs: Open) -> None:
    page = open_beliefs(thing="swalow")
    assert "Did you mean swallow" in page.error[0].value
    assert not page.exception


def test_an_earlier_state_is_shown_and_cannot_be_edited(open_beliefs: Open, belief_lab: Lab) -> None:
    filled(belief_lab)
    belief_lab.solve("swallow")
    page = open_beliefs(thing="swallow")
    assert metrics(page)["Flipped"] == "2"
    assert not page.button(key="beliefs.undo").disabled
    page.select_slider(key="as_of").set_value("1").run()
    assert metrics(page)["Flipped"] == "0"
    assert metrics(page)["Conflicts"] != "0"
    assert {b.label for b in page.button if b.disabled} >= {"Undo the last edit", "Pin as true", "Ask everything"}
    page.segmented_control(key="belief_view").set_value("Solve").run()
    assert metrics(page)["Flips"] == "2"
    assert page.button(key="beliefs.keep").disabled


def test_a_rule_is_added_and_one_that_contradicts_a_pin_is_refused(open_beliefs: Open, belief_lab: Lab) -> None:
    belief_lab.believe("is a swallow a bird?", True)
    belief_lab.believe("can a swallow fly?", True)
    page = open_beliefs(thing="swallow", belief_view="Rules")

    def add(kind: str, target: str) -> None:
        page.selectbox(key="beliefs.rule.source.world").set_value("IsA,bird")
        page.selectbox(key="beliefs.rule.kind").set_value(kind)
        page.multiselect(key="beliefs.rule.targets.world").set_value([target])
        next(b for b in page.button if b.label == "Add the rule").click().run()

    add("excludes", "CapableOf,fly")
    assert "cannot all hold" in page.error[0].value
    add("implies", "CapableOf,fly")
    assert page.success[0].value == "Added constraint implies: IsA,bird > CapableOf,fly"
    assert belief_lab.history()[-1].kind == "constrain"


def test_a_graph_without_entities_says_where_to_add_them(open_beliefs: Open, belief_lab: Lab) -> None:
    belief_lab.beliefs.import_graph("bare", 'source,relation,target\n"IsA,a",implies,"IsA,b"\n', ".csv")
    page = open_beliefs(belief_graph="bare", belief_view="Own graphs")
    assert "has no entities yet" in page.error[0].value
    assert page.text_input(key="beliefs.graph.name").value == ""
    next(b for b in page.button if b.label == "Keep").click().run()
    assert "Choose a file with rules" in page.warning[0].value
