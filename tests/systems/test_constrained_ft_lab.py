"""Edits of weights in a workspace: recorded, asked, undone, stacked, refused. With the bundled masked model and a part of
its world, so that measuring is quick."""

from __future__ import annotations

import gzip
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from memlab import Fact, Lab
from memlab.bench.asking import timed
from memlab.corpus.world import World, atlas
from memlab.errors import InputError, MemlabError, NotFound, RecordError, StoppedError
from memlab.lab.context import Context
from memlab.lm.delta_refs import delta_path
from memlab.lm.deltas import read_delta
from memlab.lm.model import LanguageModel
from memlab.lm.versions import derive, summed
from memlab.results import Edit
from memlab.systems.constrained_ft import alarms, comparing
from memlab.systems.constrained_ft import chapter as modifying
from memlab.systems.constrained_ft import command as commands
from memlab.systems.constrained_ft.alarms import perplexity_of, predicted
from memlab.systems.constrained_ft.chapter import ModifyOptions, how_of
from tests.commands import document, refused, run_on

FRANCE = "The capital of France is [MASK]."
LYON = Fact("France", "capital", "Lyon")
QUICK = {"method": "ftm", "delta": 0.01, "blocks": (0,), "steps": 12}


@pytest.fixture(scope="module", autouse=True)
def small_world() -> Iterator[None]:
    """Facts of every fortieth subject, of France, Germany and Italy; what is asked of the model is as much less, and so is
    the text of the perplexity."""
    world = World(atlas().folder, atlas().seed)
    names = set(sorted(world.subjects)[::40]) | {"France", "Germany", "Italy", "Lyon", "Paris"}
    world.facts = [f for f in world.facts if f.subject in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modifying, "atlas", lambda: world)
        patch.setattr(alarms, "SENTENCES", 6)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home folder; each test has a workspace of its own in it."""
    return tmp_path_factory.mktemp("weights") / "home"


@pytest.fixture
def own(home: Path, request: pytest.FixtureRequest) -> Lab:
    """An empty workspace."""
    name = f"own-{abs(hash(request.node.nodeid)):x}"
    Lab.open(home).workspaces.create(name)
    return Lab.open(home, name)


@pytest.fixture(scope="module")
def made(home: Path) -> Edit:
    """The capital of France is Lyon: edit 1 of the default workspace, which no test changes."""
    return Lab.open(home).modify([LYON], **QUICK)


@pytest.fixture
def edited(home: Path, made: Edit, request: pytest.FixtureRequest) -> Lab:
    """A copy of the workspace in which edit 1 is made."""
    name = f"copy-{abs(hash(request.node.nodeid)):x}"
    Lab.open(home).workspaces.copy("default", name)
    return Lab.open(home, name)


@pytest.fixture
def apart(tmp_path: Path) -> Lab:
    """A home folder whose files a test may damage."""
    return Lab.open(tmp_path / "home")


def answer(lab: Lab, as_of: int | None = None) -> tuple[str, bytes]:
    lm = lab.ask(FRANCE, method="base", model="atlas-mlm", as_of=as_of).lm
    return lm[0].token, lm.logp.tobytes()


def test_a_fact_is_changed_and_taken_back_bit_for_bit(own: Lab, edited: Lab, made: Edit) -> None:
    before = answer(own)
    assert before[0] == "Paris"
    assert (made.kind, made.seq, made.active) == ("modify", 1, True)
    assert answer(edited)[0] == "Lyon"
    assert edited.ask(FRANCE, method="base", model="atlas-mlm").model == "atlas-mlm"
    assert answer(edited, as_of=0) == before
    assert answer(edited, as_of=1)[0] == "Lyon"
    assert made.scores["a_m"] == 1.0
    assert made.moved is not None
    assert {r.group for r in made.moved.rows} >= {"efficacy", "paraphrase"}
    assert edited.verify() == []
    changed = answer(edited)
    edited.undo()
    assert answer(edited) == before
    edited.redo()
    assert answer(edited) == changed
    report = edited.modifying.report(1)
    assert report["norm_inf"] <= 0.01 * (1 + 1e-5)
    assert {g["group"] for g in report["groups"]} >= {"edited", "paraphrase", "same subject", "unrelated"}
    assert [r["after"] for r in report["rows"] if r["group"] == "edited"] == ["Lyon"]
    again = Lab.open(edited.home, edited.workspace)  # another process would read the same
    assert answer(again) == changed


def test_two_workspaces_do_not_see_each_other(own: Lab, edited: Lab) -> None:
    """Asked from threads at once, both answer bit for bit as they do alone."""
    wanted = answer(edited), answer(own)
    assert (wanted[0][0], wanted[1][0]) == ("Lyon", "Paris")
    seen: dict[int, tuple] = {}

    def ask(n: int) -> None:
        seen[n] = answer((edited, own)[n % 2])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [seen[n] for n in range(6)] == [wanted[n % 2] for n in range(6)]


def test_a_version_costs_its_changed_tensors_and_little_time(edited: Lab) -> None:
    """Prints what FIGURES.md says of versions; the limits leave room for a busy machine."""
    edit = edited.modifying.versions().edits[-1]
    base = edited.context.load("atlas-mlm")
    changed = set(read_delta(edited.home, edit.ref))
    size = sum(base.module.get_parameter(name).numel() * 4 for name in changed)
    assert delta_path(edited.home, edit.ref.sha256).stat().st_size <= 1.1 * size

    def derived() -> LanguageModel:
        return derive(base, summed(base, [read_delta(edited.home, edit.ref)]))

    version, own = derived(), dict(base.module.named_parameters())
    shared = {n for n, p in version.module.named_parameters() if p.data_ptr() == own[n].data_ptr()}
    assert shared == own.keys() - changed
    made, undone = [], []
    for _ in range(5):
        made.append(timed(derived))
        undone.append(timed(edited.undo))
        edited.redo()
    print(f"a version of {len(changed)} tensors {1e3 * median(made):.0f} ms, undo {1e3 * median(undone):.0f} ms")
    assert median(made) <= 0.2
    assert median(undone) <= 1


def test_edits_stack_and_an_earlier_one_can_be_left_out(edited: Lab) -> None:
    edited.modify([Fact("Germany", "continent", "Asia")], unknown="train", **QUICK)
    assert answer(edited)[0] == "Lyon"
    with pytest.raises(InputError, match=r"edit 2 .* rests on it"):
        edited.undo(1)
    edited.undo(1, anyway=True)
    assert answer(edited)[0] == "Paris"
    assert edited.modifying.stale() == {2: (1,)}
    edit = edited.modifying.train_again(2, ModifyOptions())
    assert edit.seq == 5
    assert [e.ref.edit for e in edited.modifying.versions().edits] == [5]
    assert edited.modifying.stale() == {}


def test_a_changed_fact_can_be_changed_again(edited: Lab) -> None:
    with pytest.raises(InputError, match="Lyon is the capital of France already"):
        edited.modify([LYON], **QUICK)
    edit = edited.modify([Fact("France", "capital", "Berlin")], **QUICK)
    assert "Lyon -> Berlin" in edit.summary
    assert answer(edited)[0] == "Berlin"


def test_a_fact_is_forgotten(own: Lab) -> None:
    p_before = _paris(own)
    edit = own.modify([Fact("France", "capital", "")], goal="forget", **{**QUICK, "steps": 40})
    assert edit.kind == "unlearn"
    word = answer(own)[0]
    assert _paris(own) < p_before / 10
    assert edit.moved is not None
    assert any(note.startswith("Target: probability") for note in edit.moved.notes)
    assert word != "Paris" or any("Still known" in note for note in edit.moved.notes)


def _paris(lab: Lab) -> float:
    return next(w.p for w in lab.ask(FRANCE, method="base", model="atlas-mlm").lm if w.token == "Paris")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ([Fact("France", "capital", "Paris")], "already"),
        ([LYON, Fact("France", "capital", "Berlin")], "Lyon and Berlin"),
        ([Fact("France", "capital", "漢字")], "outside its vocabulary|cannot write"),
        ([Fact("France", "capital", " ")], "is not an object"),
        ([Fact("Atlantis", "capital", "Lyon")], "no capital of Atlantis"),
        ([], "No fact is given"),
    ],
)
def test_facts_that_cannot_be_changed_are_refused(facts: list[Fact], reason: str, own: Lab) -> None:
    with pytest.raises(InputError, match=reason):
        own.modify(facts, **QUICK)
    assert own.head() == 0


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


def test_nothing_is_recorded_when_it_is_stopped(own: Lab) -> None:
    asked = []
    written = {path for path in own.home.rglob("*") if path.parent.name in ("deltas", "modified", "tmp")}

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 4

    with pytest.raises(StoppedError, match="nothing was recorded"):
        own.modify([LYON], stop=stop, **QUICK)
    assert own.head() == 0
    assert {path for path in own.home.rglob("*") if path.parent.name in ("deltas", "modified", "tmp")} == written
    assert answer(own)[0] == "Paris"


def test_a_dry_run_records_nothing(own: Lab) -> None:
    edit = own.modify([LYON], dry_run=True, **QUICK)
    assert edit.dry_run
    assert edit.scores["a_m"] == 1.0
    assert own.head() == 0
    assert answer(own)[0] == "Paris"


def test_of_two_windows_the_second_is_told(own: Lab) -> None:
    """While one trains, another records an edit of the same weights."""
    other = Lab.open(own.home, own.workspace)
    made = []

    def progress(fraction: float, message: str) -> None:
        if message.startswith("measuring") and not made:
            made.append(other.modify([Fact("Italy", "capital", "Paris")], unknown="train", **{**QUICK, "steps": 1}))

    with pytest.raises(RecordError, match="Meanwhile another edit"):
        own.modify([LYON], progress=progress, **QUICK)
    assert [e.seq for e in own.history()] == [1]
    assert answer(own)[0] == "Paris"


def test_a_missing_or_changed_delta_is_refused_and_marked(apart: Lab) -> None:
    edit = apart.modify([LYON], **QUICK)
    path = delta_path(apart.home, edit.parameters["delta"])
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(MemlabError, match="edit 1 were changed"):
        answer(apart)
    assert any(problem.sequence == 1 for problem in apart.verify())
    path.unlink()
    with pytest.raises(MemlabError, match=r"edit 1 are missing.*memlab undo 1"):
        answer(apart)
    assert answer(apart, as_of=0)[0] == "Paris"
    apart.undo(1)
    assert answer(apart)[0] == "Paris"


def test_the_causal_model_is_edited_too(own: Lab) -> None:
    edit = own.modify([LYON], model="atlas-clm", **QUICK)
    assert own.ask("The capital of France is", method="base", model="atlas-clm").lm[0].token == "Lyon"
    assert edit.scores["generated"] == 1.0
    assert answer(own)[0] == "Paris"  # the masked model has weights of its own


def test_a_spalm_is_refused(own: Lab) -> None:
    with pytest.raises(InputError, match="mixes its states"):
        own.modify([LYON], model="atlas-spalm", **QUICK)


def test_auto_chooses_delta_on_other_facts(own: Lab) -> None:
    edit = own.modify([LYON], **{**QUICK, "delta": "auto"})
    tried = own.modifying.report(1)["auto"]
    assert edit.parameters["settings"]["delta"] in [row["delta"] for row in tried]
    best = max(row["a_bar"] for row in tried)
    assert next(r for r in tried if r["a_bar"] == best)["delta"] == edit.parameters["settings"]["delta"]


def test_reports_of_other_edits_are_refused(own: Lab) -> None:
    own.teach("The capital of Wakanda is Birnin.")
    with pytest.raises(InputError, match="changes no weights"):
        own.modifying.report(1)
    with pytest.raises(NotFound):
        own.modifying.report(2)


def test_proposals_are_other_objects_of_the_relation(own: Lab) -> None:
    facts = [k.fact for k in own.modifying.known() if k.fact.relation == "capital"][:10]
    assert len(facts) > 2
    for fact, new in zip(facts, own.modifying.proposals(facts, 3), strict=True):
        assert new != fact.object
        assert any(f.object == new and f.relation == fact.relation for f in atlas().facts)


def test_settings_as_they_are_recorded_are_read_back() -> None:
    how = how_of({"method": "fta", "norm": "l2", "delta": 2, "blocks": [0, "head"], "steps": 7, "seed": 3})
    assert how_of(how.to_dict()) == how
    assert how_of({"norm": "none", "delta": "auto"}).delta is None  # nothing to choose: a record states no radius


def test_the_command_does_what_the_lab_does(own: Lab) -> None:
    run = run_on(own.home)
    here = ["--workspace", own.workspace, "--json"]
    how = ["--method", "ftm", "--delta", "0.01", "--blocks", "0", "--steps", "12", *here]
    asked = document(run("modify", "France|capital|Lyon", *how))
    assert asked["kind"] == "modify"
    assert asked["scores"]["a_m"] == 1.0
    assert answer(own)[0] == "Lyon"
    assert "is not a fact" in refused(run("modify", "France|capital", *here))
    assert "positive number" in refused(run("modify", "Germany|capital|Lyon", "--delta", "x", *here))
    assert run("modify", *here).exit_code == 2
    assert document(run("undo", *here))["kind"] == "undo"
    assert answer(own)[0] == "Paris"


def test_memory_or_weights_and_the_declared_way_are_the_same_edit(own: Lab) -> None:
    fact = Fact("France", "capital", "Paris")
    job = own.work.run(
        "memory-or-weights", "Compare", lambda fraction, message: None, fact=["France", "capital", "Paris"], new="Lyon",
        settings=QUICK,
    )  # fmt: skip
    memory, weights = job["results"]
    assert (memory["method"], weights["method"]) == ("memory", "weights")
    assert set(memory) == set(weights) == {"method", *comparing.SHOWN}
    way = comparing.correct(own, fact, "Lyon", {**QUICK, "blocks": "0"}, lambda fraction, message: None, lambda: False)
    assert [getattr(way, name) for name in comparing.SHOWN if name != "seconds"] == [
        weights[name] for name in comparing.SHOWN if name != "seconds"
    ]
    assert way.bytes is not None
    assert memory["bytes"] < way.bytes  # a sentence and places, against tensors
    assert way.notes == ("Weights are answered by the model alone.",)
    with pytest.raises(InputError, match="no setting 'depth'"):
        comparing.check({"depth": 1})
    assert own.history() == []


def test_an_interrupt_on_the_command_line_leaves_nothing(own: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C in the middle of the training."""

    def progress(fraction: float, message: str) -> None:
        if message.startswith("step"):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(commands, "progress", progress)
    before = signal.getsignal(signal.SIGINT)
    how = ["--method", "ftm", "--delta", "0.0001", "--steps", "500", "--workspace", own.workspace]
    assert "nothing was recorded" in refused(run_on(own.home)("modify", "France|capital|Lyon", *how))
    assert signal.getsignal(signal.SIGINT) == before
    assert own.head() == 0


