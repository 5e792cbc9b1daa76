"""What every system must hold: those that ship, and three toy systems that the tests register.

A declared ability that is not there, a setting without help, a distribution that does not sum to 1: found here for every
system alike, so that adding one needs no tests of these things.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from memlab import Lab
from memlab.cli import COMMANDS, main, measuring
from memlab.corpus.world import MASK
from memlab.declare import (
    ABILITIES,
    PROMPTED,
    Chapter,
    Command,
    Correction,
    LongWork,
    Method,
    Study,
    System,
    fields,
    load,
    reserved,
    setting,
)
from memlab.errors import InputError, MemlabError, StoppedError
from memlab.evaluate.text_models import TextTraining
from memlab.figures.live import live_answer
from memlab.lab.generating import GenerationRequest
from memlab.lab.jobs import KINDS
from memlab.lab.resolving import OF_A_TEXT, OF_ALL
from memlab.reading.reader import Reader
from memlab.reading.sweep import sweepable
from memlab.results import Prediction
from memlab.systems.registry import registered, registry, with_kinds
from memlab.ui.app.navigation import OWN
from tests.conftest import link_datastores
from tests.systems.threshold_knn import SYSTEM as TOY
from tests.systems.threshold_knn import Settings as ThresholdSettings
from tests.systems.toy_seq2seq import SYSTEM as SEQ2SEQ
from tests.systems.toy_vectors import SYSTEM as VECTORS

SYSTEMS = [*registry().systems.values(), TOY, VECTORS, SEQ2SEQ]
METHODS = [m for s in SYSTEMS for m in s.methods]
ASKED = [(m, kind) for m in METHODS if m.can("ask") for kind in m.kinds if kind in PROMPTED]
STUDIES = [(s, study) for s in SYSTEMS for study in s.studies]
PROMPTS = {"masked": f"The capital of Norway is {MASK}.", "causal": "The capital of Norway is"}
OTHER_KIND = {"masked": "atlas-clm", "causal": "atlas-mlm"}  # a bundled model of another kind
PASSAGE = "The capital of Norway is Oslo. Norway lies in Europe."


def called(value: object) -> str:
    return str(getattr(value, "name", value))


@pytest.fixture(scope="module", autouse=True)
def toy() -> Iterator[System]:
    with registered(TOY) as system, registered(VECTORS), registered(SEQ2SEQ):
        yield system


@pytest.fixture
def own(built_datastores: Path, tmp_path: Path) -> Lab:
    """A lab whose record nobody else writes."""
    link_datastores(built_datastores, tmp_path)
    return Lab.open(tmp_path)


def arguments(method: Method, kind: str) -> dict[str, str]:
    """What a question needs besides the prompt: the model, for methods of several kinds."""
    return {"model": {"masked": "atlas-mlm", "causal": "atlas-clm"}[kind]} if len(method.kinds) > 1 else {}


@pytest.mark.parametrize("system", SYSTEMS, ids=called)
def test_a_declaration_says_everything(system: System) -> None:
    assert system.name.isidentifier()
    assert system.title
    assert system.paper
    assert system.group
    assert len(system.summary) > 40
    json.dumps(system.to_dict())
    for settings in (*(m.settings for m in system.methods), *(s.settings for s in system.studies)):
        for field in fields(settings):
            assert field.label, field.name
            assert len(field.help) > 10, field.name
    for table in system.reported:
        assert table.source
        assert all(set(row) <= set(table.columns) for row in table.rows)


@pytest.mark.parametrize("system", SYSTEMS, ids=called)
def test_the_code_that_it_names_is_there(system: System) -> None:
    for method in system.methods:
        assert issubclass(method.load_reader(), Reader)
        if method.scorer is not None:
            assert callable(load(method.scorer))
    for study in system.studies:
        assert callable(load(study.run))
        assert study.draw is None or callable(load(study.draw))
    for recipe in system.recipes:
        assert recipe.train is None or issubclass(load(recipe.train), TextTraining)
        assert recipe.make is None or callable(load(recipe.make))
    for chapter in system.chapters:
        made = chapter.load_class()
        assert inspect.getdoc(made)
        assert list(inspect.signature(made).parameters) == ["lab"]
        assert all(callable(getattr(made, verb)) for verb in chapter.verbs)
    for command in system.commands:
        assert isinstance(load(command.code), click.Command)
    for work in system.work:
        assert list(inspect.signature(load(work.code)).parameters)[:3] == ["lab", "progress", "stop"]
    for correction in system.corrections:
        assert len(inspect.signature(load(correction.code)).parameters) == 6
        assert correction.check is None or callable(load(correction.check))


@pytest.mark.parametrize("method", METHODS, ids=called)
def test_every_missing_ability_has_a_reason(method: Method, lab: Lab) -> None:
    for ability in ABILITIES:
        why = method.why_not(ability)
        assert (why is None) == (ability in method.abilities)
        assert why is None or why.endswith(".")
    if len(method.kinds) == 1 and method.kind in OTHER_KIND:
        model = OTHER_KIND[method.kind]
        prompt = PROMPTS[lab.context.load(model).kind]
        with pytest.raises(InputError, match=f"needs a {method.kind} model"):
            lab.ask(prompt, method.name, model) if method.can("ask") else lab.read(PASSAGE, method.name, model)


@pytest.mark.parametrize(("method", "kind"), ASKED, ids=called)
def test_distributions_sum_to_1(method: Method, kind: str, lab: Lab) -> None:
    p = lab.ask(PROMPTS[kind], method.name, **arguments(method, kind))
    for side in (p.lm, p.knn, p.mixture, *p.counterfactuals.values()):
        assert side.p.sum() == pytest.approx(1, abs=1e-4)
    assert p.method == method.name
    json.dumps(p.to_dict(top=3), allow_nan=False) if method.remembers else p.to_dict(top=3)
    weights = sum(n.weight for n in p.neighbors)
    assert weights == pytest.approx(1, abs=1e-5) if p.neighbors else not method.remembers


@pytest.mark.parametrize(("method", "kind"), ASKED, ids=called)
def test_without_weight_the_memory_says_nothing(method: Method, kind: str, lab: Lab) -> None:
    """Lambda 0 is the model bit for bit; a gate over vectors at the model's end is the model's state."""
    if method.knn is not None:
        p = lab.ask(PROMPTS[kind], method.name, lam=0)
        assert p.mixture.logp.tobytes() == p.lm.logp.tobytes()
    else:
        without = {"lam": 0} if any(f.name == "lam" for f in method.fields()) else {}
        p = lab.ask(PROMPTS[kind], method.name, **arguments(method, kind), **without)
        end = p.counterfactuals.get(str(p.gate.info.model_end), p.mixture)
        np.testing.assert_allclose(end.p, p.lm.p, atol=1e-6)


@pytest.mark.parametrize(("method", "kind"), ASKED, ids=called)
def test_the_printed_python_and_command_give_the_same(method: Method, kind: str, built_home: Path, lab: Lab) -> None:
    p = lab.ask(PROMPTS[kind], method.name, **arguments(method, kind))
    names: dict[str, object] = {}
    exec(lab.reports.code(p).replace("Lab.open(", f"Lab.open({str(built_home)!r}, "), names)
    assert names["p"].mixture.logp.tobytes() == p.mixture.logp.tobytes()  # type: ignore[attr-defined]
    asked = ["ask", PROMPTS[kind], "--method", method.name, "--json", "--top", "5", "--home", str(built_home)]
    for name, value in arguments(method, kind).items():
        asked += [f"--{name}", value]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["answer"] == p.answer
    assert [word["p"] for word in said["mixture"]] == pytest.approx([word.p for word in p.mixture.top(5)])


@pytest.mark.parametrize(("method", "kind"), [(m, kind) for m, kind in ASKED if m.remembers], ids=called)
def test_forgetting_and_as_of_hold(method: Method, kind: str, own: Lab) -> None:
    before = own.ask(PROMPTS[kind], method.name)
    gone = before.neighbors[0]
    own.forget(entries=[gone.entry], datastore=before.datastore)
    after = own.ask(PROMPTS[kind], method.name)
    assert gone.entry not in [n.entry for n in after.neighbors]
    again = own.ask(PROMPTS[kind], method.name, as_of=0)
    assert again.mixture.logp.tobytes() == before.mixture.logp.tobytes()
    assert own.ask(PROMPTS[kind], method.name, as_of=0, without=[gone.entry]).neighbors[0].entry != gone.entry


@pytest.mark.parametrize("method", [m for m in METHODS if m.can("read")], ids=called)
def test_it_reads_and_its_step_is_that_of_the_trace(method: Method, lab: Lab) -> None:
    trace = lab.read(PASSAGE, method.name)
    losses = np.array([t.loss for t in trace if t.loss is not None])
    assert np.isfinite(losses).all()
    assert trace.summary["perplexity"] == pytest.approx(float(np.exp(losses.mean())))
    position = next(i for i, t in enumerate(trace) if t.loss is not None and i > 2)
    step = lab.reading.step(trace, position)
    token = trace[position]
    assert token.loss is not None
    assert step.mixture.of(token.id) == pytest.approx(float(np.exp(-token.loss)), rel=1e-3)
    assert step.mixture.p.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("method", [m for m in METHODS if m.can("generate")], ids=called)
def test_a_question_is_the_first_step_of_a_generation(method: Method, lab: Lab) -> None:
    g = lab.generate(PROMPTS["causal"], method.name, model=arguments(method, "causal").get("model"), max_tokens=2)
    p = lab.ask(PROMPTS["causal"], method.name, **arguments(method, "causal"), **_all_entries(method))
    first = g.tokens[0].top["mixture"][0]
    assert (first.id, first.p) == (p.mixture[0].id, pytest.approx(p.mixture[0].p, rel=1e-4))


def asked(lab: Lab, method: Method, kind: str) -> Prediction:
    return lab.ask(PROMPTS[kind], method.name, **arguments(method, kind))


def read(lab: Lab, method: Method, kind: str) -> None:
    assert len(lab.read(PASSAGE, method.name)) > 3


def generate(lab: Lab, method: Method, kind: str) -> None:
    assert lab.generate(PROMPTS["causal"], method.name, max_tokens=1).tokens


def translate(lab: Lab, method: Method, kind: str) -> None:
    """memlab has no verb for it: a system that declares the ability brings one, `lab.translate(sentence, method)`."""
    assert lab.translate(PASSAGE, method.name)


def sweep(lab: Lab, method: Method, kind: str) -> None:
    p = asked(lab, method, kind)
    for over in sweepable(method, p.gate.kind):
        swept = lab.explain.sweep(p, over, points=5)
        assert len(swept.values) == len(swept.answers) >= 2
        now = int(np.abs(swept.values - swept.current).argmin())
        assert swept.answers[now] == p.answer


def explain(lab: Lab, method: Method, kind: str) -> None:
    p = asked(lab, method, kind)
    assert p.neighbors
    assert json.dumps(lab.explain.smallest_set(p).to_dict())
    assert lab.explain.occlusion(p, 1)


USES: dict[str, Callable[[Lab, Method, str], object]] = {
    "ask": asked,
    "read": read,
    "generate": generate,
    "translate": translate,
    "sweep": sweep,
    "explain": explain,
}
OTHERS = [(m, kind, a) for m, kind in ASKED for a in ("sweep", "explain") if m.can(a)]
OTHERS += [(m, m.kind, "translate") for m in METHODS if m.can("translate")]


@pytest.mark.parametrize(("method", "kind", "ability"), OTHERS, ids=called)
def test_what_else_it_declares_can_be_used(method: Method, kind: str, ability: str, lab: Lab) -> None:
    """Asking, reading and generating have tests of their own."""
    assert set(USES) == set(ABILITIES)
    USES[ability](lab, method, kind)


def test_what_a_method_does_not_declare_is_refused_though_it_mixes_neighbors(lab: Lab) -> None:
    """A kNN-LM that declares only asking; its answers have a constant lambda, so nothing else would stop a sweep."""
    quiet = replace(registry().method("knn-lm"), name="quiet", title="Quiet", abilities=("ask",), columns={})
    toy = replace(TOY, name="quiet", methods=(quiet,), chapters=(), commands=(), work=())
    with registered(toy):
        p = asked(lab, quiet, "causal")
        assert p.gate.kind == "constant"
        with pytest.raises(InputError, match="Quiet cannot show the answer as a function of a setting"):
            lab.explain.sweep(p)
        with pytest.raises(InputError, match="Quiet cannot say which neighbors decide"):
            lab.explain.smallest_set(p)


@dataclasses.dataclass(frozen=True)
class LastOnly(ThresholdSettings):
    """The toy's, with one key."""

    key: str = setting("last", "key", "Which representation is compared.", choices=("last",))


