"""Fix it here, on Ask: why an answer is wrong, the effect of a repair before it is applied, and one-click undo."""

from __future__ import annotations

import json
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from memlab import Lab
from tests.pages.panel import panel

ASK = "pages/ask.py"
CALIFORNIUM = "The group of the element californium is"
WAY = "ask.fix.edit.fix.way"

Open = Callable[..., AppTest]


def said(page: AppTest) -> str:
    return "\n".join(str(element.value) for kind in ("markdown", "caption", "error") for element in page.get(kind))


def bars(page: AppTest) -> dict:  # type: ignore[type-arg]
    (found,) = [e.proto for e in page.get("bidi_component") if e.proto.component_name == "memlab_moving"]
    return json.loads(found.json)


def test_a_passage_is_forgotten_in_place_and_comes_back(open_own: Open, own_lab: Lab) -> None:
    page = open_own(ASK, prompt=CALIFORNIUM, method="knn-lm")
    assert not page.exception
    assert "Why it is wrong: one neighbor decides." in said(page)
    p = own_lab.ask(CALIFORNIUM, method="knn-lm")
    page.button(key=f"ask.forget.{p.neighbors[0].entry}").click().run()  # from the passage itself
    assert not page.exception
    assert page.multiselect[0].value == [p.neighbors[0].entry]
    assert "question as wanted now (before: 0)" in said(page)
    assert "neighbors unmoved" in said(page)
    assert own_lab.head() == 0
    drawn = bars(page)
    after = own_lab.again(p, without=[p.neighbors[0].entry])
    mixture = drawn["sides"][2]
    at = drawn["words"].index("actinide")
    assert drawn["right"][at]
    assert abs(mixture["before"][at] - p.mixture.of(p.mixture.words.index("actinide"))) < 1e-9
    assert abs(mixture["after"][at] - after.mixture.of(after.mixture.words.index("actinide"))) < 1e-9

    page.button(key="ask.fix.apply").click().run()
    assert not page.exception
    assert [edit.summary for edit in own_lab.history()] == ["Forgot 1 entry"]
    assert own_lab.history()[0].scores["method"] == "knn-lm"  # measured as the answer was asked
    assert panel(page)["verdict"] is not None
    assert own_lab.ask(CALIFORNIUM, method="knn-lm").answer == "actinide"
    page.button(key="undo.1").click().run()
    assert not page.exception
    assert own_lab.ask(CALIFORNIUM, method="knn-lm").answer == p.answer
    assert "Edit 1 is taken back" in said(page)