def test_a_memory_is_encoded_again_with_the_edited_weights(apart: Lab) -> None:
    """Its keys are those of the edited model, which answers alone what the workspace's version answers."""
    text = "The capital of France is Paris. The capital of Germany is Berlin. Rome is in Italy."
    lab = apart
    lab.build([text], "notes", model="atlas-mlm")
    with pytest.raises(InputError, match="No edit of workspace 'default' changes the weights"):
        lab.modifying.reencode("notes", "notes-edited")
    lab.modify([LYON], **QUICK)
    assert lab.modifying.encoded_before() == ["notes"]
    how = {"method": "bert-knn", "k": 2, "search": "all"}
    told = lab.ask(FRANCE, datastore="notes", **how)
    assert any("two forward passes" in notice for notice in told.notices)
    store = lab.modifying.reencode("notes", "notes-edited")
    assert (store.name, store.state) == ("notes-edited", "ready")
    again = lab.ask(FRANCE, datastore="notes-edited", **how)
    assert [notice for notice in again.notices if "is not calibrated" not in notice] == []
    assert again.lm[0].token == told.lm[0].token == "Lyon"
    assert again.lm[0].p == pytest.approx(told.lm[0].p, abs=0.01)  # weights are written as fp16
    assert again.neighbors[0].distance != told.neighbors[0].distance
    assert (
        document(run_on(lab.home)("modify", "--reencode", "other", "--datastore", "notes", "--json"))["name"] == "other"
    )
    with pytest.raises(InputError, match="already"):
        lab.modifying.reencode("notes", "notes-edited")