def test_one_p_knn_has_one_calibration(lab: Lab) -> None:
    """With kNN-LM's p_kNN its temperature, k and key, but a lambda of its own; with another one a notice."""
    same = replace(TOY.methods[0], name="same", title="Same", knn=registry().method("knn-lm").knn)
    with registered(replace(TOY, name="same", methods=(same,), chapters=(), commands=(), work=())):
        its, found = lab.ask_defaults("same"), lab.ask_defaults("knn-lm")
        assert (its.temperature, its.k, its.key) == (found.temperature, found.k, found.key)
        assert (its.lam, its.threshold) == (0.3, 50.0)
        assert not any("calibrated" in said for said in lab.ask(PROMPTS["causal"], "same").notices)
        other = lab.ask_defaults("same", preset="paper")
        assert (other.temperature, other.k) == (5.0, 64)
    narrow = replace(same, name="narrow", settings=LastOnly)
    toys = replace(TOY, name="narrow", methods=(narrow,), chapters=(), commands=(), work=())
    with registered(toys):  # the key that did best is none of its own
        its, found = lab.ask_defaults("narrow"), lab.ask_defaults("knn-lm")
        with_last = lab.context.shelf.open("atlas-clm").meta.calibrated["knn-lm"]["settings"]
        assert found.key == "ffn"
        assert (its.key, its.temperature, its.k) == ("last", with_last["temperature"], with_last["k"])
    assert not any("calibrated" in said for said in lab.ask(PROMPTS["causal"], "knn-lm").notices)
    (said,) = lab.ask(PROMPTS["causal"], "threshold-knn").notices
    assert "is not calibrated for kNN-LM with a threshold" in said


