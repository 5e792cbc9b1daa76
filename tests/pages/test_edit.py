"""The Edit page: first view, bad input, a link, preview before commit, undo; and what Ask shows of edits."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from memlab import Fact, Lab
from memlab.errors import RecordError
from memlab.ui.edit.timeline import cloze
from tests.pages.panel import sentence

EDIT, ASK = "pages/edit.py", "pages/ask.py"
TEXT = "The capital of Wakanda is Birnin."
PROMPT = "The capital of Wakanda is [MASK]."
NASTY = "<script>alert(1)</script> $x^2$ **b** `c` :smile: [l](http://a.b) is Birnin."
BERLIN = {"subject": "Germany", "relation": "capital", "object": "Berlin"}
GERMANY = Fact("Germany", "capital", "Berlin")
STATED = {"way": "Forget", "forget": "whatever states a fact", **BERLIN}

Open = Callable[..., AppTest]


def texts(page: AppTest) -> list[str]:
    """What each st.html element says, without its tags."""
    return [html.unescape(re.sub(r"<[^>]+>", "", element.value)) for element in page.html]


def keys(page: AppTest) -> set[str | None]:
    return {button.key for button in page.button}


def asked(page: AppTest) -> list[str]:
    """The prompts that the links to the Ask page bring, those to earlier states left out."""
    links = [urlsplit(link.proto.url) for link in page.get("link_button")]
    found = [parse_qs(link.query) for link in links if link.path == "ask"]
    return [link["prompt"][0] for link in found if "as_of" not in link]


def commit(page: AppTest) -> AppTest:
    return page.button(key="edit.commit").click().run()


@pytest.mark.parametrize("way", ["Teach", "Correct", "Forget", "Find"])
def test_first_view_says_what_to_do(open_own: Open, way: str) -> None:
    page = open_own(EDIT, way=way)
    assert not page.exception
    assert not page.error
    assert "Then a preview shows" in page.info[0].value
    assert "edit.commit" not in keys(page)


def test_teaching_is_previewed_committed_and_undone(open_own: Open, own_lab: Lab) -> None:
    page = open_own(EDIT, text=TEXT)
    assert not page.exception
    assert TEXT in texts(page)
    assert own_lab.history() == []
    page.text_input(key="author").set_value("Ada").run()
    commit(page)
    assert page.success[0].value == f"Edit 1: Taught: {TEXT}"
    assert [(e.kind, e.author) for e in own_lab.history()] == [("teach", "Ada")]
    assert asked(page) == [PROMPT]
    assert own_lab.ask(PROMPT).answer == "Birnin"
    page.button(key="undo.1").click().run()
    assert "is taken back" in page.info[0].value
    assert own_lab.ask(PROMPT).answer != "Birnin"
    page.button(key="edit.another").click().run()
    assert not page.exception
    assert page.text_area(key="text").value == ""
    assert "edit.commit" not in keys(page)


def test_one_word_is_remembered(open_own: Open, own_lab: Lab) -> None:
    page = open_own(EDIT, text=TEXT, word="Birnin")
    assert "Birnin" in texts(page)
    commit(page)
    assert own_lab.history()[0].remembers == ("Birnin",)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"text": "!!!"}, "There is nothing to teach."),
        ({"text": "word " * 600}, "at most 2000"),
        ({"text": TEXT, "word": "Paris"}, "does not occur in the text"),
        ({"text": TEXT, "word": "?"}, "There is no word in '?'"),
        ({"text": PROMPT}, "marks a word that is asked for"),
        ({"way": "Correct", "new": "Berlin", **BERLIN}, "is Berlin already"),
        ({"way": "Correct", "new": "x" * 101, **BERLIN}, "1 to 100 characters"),
        ({"way": "Find", "title": "Nowhere"}, "There is no document 'Nowhere'"),
        ({"way": "Guess"}, "Available: Correct, Find, Forget, Teach."),
        ({"way": "Correct", "subject": "Nowhere"}, "There is no subject 'Nowhere'"),
        ({"way": "Forget", "forget": "all"}, "There is no forget 'all'"),
        ({"way": "Forget", "document": "Nowhere"}, "There is no document 'Nowhere'"),
        ({"way": "Forget", "forget": "what a prompt finds", "found": "[MASK] [MASK]"}, "[MASK]"),
        ({"way": "Forget", "forget": "what a prompt finds", "found": PROMPT, "weight": "1"}, "nothing left to forget"),
    ],
)
def test_what_cannot_be_done_is_said(open_own: Open, own_lab: Lab, address: dict[str, str], message: str) -> None:
    page = open_own(EDIT, **address)
    assert not page.exception
    assert len(page.error) == 1
    assert message in page.error[0].value.replace("\\", "")
    assert "edit.commit" not in keys(page)
    assert own_lab.history() == []


def test_a_refused_commit_is_one_message(open_own: Open, own_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_own(EDIT, text=TEXT)
    page.text_input(key="author").set_value("A" * 81).run()
    commit(page)
    assert not page.exception
    assert "Allowed are 1 to 80" in page.error[0].value
    assert own_lab.history() == []

    def refuse(self: Lab, datastore: str | None = None) -> list[object]:
        raise RecordError("The database cannot be read.")

    monkeypatch.setattr(Lab, "articles", refuse)
    page = open_own(EDIT, way="Forget")
    assert not page.exception
    assert page.error[0].value == "The database cannot be read."


def test_correcting_forgets_and_teaches_as_one_edit(open_own: Open, own_lab: Lab) -> None:
    page = open_own(EDIT, way="Correct", new="Bonn", **BERLIN)
    assert page.selectbox(key="object").value == BERLIN["object"]
    assert "Bonn" in "".join(texts(page))
    assert set(page.dataframe[0].value["text"]) == {"Germany", "Berlin"}
    commit(page)
    edit = own_lab.history()[0]
    assert edit.kind == "correct"
    assert not page.error
    assert own_lab.ask("The capital of Germany is [MASK].").answer == "Bonn"
    assert len(asked(page)) == 1


def test_the_next_menus_follow_the_subject(open_own: Open) -> None:
    page = open_own(EDIT, **STATED)
    page.selectbox(key="subject").set_value("Italy").run()
    assert not page.exception
    assert [page.selectbox(key=name).value for name in ("relation", "object")] == ["capital", "Rome"]


def test_the_preview_measures_what_else_moves_and_the_commit_records_it(open_own: Open, own_lab: Lab) -> None:
    page = open_own(EDIT, way="Correct", new="Bonn", **BERLIN)
    moved = own_lab.correct(GERMANY, "Bonn", dry_run=True).moved
    assert moved is not None
    gone = sum(row.group == "neighborhood" for row in moved.table)
    assert [m.label for m in page.metric] == ["Efficacy", "Paraphrase", "Neighborhood", "Harmonic mean"]
    assert [m.value for m in page.metric][:3] == ["1 of 1", "2 of 2", f"{200 - gone} of 200"]
    assert "now: Berlin" in "".join(texts(page))
    page.segmented_control(key="edit.view").set_value("What else moves").run()
    table = page.dataframe[1].value
    assert list(table["group"][:3]) == ["efficacy", "paraphrase", "paraphrase"]
    assert set(table["after"][:3]) == {"Bonn"}
    assert all("Berlin" in shares or "Germany" in shares for shares in table["shares"][3:])
    commit(page)
    assert not page.exception
    assert not page.error
    (edit,) = own_lab.history()
    assert edit.scores["efficacy"] == {"questions": 1, "before": 0, "after": 1, "score": 1, "preferred": 1}
    assert edit.scores["neighborhood"]["questions"] == 200
    assert own_lab.verify() == []
    page.segmented_control(key="edit.view").set_value("Before and after").run()
    links = [parse_qs(urlsplit(link.proto.url).query) for link in page.get("link_button")]
    assert [link["as_of"] for link in links if "as_of" in link] == [["0"], ["1"]]


def test_a_preview_that_another_window_has_overtaken_is_not_committed(open_own: Open, own_lab: Lab) -> None:
    page = open_own(EDIT, text=TEXT)
    own_lab.forget(document="Italy")
    commit(page)
    assert not page.exception
    assert "Something changed while you looked" in page.error[0].value
    assert len(own_lab.history()) == 1
    commit(page)
    assert [e.kind for e in own_lab.history()] == ["forget", "teach"]


def test_sources_are_found_and_forgotten_ones_are_blacked_out(open_own: Open, own_lab: Lab) -> None:
    page = open_own(EDIT, way="Find", value="Berlin", title="Germany")
    assert not page.exception
    assert not page.error
    before = page.dataframe[0].value
    assert all("⟦Berlin⟧" in passage for passage in before["passage"])
    assert set(before["document"]) == {"Germany"}
    own_lab.teach("Berlin is where Germany Ruritania meet.")
    own_lab.forget(fact=GERMANY)
    after = open_own(EDIT, way="Find", value="Berlin", title="Germany").dataframe[0].value
    assert len(after) == len(before)
    gone = after[after["state"] == "forgotten by edit 2"]
    assert len(gone)
    assert not any("Berlin" in passage for passage in gone["passage"])
    taught = open_own(EDIT, way="Find", find="Ruritania").dataframe[0].value
    assert list(taught["document"]) == ["Taught in edit 1"]
    nothing = open_own(EDIT, way="Find", find="xyzzy")
    assert "No text of this memory contains that" in nothing.info[0].value


def test_what_states_a_fact_is_listed_and_forgotten(open_own: Open, own_lab: Lab) -> None:
    page = open_own(EDIT, **STATED)
    table = page.dataframe[0].value
    assert any(f"Will be forgotten: {len(table)} places" in text.value for text in page.markdown)
    assert all("Berlin" in sentence and "Germany" in sentence for sentence in table["sentence"])
    commit(page)
    assert len(own_lab.history()[0].sources) == len(table)
    again = open_own(EDIT, **STATED)
    assert not again.exception
    assert len(again.error) == 1


def test_a_long_list_is_cut_with_a_count(open_own: Open, own_lab: Lab) -> None:
    found = {
        "way": "Forget",
        "forget": "what a prompt finds",
        "found": "The capital of France is [MASK].",
        "weight": "0",
    }
    count = len(own_lab.forget(prompt=found["found"], weight_above=0.0, dry_run=True).sources)
    page = open_own(EDIT, **found)
    assert len(page.dataframe[0].value) == min(50, count)
    assert count <= 50 or any(c.value == f"The first 50 of {count}." for c in page.caption)


def test_a_document_is_forgotten_also_a_taught_one(open_own: Open, own_lab: Lab) -> None:
    page = open_own(EDIT, way="Forget", document="France")
    assert list(page.dataframe[0].value["text"]) == ["the whole document"]
    commit(page)
    assert not page.exception
    assert len(asked(page)) == 3
    own_lab.teach(TEXT)
    page = commit(open_own(EDIT, way="Forget", document="Taught in edit 2"))
    assert not page.exception
    assert own_lab.history()[2].sources[0].document == "edit:2"
    assert own_lab.ask(PROMPT).answer != "Birnin"


def test_markup_is_shown_as_text(open_own: Open) -> None:
    page = open_own(EDIT, text=NASTY)
    assert NASTY in texts(page)
    page.text_input(key="author").set_value("<b>Ada</b>").run()
    commit(page)
    assert not [element for element in page.html if "<script" in element.value]
    assert r"\<script>" in page.success[0].value


def test_ask_shows_what_was_taught_and_opens_it(open_own: Open, own_lab: Lab) -> None:
    own_lab.teach(TEXT)
    entry = own_lab.ask(PROMPT).neighbors[0]
    assert entry.source == "edit:1"
    page = open_own(ASK, prompt=PROMPT, source=str(entry.entry))
    assert not page.exception
    assert not page.error
    assert page.button(key=f"ask.open.{entry.entry}").label == "Taught in edit 1"
    assert "Taught in edit 1" in [heading.value for heading in page.subheader]
    assert TEXT in texts(page)
    assert any("The model cannot say Birnin" in notice.value for notice in page.info)
    own_lab.undo()
    page = open_own(ASK, prompt=PROMPT, source=str(entry.entry), as_of="1")
    assert not page.error
    assert TEXT in texts(page)


def test_an_opened_article_hides_what_was_forgotten(open_own: Open, own_lab: Lab) -> None:
    prompt = "The capital of Germany is [MASK]."
    own_lab.forget(fact=next(f for f in own_lab.facts("capital") if f.subject == "Germany"))
    entry = own_lab.ask(prompt).neighbors[0]
    page = open_own(ASK, prompt=prompt, source=str(entry.entry))
    assert not page.error
    article = next(element.value for element in page.html if "pre-wrap" in element.value)
    assert html.unescape(re.sub(r"<[^>]+>", "", article)) == own_lab.article(entry.document).text


def test_ask_as_of_an_edit(open_own: Open, own_lab: Lab) -> None:
    assert not [s for s in open_own(ASK, prompt=PROMPT).select_slider if s.key == "as_of"]
    own_lab.teach(TEXT)
    page = open_own(ASK, prompt=PROMPT)
    assert page.select_slider(key="as_of").value == "now"
    assert "Birnin" in sentence(page)
    page.select_slider(key="as_of").set_value("0").run()
    assert "Birnin" not in sentence(page)
    own_lab.undo()
    assert "Birnin" in sentence(open_own(ASK, prompt=PROMPT, as_of="1"))
    wrong = open_own(ASK, prompt=PROMPT, as_of="7")
    assert "There is no edit '7'" in wrong.error[0].value
    assert "Birnin" not in sentence(wrong)


def test_another_windows_undo_reaches_a_view_of_now(open_own: Open, own_lab: Lab) -> None:
    own_lab.teach(TEXT)
    page = open_own(ASK, prompt=PROMPT)
    own_lab.undo()
    page.run()
    assert page.select_slider(key="as_of").value == "now"
    assert "Birnin" not in sentence(page)


@pytest.mark.parametrize(
    ("text", "word", "question"),
    [
        (TEXT, None, PROMPT),
        (TEXT, "Wakanda", "The capital of [MASK] is Birnin."),
        ("One is two. Three is four.", None, "One is [MASK]."),
        ("One is two. Three is four.", "four", "Three is [MASK]."),
        ("Birnin", None, "[MASK]"),
        ("?", None, ""),
    ],
)
def test_the_question_that_a_text_answers(text: str, word: str | None, question: str) -> None:
    assert cloze(text, word) == question
