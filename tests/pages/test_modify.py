"""The page Modify weights: choosing facts, training by job, what it did, undo; bad links."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Fact, Lab
from memlab.corpus.world import World, atlas
from memlab.systems.constrained_ft import alarms
from memlab.systems.constrained_ft import chapter as modifying
from memlab.ui.edit.row import _details_of_system
from memlab.ui.systems.constrained_ft import edit_details

Open = Callable[..., AppTest]
PAGE = "pages/modify.py"
FRANCE = {"subject": "France", "relation": "capital", "new": "Lyon"}


@pytest.fixture(autouse=True)
def small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts of every twentieth subject and of France, so that asking what the model knows is quick."""
    world = World(atlas().folder, atlas().seed)
    names = set(sorted(world.subjects)[::20]) | {"France"}
    world.facts = [f for f in world.facts if f.subject in names]
    monkeypatch.setattr(modifying, "atlas", lambda: world)
    monkeypatch.setattr(alarms, "SENTENCES", 6)


def over(lab: Lab) -> Any:
    """The last job, when it is over."""
    job = lab.work.jobs()[0]
    while not lab.work.job(job.id).over:
        time.sleep(0.1)
    return lab.work.job(job.id)


def test_it_begins_with_a_table_of_known_facts(open_own: Open) -> None:
    page = open_own(PAGE)
    assert not page.exception
    assert "facts that atlas-mlm answers correctly" in page.caption[0].value
    assert page.info[0].value.startswith("Tick facts")
    page.text_input(key="modify.search").set_value("France capital").run()
    assert page.caption[0].value.startswith("1 of")


def test_a_fact_of_a_link_is_trained_and_shown_before_and_after(open_own: Open, own_lab: Lab) -> None:
    page = open_own(PAGE, **FRANCE)
    assert page.selectbox(key="modify.new.France.capital.0").value == "Lyon"
    page.number_input(key="modify.set.steps").set_value(12)
    page.selectbox(key="modify.set.method").set_value("ftm")
    page.button(key="modify.go").click().run()
    assert over(own_lab).state == "done"
    page.run()
    assert not page.exception
    assert page.success[0].value.startswith("Recorded as edit 1")
    assert page.metric[0].value == "1.000"
    assert own_lab.ask("The capital of France is [MASK].", method="base", model="atlas-mlm").lm[0].token == "Lyon"
    page.button(key="modify.another").click().run()
    assert any("1 · atlas-mlm" in m.value for m in page.markdown)


def test_stop_records_nothing(open_own: Open, own_lab: Lab) -> None:
    page = open_own(PAGE, **FRANCE)
    page.number_input(key="modify.set.steps").set_value(5000)
    page.selectbox(key="modify.set.delta").set_value("0.001")
    page.selectbox(key="modify.set.method").set_value("ftm")
    page.button(key="modify.go").click().run()
    (job,) = own_lab.work.jobs(kind="modify")
    own_lab.work.stop(job.id)
    assert over(own_lab).state == "stopped"
    assert own_lab.head() == 0
    page.run()
    assert not page.exception


def test_a_link_to_a_fact_that_the_model_does_not_know_says_so(open_own: Open) -> None:
    page = open_own(PAGE, subject="Atlantis", relation="capital")
    assert not page.exception
    assert "does not know a capital of Atlantis" in page.error[0].value


def test_a_link_that_names_the_old_object_says_so(open_own: Open) -> None:
    page = open_own(PAGE, **FRANCE | {"new": "Paris"})
    assert page.info[0].value == "The capital of France is Paris already. Another object is proposed."
    assert page.selectbox(key="modify.new.France.capital.0").value != "Paris"


def test_a_wrong_delta_is_refused_on_the_page(open_own: Open, own_lab: Lab) -> None:
    page = open_own(PAGE, **FRANCE)
    page.selectbox(key="modify.set.norm").set_value("none").run()
    assert page.selectbox(key="modify.set.delta").disabled
    assert own_lab.work.jobs(kind="modify") == []


def test_an_edit_on_top_of_one_that_is_undone_is_offered_again(open_own: Open, own_lab: Lab) -> None:
    for fact in (Fact("France", "capital", "Lyon"), Fact("France", "continent", "Asia")):
        own_lab.modify([fact], method="ftm", delta=0.01, steps=12, unknown="train")
    own_lab.undo(1, anyway=True)
    page = open_own(PAGE)
    assert any("trained on top of edit 1" in w.value for w in page.warning)
    assert page.button(key="modify.again.2").label == "Train it again"


@pytest.mark.parametrize("view", ["Sweep", "Compare"])
def test_the_other_views_open_from_a_link(view: str, open_own: Open) -> None:
    page = open_own(PAGE, view=view)
    assert not page.exception
    assert page.button[0].label in ("Run the sweep", "Compare")


def test_an_unknown_view_is_named(open_own: Open) -> None:
    assert "Nowhere" in open_own(PAGE, view="Nowhere").error[0].value


def test_the_history_shows_what_an_edit_of_weights_did(open_own: Open, own_lab: Lab) -> None:
    own_lab.modify([Fact("France", "capital", "Lyon")], method="ftm", delta=0.01, steps=12)
    page = open_own("pages/history.py")
    assert not page.exception
    assert any("modify" in m.value and "Lyon" in m.value for m in page.markdown)
    assert _details_of_system("modify") is edit_details
    assert _details_of_system("teach") is None