def test_a_gate_of_its_own_is_swept(lab: Lab) -> None:
    """Each point is lambda p_kNN + (1 - lambda) p_LM; far from every neighbor the present lambda is 0."""
    p = lab.ask(PROMPTS["causal"], "threshold-knn", threshold=0.0)
    swept = lab.explain.sweep(p, "lam", points=5)
    assert (swept.over, swept.current, swept.values.tolist()) == ("gate", 0.0, [0.0, 0.25, 0.5, 0.75, 1.0])
    for lam, row, answer in zip(swept.values, swept.mixture, swept.answers, strict=True):
        mixed = lam * p.knn.p + (1 - lam) * p.lm.p
        assert answer == p.lm.words[int(mixed.argmax())]
        for word, said in zip(swept.words, row, strict=True):
            assert said == pytest.approx(mixed[list(p.lm.words).index(word)])
    with pytest.raises(InputError, match=r"over 'k', which may change its gate 'threshold'\. Allowed: gate\."):
        lab.explain.sweep(p, "k")


@pytest.mark.parametrize("ability", ABILITIES)
def test_an_ability_that_is_declared_and_not_there_is_found(ability: str, lab: Lab) -> None:
    """The toy cannot explain or translate; without a reader, or with a masked model, it can do nothing else either."""
    lacks = {"explain", "translate"}
    abilities = ("ask", ability) if ability in lacks else (ability,)
    reader = TOY.methods[0].reader if ability in lacks else "no_such_package:Reader"
    false = replace(TOY.methods[0], name="false-toy", abilities=abilities, reader=reader, unable={})
    with (
        registered(replace(TOY, name="false_toy", methods=(false,), chapters=(), commands=(), work=())),
        pytest.raises((MemlabError, ImportError, AttributeError)),
    ):
        USES[ability](lab, false, "causal")


