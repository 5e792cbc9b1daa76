"""The Read page: first view, bad input and addresses, the three sources, exports, edits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.figures.strip import described
from memlab.lab.view_address import arguments_of
from memlab.results import Trace
from tests.pages import panel

READ = "pages/read.py"
TEXT = "The capital of Myanmar is Naypyidaw. The currency of Japan is the yen."

Open = Callable[..., AppTest]


def said(page: AppTest) -> list[str]:
    """Every message that the page shows in place of, or above, a reading."""
    return [error.value for error in page.error]


def sentence(page: AppTest) -> str:
    return next(element.value for element in page.markdown if "erplexity " in element.value)


def perplexity(page: AppTest) -> str:
    return next(metric.value for metric in page.metric if metric.label == "Perplexity")


def switch(page: AppTest, source: str) -> Any:
    return next(toggle for toggle in page.toggle if toggle.label == source)


def test_the_first_view_offers_passages_and_one_click_reads_one(open_page: Open) -> None:
    page = open_page(READ)
    assert not page.exception
    assert not page.get("plotly_chart")
    examples = [button for button in page.button if str(button.key).startswith("read.first.")]
    assert len(examples) == 4
    examples[0].click().run()
    assert not page.exception
    assert not said(page)
    assert "tokens less likely" in sentence(page)
    examples = [button for button in open_page(READ).button if str(button.key).startswith("read.first.")]
    page = examples[-1].click().run()
    assert page.selectbox(key="article").value == "Marie Curie"
    assert "tokens less likely" in sentence(page)


def test_a_reading_shows_what_the_engine_says(open_page: Open, lab: Lab) -> None:
    page = open_page(READ, text=TEXT)
    assert not page.exception
    trace = lab.read(TEXT)
    assert sentence(page) == described(trace)
    rows = trace.summary["combinations"]
    both = next(row["perplexity"] for row in rows if row["local"] and row["long_term"] and not row["short_term"])
    assert perplexity(page) == f"{both:.2f}"
    switch(page, "Memory").set_value(False).run()
    assert perplexity(page) == f"{rows[0]['perplexity']:.2f}"
    assert perplexity(open_page(READ, text=TEXT, **{"read.on.long_term": "false"})) == perplexity(page)
    switch(page, "Model alone").set_value(False).run()
    assert any("so nothing is predicted" in caption.value for caption in page.caption)
    assert switch(page, "Short-term memory").disabled
    best = max(trace, key=lambda token: token.gain or 0.0)
    assert best.text == "Naypyidaw"
    assert page.number_input(key="token").value == best.position
    found = [re.sub("<[^>]+>", "", element.value) for element in page.html if "distance" in element.value]
    neighbor = lab.reading.step(trace, best.position).neighbors[0]
    assert f"weight {neighbor.weight:.3f}" in found[0]
    assert "Naypyidaw" in found[0]
    document: dict[str, Any] = {}
    assert not page.code
    page.session_state["read.python"] = True
    page.run()
    exec(page.code[0].value.replace("Lab.open(", f"Lab.open({str(lab.home)!r}, "), document)
    assert document["trace"].summary["perplexity"] == pytest.approx(trace.summary["perplexity"])


@pytest.mark.parametrize("method", ["base", "spalm", "spalm+knn-lm"])
def test_every_method_is_read_from_the_address(open_page: Open, lab: Lab, method: str) -> None:
    address = {"text": TEXT, "read.method": method, "read.short_term": "32", "color": "surprise", "token": "3"}
    page = open_page(READ, **address)
    assert not page.exception
    assert not said(page)
    trace = lab.read(TEXT, method=method, short_term=32)
    assert sentence(page) == described(trace)
    rows = trace.summary["combinations"]
    last = [row["perplexity"] for row in rows if row["local"] and row["short_term"]][-1]
    assert perplexity(page) == f"{last:.2f}"
    assert page.number_input(key="token").value == 3
    assert any(trace[3].text in element.value and "surprise" in element.value for element in page.html)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"text": "  "}, "The text is empty"),
        ({"text": "Paris"}, "The text is one token"),
        ({"text": TEXT, "model": "atlas-mlm"}, "atlas-mlm is a masked model"),
        ({"text": TEXT, "read.method": "spalm", "model": "atlas-clm"}, "SPALM needs a model trained for it"),
        ({"text": TEXT, "read.method": "spalm", "read.datastore": "atlas-mlm-last"}, "no causal datastore"),
        ({"text": TEXT, "read.method": "lucky"}, "no method of reading 'lucky'"),
        ({"text": TEXT, "read.k": "0"}, "k is '0'; allowed is a whole number from 1"),
        ({"text": TEXT, "read.method": "spalm", "read.k": "0"}, "k is '0'; allowed is a whole number from 1"),
        ({"text": TEXT, "read.short_term": "-4"}, "Short-term memory M is '-4'"),
        ({"text": TEXT, "read.cache": "-4"}, "Continuous cache is '-4'"),
        ({"text": TEXT, "as_of": "9"}, "There is no edit '9'"),
        ({"text": TEXT, "token": "99"}, "There is no token '99'"),
        ({"passage": "Article", "article": "Nowhere"}, "There is no article 'Nowhere'"),
    ],
)
def test_what_the_address_cannot_have_is_said_in_one_message(
    open_page: Open, address: dict[str, str], message: str
) -> None:
    page = open_page(READ, **address)
    if "model" in address:  # chosen in the sidebar, which the app draws and not the page
        page.session_state["model"] = address["model"]
        page.run()
    assert not page.exception
    assert len(said(page)) == 1
    assert message in said(page)[0]


def test_a_text_beyond_the_limit_is_cut_only_when_asked(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memlab.lab.reading.LIMIT", 8)
    page = open_page(READ, text=TEXT)
    (message,) = said(page)
    assert "longer than the 8 tokens" in message
    assert f"after character 40 of {len(TEXT)}: …'The capital of Myanmar is Naypyidaw. The'" in message
    assert not page.metric
    page.button(key="read.cut.button").click().run()
    assert not page.exception
    assert not said(page)
    assert "of 8 tokens" in sentence(page)


def test_a_gate_that_was_not_trained_is_offered_for_training(open_own: Open, own_lab: Lab) -> None:
    address = {"text": TEXT, "read.gate": "learned", "read.k": "16"}
    page = open_own(READ, **address)
    assert not page.exception
    assert not said(page)
    assert page.button(key="gate.train")
    assert not page.metric
    s = own_lab.settings("knn-lm", "atlas-clm", "calibrated")
    texts = [article.text for article in own_lab.perplexity.atlas_part("validation")[:4]]
    own_lab.gates.train("learned", texts, "atlas-clm", k=16, temperature=s.temperature)
    page = open_own(READ, **address)
    assert sentence(page) == described(own_lab.read(TEXT, gate="learned", k=16))


def test_an_edit_is_seen_and_as_of_looks_behind_it(open_own: Open, own_lab: Lab) -> None:
    text = "The capital of Myanmar is Lisbon."
    before = own_lab.read(text)
    own_lab.teach(text)
    after = own_lab.read(text)
    assert described(before) != described(after)
    assert sentence(open_own(READ, text=text)) == described(after)
    assert sentence(open_own(READ, text=text, as_of="0")) == described(before)


def test_markup_in_a_passage_is_shown_as_it_is(open_page: Open, lab: Lab) -> None:
    nasty = "<script>alert(1)</script> **b** :smile: $x$ <b>Paris</b>"
    page = open_page(READ, text=nasty, token="2")
    assert not page.exception
    assert not any("<script" in element.value or "<b>Paris" in element.value for element in page.html)
    trace: Trace = lab.read(nasty)
    assert trace.text == nasty


def test_a_link_decides_what_is_read_and_a_long_text_does_not_stand_in_it(open_page: Open, lab: Lab) -> None:
    page = open_page(READ, text=TEXT)
    page.text_area(key="read.text").set_value("Paris is old.")
    page.button[0].click().run()
    assert page.query_params["text"] == "Paris is old."
    assert sentence(page) == described(lab.read("Paris is old."))
    page.query_params["text"] = TEXT
    page.run()
    assert sentence(page) == described(lab.read(TEXT))
    assert page.text_area(key="read.text").value == TEXT
    page.text_area(key="read.text").set_value(25 * TEXT)
    page.button[0].click().run()
    assert not page.exception
    assert "text" not in page.query_params
    assert sentence(page) == described(lab.read(25 * TEXT))
    assert any("Too long for a link" in caption.value for caption in page.caption)


def test_what_papers_report_stands_in_a_panel_of_its_own(open_page: Open) -> None:
    page = open_page(READ, text="The capital of France is Paris.")
    panel = next(e for e in page.expander if "report" in e.label)
    (table,) = [t.value for t in panel.table if "short-term memory" in t.value.columns]
    assert table.loc[table["data"] == "WMT", ["base", "short-term memory", "kNN-LM", "SPALM"]].values.tolist() == [
        ["16.5", "15.5", "15.2", "14.1"]
    ]
    assert any("asterisk" in caption.value for caption in panel.caption)


@pytest.mark.parametrize("method", ["knn-lm", "spalm"])
def test_the_gate_of_a_token_is_moved_as_a_counterfactual(open_page: Open, lab: Lab, method: str) -> None:
    page = open_page(READ, text=TEXT, token="4", **{"read.method": method})
    page.toggle(key="read.move_gate").set_value(True).run()
    assert not page.exception
    step = lab.reading.step(lab.read(TEXT, method=method), 4)
    data = panel.panel(page)
    assert not data["settable"]
    assert panel.lam(page) == pytest.approx(step.token.gate)
    assert panel.first_p(page) == pytest.approx(step.mixture[0].p, abs=1e-5)
    assert data["verdict"]["expected"] == step.token.text.strip()


def test_the_page_takes_an_address_that_names_its_settings_as_a_lesson_does(open_page: Open) -> None:
    address = {"text": TEXT, "passage": "Text", "method": "spalm", "k": "4", "leave_out": "nothing", "short_term": "32"}
    page = open_page(READ, **address)
    assert not page.exception
    assert not said(page)
    how = page.session_state["read.trace"][0][2]
    used = arguments_of("read", address)
    assert {name: how[name] for name in used} == used
    assert "method" not in page.query_params
    assert page.query_params["read.method"] in ("spalm", ["spalm"])
    page.run()  # what was taken from the address stays, and can be changed by hand
    assert page.session_state["read.trace"][0][2] == how
    page.slider(key="read.k").set_value(16).run()
    assert page.session_state["read.trace"][0][2] == {**how, "k": 16}
    page = open_page(READ, text=TEXT, method="spalm", k="0")
    assert page.session_state["read.method"] == "spalm"
    assert "k is '0'; allowed is a whole number from 1" in said(page)[0]
