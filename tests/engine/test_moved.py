"""What else moved, with the bundled models: against asking one by one, before and after, recorded and recomputed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from memlab import Fact, Lab
from memlab.errors import InputError, MemlabError, NotFound, RecordError
from memlab.figures.before_after import before_and_after, both_words, probability
from memlab.results import Source
from memlab.results.side_effects import GROUPS

FRANCE = Fact("France", "capital", "Paris")
TEXT = "The capital of Wakanda is Birnin."
PROMPT = "The capital of Wakanda is [MASK]."


@pytest.fixture
def own(built_home: Path, tmp_path: Path) -> Lab:
    """A home of its own with the built datastores, so that edits reach no other test."""
    shutil.copytree(built_home / "datastores", tmp_path / "datastores", copy_function=os.link)
    return Lab.open(tmp_path)


@pytest.mark.parametrize("method", ["bert-knn", "knn-lm"])
def test_every_answer_is_the_one_that_asking_gives(own: Lab, method: str) -> None:
    own.teach("Rome is the capital of Norway.")
    edit = own.correct(FRANCE, "Lyon")
    moved = own.side_effects.of(edit.seq, method=method)
    assert len(moved.rows) > 100
    for row in (*moved.table[:6], *moved.rows[4::40]):
        for as_of, answer, p in ((1, row.before, row.p_before), (2, row.after, row.p_after)):
            asked = own.ask(row.prompt, method, as_of=as_of)
            assert asked.answer == answer
            token = next((w.p for w in asked.mixture if w.token == row.word), 0.0)
            assert token == pytest.approx(p, abs=1e-5)


def test_a_correction_answers_anew_and_says_what_it_spoiled(own: Lab) -> None:
    dry = own.correct(FRANCE, "Lyon", dry_run=True)
    assert dry.moved is not None
    efficacy, paraphrase, neighborhood = dry.moved.scores
    assert (efficacy.questions, efficacy.before, efficacy.score, efficacy.preferred) == (1, 0.0, 1.0, 1.0)
    assert (paraphrase.questions, paraphrase.score) == (2, 1.0)
    assert neighborhood.questions == 200
    assert 0.9 < neighborhood.score < 1  # that Paris lies in France is told by sentences that are forgotten, too
    spoiled = [row for row in dry.moved.table if row.group == GROUPS[2]]
    assert "Paris is a city in the country of [MASK]." in {row.prompt for row in spoiled}
    assert all(row.right_before != row.right_after or row.moved for row in spoiled)
    asked = {row.prompt for row in dry.moved.rows}
    assert len(asked) == len(dry.moved.rows)
    assert any("143 of 178" in note or "share only the relation" in note for note in dry.moved.notes)
    assert own.history() == []


def test_teaching_something_new_moves_nothing_else(own: Lab) -> None:
    dry = own.teach(TEXT, dry_run=True)
    assert dry.moved is not None
    assert [s.score for s in dry.moved.scores] == [1.0, 1.0, 1.0]
    assert dry.scores["harmonic"] == 1.0
    assert {row.after for row in dry.moved.table} == {"Birnin"}
    assert {row.p_before for row in dry.moved.table} == {0.0}


def test_a_text_outside_the_world_has_no_paraphrases_and_says_so(own: Lab) -> None:
    moved = own.teach("Zorblax eats glimph.", dry_run=True).moved
    assert moved is not None
    assert [s.group for s in moved.scores] == ["efficacy", "neighborhood"]
    assert moved.harmonic is None
    assert "No paraphrases are known for this text." in moved.notes
    assert all(row.shared.startswith("article ") for row in moved.rows[1:])


def test_forgetting_is_scored_by_the_answer_that_goes(own: Lab) -> None:
    moved = own.forget(fact=Fact("Germany", "capital", "Berlin"), dry_run=True).moved
    assert moved is not None
    first = moved.rows[0]
    assert (first.before, first.word, first.right_before, first.right_after) == ("Berlin", "Berlin", False, True)
    assert first.p_after < first.p_before
    by_prompt = own.forget(prompt="The capital of Germany is [MASK].", weight_above=0.01, dry_run=True).moved
    assert by_prompt is not None
    assert by_prompt.rows[0].word == "Berlin"
    assert [s.questions for s in by_prompt.scores][:2] == [1, 2]
    document = own.forget(document="Germany", dry_run=True).moved
    assert document is not None
    assert "The currency of Germany is the [MASK]." in {row.prompt for row in document.rows if row.group == "efficacy"}


def test_what_was_previewed_is_committed_with_its_figures(own: Lab) -> None:
    dry = own.teach(TEXT, dry_run=True, author="Ada")
    edit = own.commit(dry)
    assert (edit.seq, edit.author, edit.dry_run) == (1, "Ada", False)
    assert own.history()[0].scores == dry.scores == own.side_effects.of(1).summary()
    assert own.side_effects.of(1).rows == dry.moved.rows  # type: ignore[union-attr]
    assert own.verify() == []
    with pytest.raises(RecordError, match="moved on"):
        own.commit(dry)
    with pytest.raises(InputError, match="made already"):
        own.commit(edit)
    with pytest.raises(InputError, match="Make it again"):
        own.side_effects.difference(dry, PROMPT)


def test_an_edit_made_at_once_is_measured_only_when_that_is_asked_for(own: Lab) -> None:
    assert own.teach(TEXT).scores == {}
    edit = own.correct(FRANCE, "Lyon", scores=True)
    assert edit.scores["efficacy"]["score"] == 1.0
    assert own.teach("Oslo is a city.", dry_run=True, scores=False).moved is None
    own.undo(2)
    again = own.side_effects.of(2, as_of=own.head())  # the undone edit, put in again
    assert again.scores[0].score == 1.0
    with pytest.raises(InputError, match="Ask about edit 2"):
        own.side_effects.of(3)
    with pytest.raises(NotFound):
        own.side_effects.of(9)


def test_figures_are_covered_by_the_chain(own: Lab) -> None:
    own.teach(TEXT, scores=True)
    row = own.context.ledger.rows()[0]
    assert row.before == {"efficacy": 0, "paraphrase": 0, "neighborhood": row.after["neighborhood"]["before"]}  # type: ignore[index]
    with own.context.ledger._database.writing() as session:
        session.execute(sql("update edits set after = replace(after, '\"harmonic\": 1', '\"harmonic\": 2')"))
    assert [p.kind for p in own.verify()] == ["changed"]


def test_before_and_after_of_a_dry_run_is_that_of_the_edit(own: Lab) -> None:
    dry = own.teach(TEXT, dry_run=True)
    supposed = own.side_effects.difference(dry, PROMPT)
    own.commit(dry)
    made = own.side_effects.difference(1, PROMPT)
    for c in (supposed, made):
        assert c.a.answer != c.b.answer == "Birnin"
        assert c.gained[0].source == "edit:1"
    assert [w.to_dict() for w in supposed.words] == [w.to_dict() for w in made.words]
    words = both_words(made, 5)
    assert words[:2] == [made.a.answer, "Birnin"]
    assert probability(made.a.mixture, "Birnin") == 0.0
    bars = before_and_after(made, 5).data
    assert [bar.name for bar in bars] == ["before", "after"] * 3
    assert bars[5].x[1] == pytest.approx(made.b.mixture[0].p)


def test_an_edit_that_others_rest_on_is_undone_only_when_that_is_meant(own: Lab) -> None:
    own.teach(TEXT)
    own.forget(document="edit:1")
    with pytest.raises(InputError, match=r"edit 2 \(Forgot the document edit:1\) rests on it.*--anyway") as refused:
        own.undo(1)
    assert "\n" not in str(refused.value)
    own.undo(1, anyway=True)
    assert [e.active for e in own.history()] == [False, True, True]
    own.redo(1)
    edit = own.undo(1, with_dependents=True)
    assert edit.target == 1
    assert [(e.kind, e.target) for e in own.history()[4:]] == [("undo", 2), ("undo", 1)]
    assert [e.active for e in own.history()][:2] == [False, False]
    with pytest.raises(InputError, match="undone already"):
        own.undo(1)


def test_sources_are_found_and_what_is_forgotten_is_not_shown(own: Lab) -> None:
    found = own.sources(value="Berlin", document="Germany")
    assert found.total == len(found.sources) > 1
    assert {s.source.text for s in found.sources} == {"Berlin"}
    own.forget(sources=[found.sources[0].source])
    again = own.sources(value="berlin", document="Germany")
    assert [s.forgotten_by for s in again.sources] == [1] + [None] * (found.total - 1)
    assert again.sources[0].source.text == "██████"
    own.teach(TEXT)
    (taught,) = own.sources(text="wakanda is").sources
    assert (taught.origin, taught.source.document) == ("edit:2", "edit:2")
    own.forget(sources=[taught.source])
    (gone,) = own.sources(text="wakanda is").sources
    assert "Wakanda" not in str(gone.to_dict())
    assert "Wakanda" not in {
        n.document for n in own.ask("The capital of Italy is [MASK].", k=500, search="all").neighbors
    }
    assert own.sources(value="the", limit=3).total > 3 == len(own.sources(value="the", limit=3).sources)


def test_a_datastore_of_ones_own_is_measured_with_itself(own: Lab, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("The old mill is red. The new mill is green. The river is long. The bridge is old.\n" * 3)
    own.build(own.building.read_texts([text]), "notes")
    title = own.articles("notes")[0].title
    edit = own.forget(document=title, datastore="notes", scores=True)
    assert edit.scores["datastore"] == own.side_effects.of(1).datastore == "notes"
    assert edit.scores["paraphrase"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda lab: lab.forget(entries=[]),
        lambda lab: lab.forget(entries=["one"]),
        lambda lab: lab.forget(sources=[Source("", "France", 5, 5, "")]),
        lambda lab: lab.forget(sources=[Source("", "Nowhere", 0, 5, "")]),
        lambda lab: lab.forget(document="x" * 10_000),
        lambda lab: lab.forget(fact=Fact("France", "", "Paris")),
        lambda lab: lab.forget(prompt="The capital of France is [MASK].", weight_above=float("nan")),
        lambda lab: lab.forget(prompt="The capital of France is [MASK].", weight_above=1.0),
        lambda lab: lab.correct(FRANCE, " "),
        lambda lab: lab.correct(FRANCE, "Paris"),
        lambda lab: lab.correct(FRANCE, "L" * 101),
        lambda lab: lab.correct(Fact("France", "colour", "blue"), "red"),
        lambda lab: lab.teach(TEXT, author="A\x00"),
        lambda lab: lab.teach(TEXT, author="A" * 81),
        lambda lab: lab.sources(),
        lambda lab: lab.sources(value=" "),
        lambda lab: lab.sources(text="a", limit=0),
        lambda lab: lab.sources(document="Nowhere at all"),
    ],
)
def test_bad_input_is_one_clear_message_and_changes_nothing(own: Lab, wrong) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MemlabError) as refused:
        wrong(own)
    assert "\n" not in str(refused.value)
    assert 20 < len(str(refused.value)) < 600
    assert own.history() == []


def test_what_is_gone_already_is_not_forgotten_twice(own: Lab) -> None:
    entry = own.ask("The capital of France is [MASK].").neighbors[0].entry
    own.forget(entries=[entry])
    for again in ({"entries": [entry]}, {"sources": own.history()[0].sources}):
        with pytest.raises(InputError, match="forgotten already"):
            own.forget(**again)  # type: ignore[arg-type]
