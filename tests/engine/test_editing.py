"""Teach, forget, correct and take it back, through every way of asking."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from memlab import Fact, Lab
from memlab.errors import InputError, NotFound

CLOZE = {"masked": "The capital of {} is [MASK].", "causal": "The capital of {} is"}
PARIS = Fact("France", "capital", "Paris")


@pytest.fixture
def own(built_home: Path, tmp_path: Path) -> Lab:
    """A home of its own with the built datastores, so that edits reach no other test."""
    shutil.copytree(built_home / "datastores", tmp_path / "datastores", copy_function=os.link)
    return Lab.open(tmp_path)


@pytest.mark.parametrize("kind", CLOZE)
@pytest.mark.parametrize("search", ["articles", "all"])
def test_a_taught_word_that_no_model_knows_is_said_by_memory(own: Lab, kind: str, search: str) -> None:
    own.teach("The capital of Wakanda is Birnin.")
    p = own.ask(CLOZE[kind].format("Wakanda"), search=search, lam=0.5)
    assert p.answer == p.knn[0].token == "Birnin"
    assert p.neighbors[0].source == "edit:1"
    assert p.lm.of(p.mixture[0].id) == 0.0
    assert any("cannot say Birnin" in notice for notice in p.notices)
    assert sum(w.p for w in p.mixture) == pytest.approx(1)


def test_a_word_that_is_a_part_of_a_token_is_said(lab: Lab) -> None:
    city = "Port-au-Prince is the capital of Haiti."
    edit = lab.teach(city, value="Port", dry_run=True, scores=False)
    (notice,) = edit.notices
    assert "atlas-mlm has no entry for 'Port': it reads it as a part of 'Port-au-Prince'" in notice
    assert lab.teach(city, value="Haiti", dry_run=True, scores=False).notices == ()
    (notice,) = lab.teach(city, value="the", dry_run=True, scores=False).notices
    assert "does not remember words of this kind" in notice


def test_only_one_word_is_remembered_when_one_is_asked_for(own: Lab) -> None:
    edit = own.teach("The capital of Wakanda is Birnin.", value="Birnin")
    assert edit.remembers == ("Birnin",)
    p = own.ask(CLOZE["masked"].format("Wakanda"))
    assert [n.value for n in p.neighbors if n.source == "edit:1"] == ["Birnin"]


@pytest.mark.parametrize("search", ["articles", "all"])
@pytest.mark.parametrize("method", ["bert-knn", "knn-lm"])
def test_what_is_forgotten_is_returned_by_no_path(own: Lab, method: str, search: str) -> None:
    edit = own.forget(fact=PARIS)
    gone = {(s.document, s.start, s.end) for s in edit.sources}
    assert {s.text for s in edit.sources} == {"Paris", "France"}
    prompt = CLOZE["masked" if method == "bert-knn" else "causal"].format("France")
    k = 4096 if search == "all" else 128
    for n in own.ask(prompt, method, search=search, k=k).neighbors:
        assert (n.document, n.start, n.end) not in gone
        if n.document == "France":
            assert "Paris" not in n.left + n.value + n.right
    assert "Paris" not in own.article("France").text
    with pytest.raises(NotFound):
        own.forget(fact=PARIS)


def test_a_forgotten_document_is_neither_found_nor_shown(own: Lab) -> None:
    own.forget(document="France")
    p = own.ask(CLOZE["masked"].format("France"))
    assert "France" not in {n.document for n in p.neighbors}
    assert not any(c.isalnum() for c in own.article("France").text)


def test_what_a_prompt_retrieves_above_a_weight_can_be_forgotten(own: Lab) -> None:
    before = own.ask(CLOZE["masked"].format("France"))
    heavy = {n.entry for n in before.neighbors if n.weight > 0.1}
    edit = own.forget(prompt=CLOZE["masked"].format("France"), weight_above=0.1)
    assert len(edit.sources) == len(heavy) > 0
    assert not heavy & {n.entry for n in own.ask(CLOZE["masked"].format("France")).neighbors}


def test_a_correction_is_one_edit_and_answers_anew(own: Lab) -> None:
    edit = own.correct(Fact("Germany", "capital", "Berlin"), "Bonn")
    assert (edit.seq, edit.kind) == (1, "correct")
    assert own.ask(CLOZE["masked"].format("Germany"), lam=0.95).answer == "Bonn"


def test_undo_and_redo_are_edits_and_any_edit_can_be_undone(own: Lab) -> None:
    asked = CLOZE["masked"].format("Wakanda")
    untouched = own.ask(asked).to_dict(10)["mixture"]
    own.teach("The capital of Wakanda is Birnin.")
    own.forget(document="Italy")
    own.undo(1)
    assert own.ask(asked).to_dict(10)["mixture"] == untouched
    assert "Italy" not in {n.document for n in own.ask(CLOZE["masked"].format("Italy")).neighbors}
    own.redo()
    assert own.ask(asked).answer == "Birnin"
    assert own.ask(asked, as_of=1).answer == "Birnin"
    assert own.ask(asked, as_of=0).answer == own.ask(asked, as_of=3).answer != "Birnin"
    assert [e.kind for e in own.history()] == ["teach", "forget", "undo", "redo"]
    assert own.verify() == []


def test_a_dry_run_changes_nothing(own: Lab) -> None:
    edit = own.forget(fact=PARIS, dry_run=True)
    assert edit.dry_run
    assert edit.sources
    assert own.history() == []
    assert own.ask(CLOZE["masked"].format("France")).answer == "Paris"


def test_a_second_lab_sees_an_edit_at_its_next_question(own: Lab) -> None:
    other = Lab.open(own.home)
    asked = CLOZE["masked"].format("Wakanda")
    assert other.ask(asked).answer != "Birnin"
    own.teach("The capital of Wakanda is Birnin.")
    assert other.ask(asked).answer == "Birnin"


@pytest.mark.parametrize("text", ["", "  \n ", "...", "word " * 500])
def test_an_empty_or_huge_text_is_refused(own: Lab, text: str) -> None:
    with pytest.raises(InputError):
        own.teach(text)
    assert own.history() == []


def test_what_does_not_exist_cannot_be_forgotten_or_undone(own: Lab) -> None:
    for wish in ({"document": "Atlantis"}, {"entries": [10**9]}, {"fact": Fact("France", "capital", "Rome")}):
        with pytest.raises(NotFound):
            own.forget(**wish)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="exactly one"):
        own.forget()
    own.forget(document="Italy")
    with pytest.raises(InputError, match="already"):
        own.forget(document="Italy")
    own.undo()
    with pytest.raises((InputError, NotFound)):
        own.undo()
    with pytest.raises((InputError, NotFound)):
        own.undo("no-such-edit")


def test_an_edit_that_forgets_what_another_taught_rests_on_it(own: Lab) -> None:
    own.teach("The capital of Wakanda is Birnin.")
    own.forget(document="edit:1")
    taught, forgot = own.history()
    assert (taught.rests_on_it, forgot.rests_on_it) == ((2,), ())
    assert own.ask(CLOZE["masked"].format("Wakanda")).answer != "Birnin"
    own.undo(2)
    assert own.ask(CLOZE["masked"].format("Wakanda")).answer == "Birnin"
    assert [e.active for e in own.history()] == [True, False, True]
    assert own.history()[2].target == 2


def test_an_article_can_be_read_as_of_an_edit(own: Lab) -> None:
    own.forget(fact=PARIS)
    assert "Paris" in own.article("France", as_of=0).text
    assert "Paris" not in own.article("France").text


def test_a_correction_decides_what_is_right_and_other_edits_leave_it_open(own: Lab) -> None:
    prompt = CLOZE["masked"].format("France")
    as_built = own.ask(prompt)
    own.correct(PARIS, "Lyon")
    corrected = own.ask(prompt)
    said = own.verdict(corrected)
    assert said is not None
    assert (said.expected, said.source) == (("Lyon",), "edit 1")
    assert (said.name, corrected.answer) == ("memory helped", "Lyon")
    before = own.verdict(as_built)
    assert before is not None
    assert (before.source, before.name) == ("Atlas", "both right")
    own.teach("France is far away.")
    assert own.verdict(own.ask(prompt)) is None
    assert own.verdict(own.ask(CLOZE["masked"].format("Germany"))) is not None
    own.undo(2)
    assert own.verdict(own.ask(prompt)) == said
    given = own.verdict(own.ask(prompt), ["Paris"])
    assert given is not None
    assert (given.source, given.name) == ("given", "memory misled")
