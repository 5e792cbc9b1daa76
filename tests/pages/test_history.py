"""The History page: empty, filtered, undo and redo, edits that rest on others, verify, exports, markup."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.errors import RecordError
from memlab.record.hash_chain import Problem
from memlab.results import Edit
from memlab.ui.edit.history_tools import as_csv, as_json
from memlab.ui.edit.timeline import undone

HISTORY = "pages/history.py"
TEXT = "The capital of Wakanda is Birnin."
PROMPT = "The capital of Wakanda is [MASK]."

Open = Callable[..., AppTest]


@pytest.fixture
def edited(own_lab: Lab) -> Lab:
    """Taught, forgot, undid the first."""
    own_lab.teach(TEXT, author="Ada")
    own_lab.forget(document="France")
    own_lab.undo(1)
    return own_lab


def rows(page: AppTest) -> list[str]:
    return [text.value for text in page.markdown if " · " in text.value]


def test_an_empty_history_says_where_edits_come_from(open_own: Open) -> None:
    page = open_own(HISTORY)
    assert not page.exception
    assert "Nothing has been edited" in page.info[0].value
    assert page.get("link_button")[0].proto.url.startswith("edit")


def test_newest_first_with_state_and_author(open_own: Open, edited: Lab) -> None:
    page = open_own(HISTORY)
    assert not page.exception
    assert [row.split(" · ")[0] for row in rows(page)] == ["**3", "**2", "**1"]
    assert [row.rsplit("[", 1)[1] for row in rows(page)[1:]] == ["active]", "undone]"]
    assert "Ada" in page.caption[-1].value
    links = [parse_qs(urlsplit(link.proto.url).query) for link in page.get("link_button")]
    assert [link["as_of"] for link in links] == [["3"], ["2"], ["1"]]
    assert not [text for text in page.caption if "efficacy" in text.value]
    assert links[2]["prompt"] == [PROMPT]


def test_the_kind_is_filtered_by_the_address(open_own: Open, edited: Lab) -> None:
    assert len(rows(open_own(HISTORY, kind="forget"))) == 1
    nothing = open_own(HISTORY, kind="correct")
    assert "No edit of the kind correct matches" in nothing.info[0].value
    wrong = open_own(HISTORY, kind="guess")
    assert "There is no kind 'guess'" in wrong.error[0].value
    assert len(rows(wrong)) == 3


def test_undo_and_redo(open_own: Open, edited: Lab) -> None:
    page = open_own(HISTORY)
    page.button(key="redo.1").click().run()
    assert undone(edited.history()) == set()
    page.text_input(key="author").set_value("Bob").run()
    page.button(key="undo.2").click().run()
    assert not page.exception
    assert undone(edited.history()) == {2}
    assert [(e.kind, e.author) for e in edited.history()[3:]] == [("redo", "anonymous"), ("undo", "Bob")]


def test_undone_meanwhile_in_another_window_is_said(open_own: Open, edited: Lab) -> None:
    page = open_own(HISTORY)
    edited.undo(2)
    page.button(key="undo.2").click().run()
    assert not page.exception
    assert undone(edited.history()) == {1, 2}


def test_what_rests_on_an_edit_is_asked_about(open_own: Open, edited: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Lab.history

    def resting(self: Lab) -> list[Edit]:
        return [replace(e, rests_on_it=(7, 9)) if e.seq == 2 else e for e in whole(self)]

    monkeypatch.setattr(Lab, "history", resting)
    page = open_own(HISTORY)
    page.button(key="undo.2").click().run()
    assert page.warning[0].value.startswith("Edits 7 and 9 rest on edit 2")
    assert undone(edited.history()) == {1}
    page.button(key="undo.2.keep").click().run()
    assert not page.warning
    page.button(key="undo.2").click().run()
    page.button(key="undo.2.anyway").click().run()
    assert not page.warning
    assert undone(edited.history()) == {1, 2}


def test_edits_are_filtered_by_author_and_text(open_own: Open, edited: Lab) -> None:
    assert [row.split(" · ")[0] for row in rows(open_own(HISTORY, editor="Ada"))] == ["**1"]
    assert [row.split(" · ")[0] for row in rows(open_own(HISTORY, holds="the document FRANCE"))] == ["**2"]
    assert "No edit matches" in open_own(HISTORY, holds="nothing like it").info[0].value
    wrong = open_own(HISTORY, editor="Nobody")
    assert "There is no editor 'Nobody'" in wrong.error[0].value
    assert len(rows(wrong)) == 3


def test_scores_and_the_difference_stand_with_each_edit(open_own: Open, own_lab: Lab) -> None:
    own_lab.teach(TEXT, scores=True)
    own_lab.forget(document="edit:1")
    page = open_own(HISTORY)
    line = next(text.value for text in page.caption if "efficacy" in text.value)
    assert line.startswith("efficacy 1 of 1 · paraphrase 2 of 2 · neighborhood ")
    page.session_state["history.details.1"] = True
    page.run()
    assert not page.exception
    said = [re.sub(r"<[^>]+>", "", element.value) for element in page.html]
    assert any("before:" in text and "after: Birnin" in html.unescape(text) for text in said)
    assert page.metric[0].value == "1 of 1"
    table = list(csv.DictReader(as_csv(own_lab.history(), own_lab.history()).splitlines()))
    assert (table[0]["efficacy"], table[0]["harmonic"]) == ("1.0", str(own_lab.history()[0].scores["harmonic"]))
    assert table[1]["efficacy"] == ""


def test_what_rests_on_an_edit_can_be_undone_with_it(open_own: Open, own_lab: Lab) -> None:
    own_lab.teach(TEXT)
    own_lab.forget(document="edit:1")
    page = open_own(HISTORY)
    page.button(key="undo.1").click().run()
    assert page.warning[0].value.startswith("Edit 2 rests on edit 1")
    page.button(key="undo.1.all").click().run()
    assert not page.exception
    assert undone(own_lab.history()) == {1, 2}


def test_verify(open_own: Open, edited: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_own(HISTORY)
    page.button(key="history.verify").click().run()
    assert page.success[0].value == "The chain is intact: all 3 edits as recorded."
    monkeypatch.setattr(Lab, "verify", lambda self: [Problem(2, "changed", "Edit 2 was *changed*.")])
    page.button(key="history.verify").click().run()
    assert not page.success
    assert page.error[0].value == r"Edit 2 was \*changed\*."


def test_a_damaged_record_is_one_message(open_own: Open, edited: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Lab) -> list[Edit]:
        raise RecordError("The ledger is damaged.")

    monkeypatch.setattr(Lab, "history", refuse)
    page = open_own(HISTORY)
    assert not page.exception
    assert [error.value for error in page.error] == ["The ledger is damaged."]


def test_exports_equal_what_is_shown(open_own: Open, edited: Lab) -> None:
    history = edited.history()
    assert [b.label for b in open_own(HISTORY).get("download_button")] == ["JSON", "CSV"]
    table = list(csv.DictReader(as_csv(history[::-1], history).splitlines()))
    assert [row["seq"] for row in table] == ["3", "2", "1"]
    assert [row["state"] for row in table] == ["", "active", "undone"]
    assert table[2]["remembers"] == TEXT
    said = json.loads(as_json(history, history))
    assert [edit["seq"] for edit in said] == [1, 2, 3]
    assert said[1]["forgets"][0]["document"] == history[1].sources[0].document


def test_no_cell_is_a_formula(edited: Lab) -> None:
    edited.teach('=HYPERLINK("http://a.b")', author="=1+1")
    row = next(csv.DictReader(as_csv(edited.history()[-1:], []).splitlines()))
    assert row["author"] == "'=1+1"
    assert row["remembers"].startswith("'=")


def test_markup_is_shown_as_text(open_own: Open, own_lab: Lab) -> None:
    own_lab.teach("<script>x</script> **b** :smile: is Birnin.", author="<b>A</b> $x$")
    page = open_own(HISTORY)
    assert r"\<script>" in rows(page)[0]
    assert r"\*\*b" in rows(page)[0]
    assert r"\<b>A" in page.caption[-1].value