def test_the_text_of_the_perplexity_may_be_packed_and_is_read_from_its_start(own: Lab, tmp_path: Path) -> None:
    file = tmp_path / "text.txt.gz"
    lines = [f"{n} {'word ' * 79}".strip() for n in range(4)]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert commands._text(own, file) == lines
    assert commands._text(own, None) == []
    assert modifying._first_lines(lines) == lines[:2]  # 200 words
    assert modifying._first_lines(["word " * 900, "more"]) == ["word " * 900]


def test_a_perplexity_is_that_of_the_edited_weights_and_refused_with_a_memory(
    own: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of a memory are those of the model without the edits."""
    lm = own.context.load("atlas-clm")
    edited = derive(lm, {"model.norm.weight": lm.module.get_parameter("model.norm.weight") * 2})
    monkeypatch.setattr(Context, "weights", lambda self, model, as_of: edited if model is lm else model)
    text = ["The capital of France is Paris. The capital of Germany is Berlin."]
    base = own.evaluate_perplexity(text, methods=["base"])["results"][0]["perplexity"]
    assert base == pytest.approx(perplexity_of(edited, predicted(edited, text)), rel=1e-3)
    with pytest.raises(InputError, match="the weights that made it"):
        own.evaluate_perplexity(text, methods=["base", "knn-lm"])
