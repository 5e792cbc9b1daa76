"""Look closer: every view opens over a link, says what it shows, and gives the same numbers as the engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.figures import dropping, health, key_map, layers, occlusion, sweep
from memlab.lab.explaining import Explaining

ASK, EDIT = "pages/ask.py", "pages/edit.py"
PROMPT = "The capital of France is [MASK]."

Open = Callable[..., AppTest]

SAYS: dict[str, tuple[str, Callable[[Lab], str]]] = {
    "Why retrieved": (occlusion.QUESTION, lambda lab: occlusion.described(lab.explain.occlusion(lab.ask(PROMPT)))),
    "Layers": (layers.QUESTION, lambda lab: layers.described(lab.explain.layers(lab.ask(PROMPT)))),
    "Map": (key_map.QUESTION, lambda lab: key_map.described(lab.explain.map(lab.ask(PROMPT)))),
    "Sweep": (sweep.QUESTION, lambda lab: sweep.described(lab.explain.sweep(lab.ask(PROMPT)))),
    "Key health": (health.QUESTION, lambda lab: health.described(lab.explain.health(lab.ask(PROMPT)))),
}


def said(page: AppTest) -> str:
    return "\n".join(element.value.replace("\\", "") for element in [*page.markdown, *page.caption])


def test_nothing_is_computed_before_a_view_is_opened(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("smallest_set", "occlusion", "layers", "map", "sweep", "health"):
        monkeypatch.setattr(Explaining, name, lambda *_, **__: pytest.fail("computed"))
    monkeypatch.setattr(Lab, "again", lambda *_, **__: pytest.fail("computed"))
    page = open_page(ASK, prompt=PROMPT)
    assert not page.exception
    assert len(page.get("plotly_chart")) == 0
    assert page.segmented_control(key="panel").value is None


@pytest.mark.parametrize("panel", SAYS)
def test_a_view_says_what_the_engine_found(open_page: Open, lab: Lab, panel: str) -> None:
    page = open_page(ASK, prompt=PROMPT, panel=panel)
    assert not page.exception
    assert not page.error
    question, describe = SAYS[panel]
    assert f"#### {question}" in said(page)
    assert describe(lab) in said(page)
    assert len(page.get("plotly_chart")) == 1
    assert "CSV" in [button.label for button in page.get("download_button")]


def test_a_view_that_is_not_there_is_named(open_page: Open) -> None:
    page = open_page(ASK, prompt=PROMPT, panel="Tea leaves")
    assert "Tea leaves" in page.error[0].value
    assert "Drop neighbors" in page.error[0].value
    assert len(page.get("plotly_chart")) == 0


def test_unticking_a_neighbor_asks_without_it(open_page: Open, lab: Lab) -> None:
    p = lab.ask(PROMPT)
    page = open_page(ASK, prompt=PROMPT, panel="Drop neighbors")
    assert f"#### {dropping.QUESTION}" in said(page)
    for neighbor in p.neighbors[:2]:
        page.checkbox(key=f"look.keep.{neighbor.entry}").uncheck().run()
    gone = [n.entry for n in p.neighbors[:2]]
    after = lab.again(p, without=gone)
    assert page.query_params["without"] == ",".join(map(str, gone))
    assert f"**Paris** {p.mixture[0].p:.2f} → **{after.answer}** {after.mixture[0].p:.2f} without 2 passages" in said(
        page
    )
    page.checkbox(key=f"look.keep.{gone[0]}").check().run()
    assert "without 1 passage" in said(page)
    page.button(key="look.keep.all").click().run()
    assert "with all neighbors" in said(page)
    assert "without" not in page.query_params


def test_the_smallest_set_is_unticked_and_can_be_forgotten(open_page: Open, lab: Lab) -> None:
    found = lab.explain.smallest_set(lab.ask(PROMPT))
    page = open_page(ASK, prompt=PROMPT, panel="Drop neighbors")
    page.button(key="look.smallest.find").click().run()
    assert not page.exception
    assert f"Smallest set: without 2 passages the answer is {found.after}" in said(page)
    assert all(not page.checkbox(key=f"look.keep.{entry}").value for entry in found.entries)
    page.session_state["lam"] = 0.2
    page.run()
    assert "Smallest set" not in said(page)  # it was another question's
    page.text_input(key="prompt").set_value("The capital of Germany is [MASK].")
    page.button[0].click().run()
    assert "with all neighbors" in said(page)


def test_entries_in_a_link_that_are_not_there_are_named(open_page: Open) -> None:
    page = open_page(ASK, prompt=PROMPT, panel="Drop neighbors", without="999999999,x")
    assert not page.exception
    assert "There is no entry 999999999" in page.error[0].value


def test_passages_are_forgotten_by_number(open_own: Open, own_lab: Lab) -> None:
    p = own_lab.ask(PROMPT)
    entries = [n.entry for n in p.neighbors[:2]]
    address = {"way": "Forget", "forget": "passages by number", "counted": p.datastore, "about": PROMPT}
    page = open_own(EDIT, entries=", ".join(map(str, entries)), **address)
    assert not page.exception
    assert len(page.dataframe[0].value) == 2
    page.button(key="edit.commit").click().run()
    assert own_lab.history()[0].kind == "forget"
    assert own_lab.ask(PROMPT).answer == own_lab.ask(PROMPT, as_of=0, without=entries).answer
    assert "no entry" in open_own(EDIT, entries="1, x", **address).error[0].value


@pytest.mark.parametrize("over", ["lambda", "k", "scale", "temperature"])
def test_what_is_swept_stands_in_the_address(open_page: Open, lab: Lab, over: str) -> None:
    page = open_page(ASK, prompt=PROMPT, panel="Sweep", over=over)
    assert not page.exception
    if over == "temperature":
        assert "scale" in page.error[0].value
    else:
        setting = "lam" if over == "lambda" else over
        assert sweep.described(lab.explain.sweep(lab.ask(PROMPT), setting)) in said(page)


def test_the_next_word_method_has_every_view(open_page: Open) -> None:
    page = open_page(ASK, prompt="The capital of France is", method="knn-lm", panel="Sweep", over="temperature")
    assert "temperature T = " in said(page)
    for panel in ("Drop neighbors", "Why retrieved", "Layers", "Map", "Key health"):
        page.segmented_control(key="panel").set_value(panel).run()
        assert not page.exception
        assert not page.error
        assert len(page.get("plotly_chart")) == 1


def test_another_method_finds_a_setting_to_sweep(open_page: Open) -> None:
    page = open_page(ASK, prompt=PROMPT, panel="Sweep", over="scale")
    page.segmented_control(key="method").set_value("knn-lm").run()
    page.text_input(key="prompt").set_value("The capital of France is")
    page.button[0].click().run()
    assert not page.exception
    if page.segmented_control(key="panel").value is None:
        page.segmented_control(key="panel").set_value("Sweep").run()
    assert not page.exception
    assert page.segmented_control(key="over").value in ("lambda", "temperature")