@pytest.mark.parametrize(("method", "kind"), [(m, kind) for m, kind in ASKED if m.remembers], ids=called)
def test_the_slider_shows_what_the_method_says_at_other_values(method: Method, kind: str, lab: Lab) -> None:
    p = asked(lab, method, kind)
    live, ids = live_answer(p), np.array(live_answer(p).ids)
    for gate, said in {**p.counterfactuals, str(p.gate.value): p.mixture}.items():
        assert live.p(live.stops.index(float(gate))) == pytest.approx(said.p[ids], abs=1e-5)
    half = live.words[live.first[live.stops.index(0.5)]]
    if p.gate.kind == "constant":
        assert lab.ask(PROMPTS[kind], method.name, lam=0.5).answer == half
    elif method.can("sweep"):
        swept = lab.explain.sweep(p, "gate", points=3)
        assert swept.answers[list(swept.values).index(0.5)] == half


def _all_entries(method: Method) -> dict[str, str]:
    return {"search": "all"} if any(f.name == "search" for f in method.fields()) else {}


@pytest.mark.parametrize("method", METHODS, ids=called)
def test_wrong_settings_are_refused_with_what_is_allowed(method: Method, lab: Lab) -> None:
    for ability, run in (("ask", lab.ask), ("read", lab.read)):
        if not method.can(ability):
            continue
        text = PROMPTS.get(method.kind, PASSAGE) if ability == "ask" else PASSAGE
        with pytest.raises(MemlabError, match="setting 'nonsense'"):
            run(text, method.name, nonsense=1)
        for field in method.fields(ability):
            wrong = "nonsense" if field.choices else (field.high or 0) + 1e9
            with pytest.raises(MemlabError, match=field.name):
                run(text, method.name, **{field.name: wrong})


