"""Links to what is not there: each says what is missing, shows the nearest view, and stays usable."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from tests.pages import panel

APP, ASK, BATCH, PRESENT = "app.py", "pages/ask.py", "pages/batch.py", "pages/present.py"
PROMPT = "The capital of France is [MASK]."

Open = Callable[..., AppTest]


def said(page: AppTest) -> str:
    return "\n".join(error.value.replace("\\", "") for error in page.error)


@pytest.mark.parametrize(
    ("address", "missing"),
    [
        ({"datastore": "deleted-store"}, "There is no datastore 'deleted-store'. Available: atlas-mlm"),
        ({"as_of": "999"}, "There is no edit '999' in this workspace"),
        ({"as_of": "9" * 5000}, "There is no edit"),
        ({"method": "magic"}, "There is no method 'magic'. Available: base, bert-knn, facts-as-experts, knn-lm, spalm"),
        ({"k": "many"}, "k is 'many'"),
        ({"scale": "-3"}, "scale is '-3'"),
        ({"preset": "best"}, "There is no preset 'best'. Available: calibrated, paper"),
        ({"panel": "Tea leaves"}, "There is no view 'Tea leaves'. Available: Drop neighbors"),
        ({"source": "9" * 18}, "is not among the "),
        ({"panel": "Sweep", "over": "mood"}, "There is no setting to sweep 'mood'. Available: k, lambda, scale"),
        ({"panel": "Drop neighbors", "without": "999999999"}, "There is no entry 999999999"),
        ({"a": urlencode({"prompt": PROMPT, "workspace": "deleted"})}, "There is no workspace 'deleted'"),
        ({"a": urlencode({"prompt": PROMPT, "datastore": "gone"})}, "There is no datastore 'gone'"),
        ({"a": urlencode({"prompt": PROMPT, "as_of": "999"})}, "as_of is 999, but workspace 'default' has 0 edits"),
        ({"a": "nonsense"}, "prompt"),
    ],
)
def test_ask_names_what_is_missing_and_answers(open_page: Open, address: dict[str, str], missing: str) -> None:
    page = open_page(ASK, prompt=PROMPT, **address)
    assert not page.exception
    assert missing in said(page)
    assert len(page.error) == 1
    assert "p = 0.95" in panel.said(page)  # the nearest view, and not nothing
    page.session_state["lam"] = 0.0
    page.run()
    assert not page.exception
    assert "p = 0.85" in panel.said(page)


def test_a_comparison_with_what_is_gone_can_be_let_go(open_page: Open) -> None:
    page = open_page(ASK, prompt=PROMPT, a=urlencode({"prompt": PROMPT, "workspace": "deleted"}))
    page.button(key="compare.let_go").click().run()
    assert not page.error
    assert "a" not in page.query_params


@pytest.mark.parametrize("name", ["datastore", "as_of", "method"])
def test_batch_names_what_is_missing_and_asks(open_page: Open, name: str) -> None:
    page = open_page(BATCH, **{name: "nowhere"})
    assert "'nowhere'" in said(page)
    page.text_area(key="batch.prompts").set_value(PROMPT)
    page.button[0].click().run()
    assert not page.exception
    assert page.dataframe[0].value["answer"].tolist() == ["Paris"]


def test_a_model_that_is_gone_is_named(open_page: Open) -> None:
    page = open_page(APP, model="gpt-9", prompt=PROMPT)
    page.switch_page(ASK).run()
    assert not page.exception
    assert page.selectbox(key="model").value == "automatic"
    assert panel.panels(page)


def test_a_workspace_that_is_gone_is_named_and_the_view_shown_in_the_default_one(open_page: Open) -> None:
    page = open_page(APP, workspace="deleted", prompt=PROMPT)
    assert not page.exception
    assert "There is no workspace 'deleted' here" in said(page)
    page.button(key="workspace.missing").click().run()
    assert not page.exception
    assert not page.error
    assert page.selectbox(key="workspace").value == "default"
    page.switch_page(ASK).run()
    assert page.text_input(key="prompt").value == PROMPT


@pytest.mark.parametrize(
    ("address", "missing"),
    [
        ({"method": "magic"}, "There is no method 'magic'"),
        ({"datastore": "gone"}, "There is no datastore 'gone'"),
        ({"model": "gpt-9"}, "gpt-9"),
        ({"as_of": "999"}, "as_of is 999"),
        ({"as_of": "9" * 5000}, "allowed are now and the number of an edit"),
        ({"method": "bert-knn", "lam": "7"}, "lam is '7'"),
        ({"preset": "best"}, "best"),
    ],
)
def test_present_names_what_is_missing_and_leads_to_the_nearest_view(
    open_page: Open, address: dict[str, str], missing: str
) -> None:
    page = open_page(PRESENT, prompt=PROMPT, stage="2", **address)
    assert not page.exception
    assert missing in said(page)
    (link,) = [element for element in page.get("link_button") if "nearest view" in element.proto.label]
    target, _, query = link.proto.url.partition("?")
    assert (target, parse_qs(query)["prompt"]) == ("ask", [PROMPT])
    assert not page.button(key="present.next").disabled


@pytest.mark.parametrize(
    ("address", "missing", "stage"),
    [
        ({"step": "99"}, "There is no step '99' here. Allowed: 1 to 8", ("8", "1")),
        ({"step": "0"}, "There is no step '0' here", ("1", "1")),
        ({"step": "x"}, "There is no step 'x' here", ("1", "1")),
        ({"step": "2", "stage": "77"}, "There is no stage '77' here. Allowed: 1 to 6", ("2", "6")),
    ],
)
def test_a_step_beyond_the_lesson_is_named_and_the_nearest_shown(
    open_page: Open, lab: Lab, address: dict[str, str], missing: str, stage: tuple[str, str]
) -> None:
    page = open_page(PRESENT, lesson="what-memory-adds", **address)
    assert not page.exception
    assert missing in said(page)
    assert page.title[0].value == lab.lessons.get("what-memory-adds").steps[int(stage[0]) - 1].title
    page.button(key="present.back").click().run() if stage != ("1", "1") else None
    assert not page.exception


def test_a_lesson_that_is_gone_is_named_with_the_way_to_all(open_page: Open) -> None:
    page = open_page(PRESENT, lesson="deleted")
    assert not page.exception
    assert (
        "There is no lesson 'deleted'. Available: a-learned-gate, a-memory-of-facts, beliefs-made-consistent"
        in said(page)
    )
    assert [element.proto.label for element in page.get("link_button")] == ["All lessons"]


def test_history_shows_the_edit_of_a_link_and_names_one_that_is_not_there(open_own: Open, own_lab: Lab) -> None:
    own_lab.teach("The capital of Wakanda is Birnin.")
    own_lab.teach("The capital of Zembla is Onhava.")
    page = open_own("pages/history.py", edit="1")
    assert [b.label for b in page.button if "every" in b.label] == ["Show every edit"]
    assert rows(page) == 1
    page.button(key="history.every").click().run()
    assert rows(page) == 2
    page = open_own("pages/history.py", edit="999")
    assert "There is no edit '999' in 'default'; it has edits 1 to 2." in said(page)
    assert rows(page) == 2


def rows(page: AppTest) -> int:
    return sum(m.value.startswith("**") and " · teach** · " in m.value for m in page.markdown)


def test_edit_names_texts_that_are_not_there(open_page: Open) -> None:
    page = open_page("pages/edit.py", way="Find", texts="gone")
    assert "There is no datastore 'gone'" in said(page)
