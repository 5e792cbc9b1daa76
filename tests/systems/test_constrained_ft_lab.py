"""Edits of weights in a workspace: recorded, asked, undone, stacked, refused. With the bundled masked model and a part of
its world, so that measuring is quick."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from memlab import Fact, Lab
from memlab.corpus.world import World, atlas
from memlab.errors import InputError, MemlabError, NotFound, RecordError, StoppedError
from memlab.lab import modifying
from memlab.lab.modifying import ModifyOptions, how_of
from memlab.lm.delta_refs import delta_path
from tests.commands import document, refused, run_on

FRANCE = "The capital of France is [MASK]."
LYON = Fact("France", "capital", "Lyon")
QUICK = {"method": "ftm", "delta": 0.01, "blocks": (0,), "steps": 12}


@pytest.fixture(scope="module", autouse=True)
def small_world() -> Iterator[None]:
    """Facts of every tenth subject, of France, Germany and Italy; what is asked of the model is a tenth, too."""
    world = World(atlas().folder, atlas().seed)
    names = set(sorted(world.subjects)[::10]) | {"France", "Germany", "Italy", "Lyon", "Paris"}
    world.facts = [f for f in world.facts if f.subject in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modifying, "atlas", lambda: world)
        yield


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    return Lab.open(tmp_path / "home")


def answer(lab: Lab, as_of: int | None = None) -> tuple[str, bytes]:
    lm = lab.ask(FRANCE, method="base", model="atlas-mlm", as_of=as_of).lm
    return lm[0].token, lm.logp.tobytes()


def test_a_fact_is_changed_and_taken_back_bit_for_bit(own: Lab) -> None:
    before = answer(own)
    assert before[0] == "Paris"
    edit = own.modify([LYON], **QUICK)
    assert (edit.kind, edit.seq, edit.active) == ("modify", 1, True)
    assert answer(own)[0] == "Lyon"
    assert own.ask(FRANCE, method="base", model="atlas-mlm").model == "atlas-mlm"
    assert answer(own, as_of=0) == before
    assert answer(own, as_of=1)[0] == "Lyon"
    assert edit.scores["a_m"] == 1.0
    assert edit.moved is not None
    assert {r.group for r in edit.moved.rows} >= {"efficacy", "paraphrase"}
    assert own.verify() == []
    changed = answer(own)
    own.undo()
    assert answer(own) == before
    own.redo()
    assert answer(own) == changed
    report = own.modifying.report(1)
    assert report["norm_inf"] <= 0.01 * (1 + 1e-5)
    assert {g["group"] for g in report["groups"]} >= {"edited", "paraphrase", "same subject", "unrelated"}
    assert [r["after"] for r in report["rows"] if r["group"] == "edited"] == ["Lyon"]
    again = Lab.open(own.home)  # another process would read the same
    assert answer(again) == changed


@pytest.mark.slow
def test_two_workspaces_do_not_see_each_other(own: Lab) -> None:
    own.workspaces.create("other")
    own.modify([LYON], **QUICK)
    other = Lab.open(own.home, "other")
    wanted = answer(own), answer(other)
    assert (wanted[0][0], wanted[1][0]) == ("Lyon", "Paris")
    seen: dict[int, tuple] = {}

    def ask(n: int) -> None:
        seen[n] = answer((own, other)[n % 2])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [seen[n] for n in range(6)] == [wanted[n % 2] for n in range(6)]


@pytest.mark.slow
def test_edits_stack_and_an_earlier_one_can_be_left_out(own: Lab) -> None:
    own.modify([LYON], **QUICK)
    own.modify([Fact("Germany", "continent", "Asia")], unknown="train", **QUICK)
    assert answer(own)[0] == "Lyon"
    with pytest.raises(InputError, match=r"edit 2 .* rests on it"):
        own.undo(1)
    own.undo(1, anyway=True)
    assert answer(own)[0] == "Paris"
    assert own.modifying.stale() == {2: (1,)}
    edit = own.modifying.train_again(2, ModifyOptions())
    assert edit.seq == 5
    assert [e.ref.edit for e in own.modifying.versions().edits] == [5]
    assert own.modifying.stale() == {}


@pytest.mark.slow
def test_a_changed_fact_can_be_changed_again(own: Lab) -> None:
    own.modify([LYON], **QUICK)
    with pytest.raises(InputError, match="Lyon is the capital of France already"):
        own.modify([LYON], **QUICK)
    edit = own.modify([Fact("France", "capital", "Berlin")], **QUICK)
    assert "Lyon -> Berlin" in edit.summary
    assert answer(own)[0] == "Berlin"


@pytest.mark.slow
def test_a_fact_is_forgotten(own: Lab) -> None:
    p_before = _paris(own)
    edit = own.modify([Fact("France", "capital", "")], goal="forget", **{**QUICK, "steps": 40})
    assert edit.kind == "unlearn"
    word = answer(own)[0]
    assert _paris(own) < p_before / 10
    assert edit.moved is not None
    assert any(note.startswith("Aim: probability") for note in edit.moved.notes)
    assert word != "Paris" or any("Still known" in note for note in edit.moved.notes)


def _paris(lab: Lab) -> float:
    return next(w.p for w in lab.ask(FRANCE, method="base", model="atlas-mlm").lm if w.token == "Paris")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ([Fact("France", "capital", "Paris")], "already"),
        ([LYON, Fact("France", "capital", "Berlin")], "Lyon and Berlin"),
        ([Fact("France", "capital", "漢字")], "outside its vocabulary|cannot write"),
        ([Fact("France", "capital", " ")], "no object"),
        ([Fact("Atlantis", "capital", "Lyon")], "no capital of Atlantis"),
        ([], "No fact is named"),
    ],
)
def test_facts_that_cannot_be_changed_are_refused(facts: list[Fact], reason: str, own: Lab) -> None:
    with pytest.raises(InputError, match=reason):
        own.modify(facts, **QUICK)
    assert own.head() == 0


@pytest.mark.slow
def test_a_fact_that_the_model_does_not_know_is_offered_as_teaching(own: Lab) -> None:
    unseen = next(f for f in modifying.atlas().facts if f.exposure == "unseen" and not _knows(own, f))
    new = next(f.object for f in atlas().facts if f.relation == unseen.relation and f.object != unseen.object)
    with pytest.raises(InputError, match=r"does not know.*memlab teach"):
        own.modify([Fact(unseen.subject, unseen.relation, new)], **QUICK)
    edit = own.modify([Fact(unseen.subject, unseen.relation, new)], unknown="train", **QUICK)
    assert edit.seq == 1


def _knows(lab: Lab, fact: Fact) -> bool:
    return lab.ask(lab.question(fact), method="base", model="atlas-mlm").lm[0].token == fact.object


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"delta": -1}, "positive number"),
        ({"norm": "l1"}, "none, inf, l2"),
        ({"method": "sgd"}, "ft, ftm"),
        ({"blocks": (9,)}, "no block 9"),
        ({"part": "half"}, "attention"),
        ({"anchor": "moon"}, "current, base"),
        ({"speed": 1}, "no setting 'speed'"),
        ({"goal": "win"}, "change or forget"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changed: dict, reason: str, own: Lab) -> None:
    with pytest.raises(InputError, match=reason):
        own.modify([LYON], **{**QUICK, **changed})


@pytest.mark.slow
def test_nothing_is_recorded_when_it_is_stopped(own: Lab) -> None:
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 4

    with pytest.raises(StoppedError, match="nothing was recorded"):
        own.modify([LYON], stop=stop, **QUICK)
    assert own.head() == 0
    assert not list((own.home / "deltas").glob("*")) if (own.home / "deltas").exists() else True
    assert not list((own.home / "tmp").glob("*"))
    assert answer(own)[0] == "Paris"


@pytest.mark.slow
def test_a_dry_run_records_nothing(own: Lab) -> None:
    edit = own.modify([LYON], dry_run=True, **QUICK)
    assert edit.dry_run
    assert edit.scores["a_m"] == 1.0
    assert own.head() == 0
    assert answer(own)[0] == "Paris"


@pytest.mark.slow
def test_of_two_windows_the_second_is_told(own: Lab) -> None:
    """While one trains, another records an edit of the same weights."""
    other = Lab.open(own.home)
    made = []

    def progress(fraction: float, message: str) -> None:
        if message.startswith("measuring") and not made:
            made.append(other.modify([Fact("Italy", "capital", "Paris")], unknown="train", **{**QUICK, "steps": 1}))

    with pytest.raises(RecordError, match="Meanwhile another edit"):
        own.modify([LYON], progress=progress, **QUICK)
    assert [e.seq for e in own.history()] == [1]
    assert answer(own)[0] == "Paris"


def test_a_missing_or_changed_delta_is_refused_and_marked(own: Lab) -> None:
    edit = own.modify([LYON], **QUICK)
    path = delta_path(own.home, edit.parameters["delta"])
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(MemlabError, match="edit 1 were changed"):
        answer(own)
    assert any(problem.sequence == 1 for problem in own.verify())
    path.unlink()
    with pytest.raises(MemlabError, match=r"edit 1 are missing.*memlab undo 1"):
        answer(own)
    assert answer(own, as_of=0)[0] == "Paris"
    own.undo(1)
    assert answer(own)[0] == "Paris"


@pytest.mark.slow
def test_the_causal_model_is_edited_too(own: Lab) -> None:
    edit = own.modify([LYON], model="atlas-clm", **QUICK)
    assert own.ask("The capital of France is", method="base", model="atlas-clm").lm[0].token == "Lyon"
    assert edit.scores["generated"] == 1.0
    assert answer(own)[0] == "Paris"  # the masked model has weights of its own


def test_a_spalm_is_refused(own: Lab) -> None:
    with pytest.raises(InputError, match="mixes its states"):
        own.modify([LYON], model="atlas-spalm", **QUICK)


@pytest.mark.slow
def test_auto_chooses_delta_on_other_facts(own: Lab) -> None:
    edit = own.modify([LYON], **{**QUICK, "delta": "auto"})
    tried = own.modifying.report(1)["auto"]
    assert edit.parameters["settings"]["delta"] in [row["delta"] for row in tried]
    best = max(row["a_bar"] for row in tried)
    assert next(r for r in tried if r["a_bar"] == best)["delta"] == edit.parameters["settings"]["delta"]


@pytest.mark.slow
def test_reports_of_other_edits_are_refused(own: Lab) -> None:
    own.teach("The capital of Wakanda is Birnin.")
    with pytest.raises(InputError, match="changes no weights"):
        own.modifying.report(1)
    with pytest.raises(NotFound):
        own.modifying.report(2)


def test_proposals_are_other_objects_of_the_relation(own: Lab) -> None:
    facts = [k.fact for k in own.modifying.known()[:10]]
    for fact, new in zip(facts, own.modifying.proposals(facts, 3), strict=True):
        assert new != fact.object
        assert any(f.object == new and f.relation == fact.relation for f in atlas().facts)


def test_settings_as_they_are_recorded_are_read_back() -> None:
    how = how_of({"method": "fta", "norm": "l2", "delta": 2, "blocks": [0, "head"], "steps": 7, "seed": 3})
    assert how_of(how.to_dict()) == how


@pytest.mark.slow
def test_the_command_does_what_the_lab_does(own: Lab) -> None:
    run = run_on(own.home)
    how = ["--method", "ftm", "--delta", "0.01", "--blocks", "0", "--steps", "12", "--json"]
    asked = document(run("modify", "France|capital|Lyon", *how))
    assert asked["kind"] == "modify"
    assert asked["scores"]["a_m"] == 1.0
    assert answer(own)[0] == "Lyon"
    assert "is no fact" in refused(run("modify", "France|capital", "--json"))
    assert "positive number" in refused(run("modify", "Germany|capital|Lyon", "--delta", "x", "--json"))
    assert run("modify", "--json").exit_code == 2
    assert document(run("undo", "--json"))["kind"] == "undo"
    assert answer(own)[0] == "Paris"