@pytest.mark.parametrize(("system", "study"), STUDIES, ids=called)
def test_a_study_runs_or_stops_within_a_second(system: System, study: Study, own: Lab) -> None:
    """Stopped once it works, a study ends within a second; on a busy machine one of three tries does."""
    waited: list[float] = []
    while len(waited) < 3 and (not waited or waited[-1] >= 1):
        waited.append(seconds_after_stop(system, study, own))
    assert min(waited) < 1, waited


def seconds_after_stop(system: System, study: Study, lab: Lab) -> float:
    """How long a study goes on after Stop, which is pressed when it first says what it does."""
    asked_at: list[float] = []

    def progress(fraction: float, message: str) -> None:
        asked_at.append(time.monotonic())

    error, result = None, None
    try:
        result = lab.run(system.name, study.name, progress=progress, stop=lambda: bool(asked_at))
    except StoppedError as stopped:
        error = stopped
    ended = time.monotonic()
    assert error is not None or json.dumps(result.to_dict())  # what was done until then, or nothing
    return ended - asked_at[0]


def test_two_systems_of_one_name_or_method_are_refused() -> None:
    found = registry()
    again = found.with_system(TOY, "again")
    assert [b.reason for b in again.unavailable] == [
        "there is already a system named 'threshold_knn' (kNN-LM with a threshold)."
    ]
    other = found.with_system(replace(TOY, name="other"), "other")
    assert "already a method named 'threshold-knn'" in other.unavailable[0].reason
    old = found.with_system(replace(TOY, name="old", methods=(), api=99), "old")
    assert "declared for version 99" in old.unavailable[0].reason
    wrong = found.with_system("nonsense", "wrong")
    assert "expected a memlab.declare.System" in wrong.unavailable[0].reason


