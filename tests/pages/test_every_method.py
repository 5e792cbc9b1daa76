"""Ask, Look closer, Present, Batch, Compare and reports for every method that can answer, as its gate is."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.corpus.world import MASK
from memlab.figures.mixing import in_words, tipping
from memlab.figures.sides import sides
from memlab.systems.registry import registry
from tests.pages import panel

Open = Callable[..., AppTest]
ASK, PRESENT, BATCH = "pages/ask.py", "pages/present.py", "pages/batch.py"
ABLE = [name for name, method in registry().methods.items() if method.can("ask")]
OF_VECTORS = ["spalm", "spalm+knn-lm"]
NEXT = "The capital of Norway is"


def prompt_for(name: str) -> str:
    return f"{NEXT} {MASK}." if registry().methods[name].kinds == ("masked",) else NEXT


def everything(page: AppTest) -> str:
    """All that a person reads, without tags."""
    texts = [html.unescape(re.sub(r"<[^>]+>", "", element.value)) for element in page.html]
    return "\n".join(
        [panel.said(page), *texts, *(e.value.replace("\\", "") for e in [*page.text, *page.caption, *page.info])]
    )


def titles(page: AppTest) -> str:
    return "\n".join(str(chart.proto) for chart in page.get("plotly_chart"))


@pytest.mark.parametrize("name", ABLE)
def test_ask_shows_the_sides_that_the_method_has(open_page: Open, lab: Lab, name: str) -> None:
    page = open_page(ASK, prompt=prompt_for(name), method=name)
    assert not page.exception
    assert not page.error
    p = lab.ask(prompt_for(name), method=name)
    assert f"p = {p.mixture[0].p:.2f}" in everything(page)
    shown = panel.panel(page)
    assert all(side.distribution[0].token in [shown["words"][i] for i in shown["shown"]] for side in sides(p))
    assert tipping(p) in everything(page)
    assert any(heading.value == "Who said it" for heading in page.subheader) == bool(p.neighbors)
    assert page.segmented_control(key="method").value == name


def test_of_vectors_nothing_is_said_that_holds_only_for_distributions(open_page: Open, lab: Lab) -> None:
    p = lab.ask(NEXT, method="spalm")
    shown = everything(open_page(ASK, prompt=NEXT, method="spalm"))
    assert "(1 − λ)" not in shown
    assert "0.00 ×" not in shown
    assert in_words(p) in shown
    assert [side.distribution for side in sides(p)] == [p.lm, p.knn, p.mixture]
    assert [side.title for side in sides(p)] == [
        "The model's own state alone (g = 1)",
        "The memory alone (g = 0)",
        f"As computed (g = {p.gate.value:.3f})" if round(p.gate.value, 2) != p.gate.value else sides(p)[2].title,
    ]
    assert "attention" in shown


def test_the_model_alone_has_one_side(open_page: Open, lab: Lab) -> None:
    p = lab.ask(NEXT, method="base")
    assert [side.title for side in sides(p)] == ["Model alone"]
    shown = everything(open_page(ASK, prompt=NEXT, method="base"))
    assert "No memory is used" in shown
    assert "entries of" not in shown


@pytest.mark.parametrize("name", ABLE)
def test_a_view_that_a_method_has_not_is_shown_with_the_reason(open_page: Open, name: str) -> None:
    method = registry().methods[name]
    for view, ability in (("Drop neighbors", "explain"), ("Sweep", "sweep")):
        page = open_page(ASK, prompt=prompt_for(name), method=name, panel=view)
        assert not page.exception
        assert not page.error
        reason = method.why_not(ability)
        charts = 0 if reason else 1
        assert len(page.get("plotly_chart")) == charts
        assert reason is None or reason in everything(page)


def test_a_gate_over_vectors_is_swept(open_page: Open, lab: Lab) -> None:
    page = open_page(ASK, prompt=NEXT, method="spalm", panel="Sweep")
    assert page.segmented_control(key="over").options == ["gate"]
    assert "counterfactual" in everything(page)
    swept = lab.explain.sweep(lab.ask(NEXT, method="spalm"), "gate")
    assert swept.label == "g"
    assert swept.answers[0] in titles(page)


@pytest.mark.parametrize("name", ABLE)
def test_present_tells_what_is_true_of_the_method(open_page: Open, lab: Lab, name: str) -> None:
    p = lab.ask(prompt_for(name), method=name)
    remembers = registry().methods[name].remembers
    last = 6 if remembers else 2
    page = open_page(PRESENT, prompt=prompt_for(name), method=name, stage=str(last))
    assert not page.exception
    assert not page.error
    assert page.button(key="present.next").disabled
    assert f"p = {p.mixture[0].p:.2f}" in everything(page)
    if remembers:
        assert tipping(p) in everything(page)
    for stage in range(1, last):
        page = open_page(PRESENT, prompt=prompt_for(name), method=name, stage=str(stage))
        assert not page.exception
        assert not page.error


@pytest.mark.parametrize("name", ABLE)
def test_batch_answers_with_every_method(open_page: Open, lab: Lab, name: str) -> None:
    page = open_page(BATCH, method=name)
    page.text_area(key="batch.prompts").set_value(prompt_for(name))
    next(button for button in page.button if button.label == "Ask all").click().run()
    assert not page.exception
    assert not page.error
    (table,) = [frame.value for frame in page.dataframe]
    p = lab.ask(prompt_for(name), method=name)
    assert table.loc[0, "answer"] == p.answer
    if p.gate.info.mixes == "vectors":
        assert table.loc[0, "memory_weight"] == pytest.approx(1 - p.gate.value)


@pytest.mark.parametrize("name", [*OF_VECTORS, "base"])
def test_two_methods_are_compared(open_page: Open, name: str) -> None:
    pinned = urlencode({"prompt": NEXT, "method": "knn-lm"})
    page = open_page(ASK, prompt=NEXT, method=name, a=pinned)
    assert not page.exception
    assert not page.error
    assert [metric.label for metric in page.metric] == ["A: the answer", "B: the answer"]
    assert "the weight of the memory" in everything(page)


@pytest.mark.parametrize("name", ABLE)
def test_a_report_says_how_it_was_mixed(lab: Lab, name: str) -> None:
    p = lab.ask(prompt_for(name), method=name)
    written = html.unescape(lab.reports.html(p))
    assert in_words(p) in written
    assert ("Who said it?" in written) == bool(p.neighbors)
    assert all(f'<th class="n">{side.name}</th>' in written for side in sides(p))


@pytest.mark.parametrize(
    ("model", "method"), [("atlas-spalm", "spalm"), ("atlas-clm", "knn-lm"), ("atlas-mlm", "bert-knn")]
)
def test_a_model_is_asked_with_the_method_that_fits_it(open_page: Open, model: str, method: str) -> None:
    page = open_page("app.py", model=model)
    page.switch_page(ASK).run()
    assert not page.exception
    assert not page.error
    assert page.segmented_control(key="method").value == method


def test_a_method_that_does_not_fit_the_model_is_refused_with_the_reason(open_page: Open) -> None:
    page = open_page("app.py", model="atlas-clm")
    page.switch_page(ASK)
    page.query_params["method"] = "spalm"
    page.run()
    assert not page.exception
    assert "SPALM needs a model trained for it" in page.error[0].value


def test_without_a_choice_the_prompt_decides_the_method(open_page: Open) -> None:
    page = open_page(ASK, prompt=NEXT)
    assert page.segmented_control(key="method").value == "knn-lm"
    page.text_input(key="prompt").set_value(f"{NEXT} {MASK}.")
    page.button[0].click().run()
    assert not page.error
    assert page.segmented_control(key="method").value == "bert-knn"
    assert "method" not in page.query_params