CLASHES = {
    "lab.ask, a name that memlab itself uses": {"chapters": (Chapter("ask", "", "x:y"),)},
    "lab.believe, and so does the system 'beliefbank'": {"chapters": (Chapter("mine", "", "x:y", verbs=("believe",)),)},
    "the command `memlab teach`, a name that memlab itself": {"commands": (Command("teach", "x:y"),)},
    "the command `memlab evaluate editing`, and so does": {"commands": (Command("editing", "x:y", within="evaluate"),)},
    "the command `memlab mine` twice": {"commands": (Command("mine", "x:y"), Command("mine", "x:z"))},
    "the kind of job 'study', a name that memlab itself": {"work": (LongWork("study", "x:y"),)},
    "the correction 'weights', and so does": {"corrections": (Correction("weights", "x:y"),)},
}


@pytest.mark.parametrize("message", CLASHES)
def test_a_system_that_takes_a_name_is_listed_with_the_reason(message: str) -> None:
    clashing = replace(TOY, name="clashing", methods=(), chapters=(), commands=(), work=())
    found = registry().with_system(replace(clashing, **CLASHES[message]), "clashing")
    assert "clashing" not in found.systems
    assert message in found.unavailable[-1].reason


def test_a_kind_of_edit_that_is_taken_disables_its_system_alone() -> None:
    other = replace(registry().system("beliefbank").edits[0], part="other")
    taker = replace(TOY, name="taker", methods=(), chapters=(), commands=(), work=(), edits=(other,))
    found = with_kinds(registry().with_system(taker, "taker"))
    assert "taker" not in found.systems
    assert "a kind of edit 'believe' already" in found.unavailable[-1].reason
    assert found.systems.keys() == registry().systems.keys()


def test_names_of_memlab_itself_are_reserved() -> None:
    """Whoever adds a verb, a command or a kind of job to memlab names it in `memlab.declare.reserved`."""
    assert {name for name in vars(Lab) if not name.startswith("_")} == reserved.LAB
    assert reserved.COMMANDS[""] == set(COMMANDS)
    assert reserved.COMMANDS["evaluate"] == {*measuring.LATER, *measuring.evaluate.commands}
    assert set(KINDS) == reserved.WORK
    assert set(reserved.PAGES) == {page.name for page in OWN}


def test_arguments_of_verbs_are_reserved() -> None:
    """Whoever adds an argument to asking, reading or generating names it there, so that no setting hides it."""

    def named(verb: Callable[..., object]) -> set[str]:
        return {*inspect.signature(verb).parameters} - {"self", "settings"}

    generate = named(Lab.generate) | {field.name for field in dataclasses.fields(GenerationRequest)} - {"settings"}
    assert named(Lab.ask) == reserved.SETTINGS_OF_ASK
    assert (named(Lab.read) | {*OF_ALL, *OF_A_TEXT}) - {"gate"} == reserved.SETTINGS_OF["read"]
    assert (generate | {"knn_temperature"}) - {"gate", "temperature"} == reserved.SETTINGS_OF["generate"]


@pytest.mark.parametrize(
    ("code", "why"),
    [("not_there:x", "ModuleNotFoundError"), ("math:pi", "math:pi is a float; a click.Command is expected")],
)
def test_code_that_cannot_be_loaded_is_said_where_it_is_used(code: str, why: str, lab: Lab) -> None:
    chapter, command = Chapter("broken", "", code, verbs=("crack",)), Command("broken", code)
    broken = replace(TOY, name="broken", methods=(), chapters=(chapter,), commands=(command,), work=())
    with registered(broken):
        for words in (["broken", "--x", "1"], ["broken"]):
            done = CliRunner().invoke(main, words)
            assert done.exit_code == 1
            assert f"memlab: `memlab broken` cannot be used: {why}" in done.stderr
        assert "cannot be used" in CliRunner().invoke(main, ["--help"]).stdout
        if code.startswith("not"):
            with pytest.raises(
                MemlabError, match=r"lab\.crack of the system 'broken' .* cannot be loaded: ModuleNotFound"
            ):
                lab.crack()
            assert not hasattr(lab, "broken")
            assert not hasattr(Lab, "crack")
    assert CliRunner().invoke(main, ["broken"]).exit_code == 2
    with pytest.raises(AttributeError, match="no attribute 'crack'"):
        lab.crack()


def test_a_declared_name_can_be_an_attribute_or_a_command() -> None:
    with pytest.raises(ValueError, match="'no name' cannot name an attribute"):
        Chapter("no name", "", "x:y")
    with pytest.raises(ValueError, match="'_hidden' cannot name an attribute"):
        Chapter("open", "", "x:y", verbs=("_hidden",))
    with pytest.raises(ValueError, match="'Loud' cannot name a command"):
        Command("Loud", "x:y")
    with pytest.raises(ValueError, match="no group of commands 'models'"):
        Command("loud", "x:y", within="models")


def test_an_ability_that_is_not_there_is_found() -> None:
    with pytest.raises(ValueError, match="no ability 'dance'"):
        replace(TOY.methods[0], abilities=("dance",))
    with pytest.raises(ValueError, match="no kind 'robot'"):
        replace(TOY.methods[0], kinds=("robot",))


def test_the_toy_is_everywhere(lab: Lab, built_home: Path) -> None:
    assert "threshold-knn" in lab.methods()
    assert lab.systems().system("threshold-knn").name == "threshold_knn"
    said = json.loads(CliRunner().invoke(main, ["systems", "--json"]).stdout)
    assert "threshold_knn" in [s["name"] for s in said["systems"]]
    done = CliRunner().invoke(
        main, ["run", "threshold_knn", "count", "--least", "20", "--json", "--home", str(built_home)]
    )
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["words"] == lab.run("threshold_knn", "count", least=20).words
    rows = lab.ask_many([PROMPTS["causal"], "The capital of Spain is"], method="threshold-knn")
    assert all(row.prediction is not None and row.prediction.method == "threshold-knn" for row in rows)
    facts = lab.evaluate_facts("threshold-knn", questions=(0,))
    assert {row["method"] for row in facts["results"]} == {"lm", "knn", "threshold-knn"}


def test_the_verb_and_the_command_of_the_toy_are_like_any_other(lab: Lab, built_home: Path) -> None:
    expected = lab.ask(PROMPTS["causal"], "threshold-knn", k=64).neighbors[0].distance
    assert lab.nearest(PROMPTS["causal"]) == lab.distances.nearest(PROMPTS["causal"]) == expected
    assert Lab.nearest(lab, PROMPTS["causal"]) == expected
    assert {"distances", "nearest"} <= set(dir(lab)) & set(dir(Lab))
    assert "MemlabError: as `lab.ask`." in str(inspect.getdoc(Lab.nearest))
    assert list(inspect.signature(lab.nearest).parameters) == ["prompt", "k"]
    assert inspect.getdoc(Lab.distances) == "Distances of remembered entries."
    assert lab.work.run("nearest", "Nearest", lambda fraction, message: None, prompt=PROMPTS["causal"]) == {
        "distance": expected
    }
    done = CliRunner().invoke(main, ["nearest", PROMPTS["causal"], "--json", "--home", str(built_home)])
    assert json.loads(done.stdout) == {"prompt": PROMPTS["causal"], "distance": pytest.approx(expected)}
    assert "nearest " in CliRunner().invoke(main, ["--help"]).stdout
    assert CliRunner().invoke(main, ["nearest"]).exit_code == 2
