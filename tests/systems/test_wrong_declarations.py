"""A declaration that is wrong disables its own system, with the reason; code that is not there is said where it is used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from memlab import Lab
from memlab.cli import main
from memlab.declare import Chapter, KnnDistribution, Recipe, System, setting
from memlab.declare.columns import ROLES
from memlab.errors import InputError, LoadError, MemlabError, NotFound
from memlab.evaluate.mixtures import ROLES as COMPUTED
from memlab.lm.text_training import KINDS
from memlab.lm.training import RECIPES
from memlab.reading.own_memory import own_memory
from memlab.record.kinds import known_kind
from memlab.systems import registry as registry_module
from memlab.systems.registry import register, registered, registry
from tests.commands import Run, refused, run_on
from tests.systems.toy_vectors import BOOST, SYSTEM

METHOD, STUDY, RECIPE = SYSTEM.methods[0], SYSTEM.studies[0], SYSTEM.recipes[0]


class Plain:
    """No dataclass."""


@dataclass(frozen=True)
class NoLabels:
    k: int = 3


@dataclass(frozen=True)
class NoDefault:
    k: int = setting(dataclasses.MISSING, "k", "How many.", low=1, high=9)


@dataclass(frozen=True)
class OutOfRange:
    k: int = setting(50, "k", "How many.", low=1, high=9)


@dataclass(frozen=True)
class NoSuchChoice:
    key: str = setting("x", "key", "Which.", choices=("a", "b"))


@dataclass(frozen=True)
class Hiding:
    model: str = setting("x", "model", "Which.")


def with_settings(*names: str) -> type:
    """Settings of these names, each a whole number."""
    each = [(name, int, setting(3, "a number", "How many.", low=1, high=9)) for name in names]
    return make_dataclass("Settings", each, frozen=True)


def of_method(**changes: Any) -> System:
    return replace(SYSTEM, methods=(replace(METHOD, **changes),))


WRONG: dict[str, System] = {
    "settings of the method 'blend' are Plain; expected is a frozen dataclass": of_method(settings=Plain),
    "settings of the study 'tally' are None": replace(SYSTEM, studies=(replace(STUDY, settings=None),)),  # type: ignore[arg-type]
    "the setting 'k' of the method 'blend' has no label and help; make it with setting": of_method(settings=NoLabels),
    "default of the setting 'k' of the method 'blend' is missing; allowed is a number, a text": of_method(
        settings=NoDefault
    ),
    "'k' of the method 'blend' is 50; allowed is a whole number from 1 to 9": of_method(settings=OutOfRange),
    "'key' of the method 'blend' is 'x'; allowed is one of a, b": of_method(settings=NoSuchChoice),
    "the setting 'model' of the method 'blend' hides an argument": of_method(settings=Hiding),
    "the setting 'window' of the method 'blend' hides an argument": of_method(
        settings=with_settings("window"), abilities=("ask", "read")
    ),
    "the setting 'seed' of the method 'blend' hides an argument": of_method(
        settings=with_settings("seed"), abilities=("ask", "generate")
    ),
    "divides distances by 'scale', which is none of its settings; allowed is one of k,": of_method(
        knn=KnnDistribution("scale", False, 8)
    ),
    "the method 'blend' declares the ability 'explain', which is computed from shares of p_kNN": of_method(
        abilities=("ask", "explain")
    ),
    "the columns of the method 'blend' name the role 'nonsense'; allowed is one of base, short-term, cache, memory,": of_method(
        columns={"per": "nonsense"}
    ),
    "the columns of the method 'blend' name the role 'own', which a scorer computes": of_method(columns={"per": "own"}),
    "'a,b' cannot name a column of the method 'blend'; allowed is a text without a comma, other than text,": of_method(
        columns={"a,b": "memory"}
    ),
    "the columns of the method 'blend' are ('per',); expected is a mapping": of_method(columns=("per",)),
    "declares the column 'per' with the role 'memory', whose figures are those of the method 'knn-lm' (kNN-LM)": of_method(
        columns={"per": "memory"}
    ),
    "declares the column 'per' with the role 'own', whose figures are those of the method 'spalm'": of_method(
        columns={"per": "own"}, scorer="memlab.systems.spalm.perplexity:scorer"
    ),
    "its method 'blend' declares the column 'base', which the method 'base' has": of_method(
        columns={"base": "own"}, scorer="its:scorer"
    ),
    "its method 'more' declares the column 'per', which the method 'blend' has": replace(
        SYSTEM,
        methods=tuple(
            replace(METHOD, name=name, columns={"per": "own"}, scorer=f"its:{name}") for name in ("blend", "more")
        ),
    ),
    "cannot be written as JSON": of_method(help={1}),
    "its name 'toy-vectors' is no identifier": replace(SYSTEM, name="toy-vectors"),
    "its methods hold a Study; expected is a memlab.declare.Method": replace(SYSTEM, methods=(STUDY,)),  # type: ignore[arg-type]
    "its edits hold a str; expected is a memlab.record.kinds.EditKind": replace(SYSTEM, edits=("boost",)),
    "declares the method 'blend' twice": replace(SYSTEM, methods=(METHOD, replace(METHOD, title="Other"))),
    "declares the study 'tally' twice": replace(SYSTEM, studies=(STUDY, replace(STUDY, title="Other"))),
    "declares the recipe 'quick' twice": replace(SYSTEM, recipes=(RECIPE, replace(RECIPE, title="Other"))),
    "declares the kind of edit 'boost word' twice": replace(SYSTEM, edits=SYSTEM.edits * 2),
    "'' cannot name a method": of_method(name=""),
    "declares the recipe 'masked', and so does the system 'bert_knn'": replace(
        SYSTEM, recipes=(replace(RECIPE, name="masked", kind="masked"),)
    ),
    "its declaration cannot be used: TypeError: 'int' object is not iterable": replace(SYSTEM, methods=3),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_declaration_is_listed_with_the_reason(message: str) -> None:
    found = registry().with_system(WRONG[message], "wrong")
    assert found.systems.keys() == registry().systems.keys()
    assert message in found.unavailable[-1].reason
    assert found.unavailable[-1].reason.endswith(".")
    with pytest.raises(InputError) as error:
        register(WRONG[message])
    assert str(error.value) == found.unavailable[-1].reason
    assert registry().unavailable == ()


def test_columns_that_a_scorer_of_its_own_computes_are_fine() -> None:
    own = of_method(columns={"per": "own", "per+knn": "own+memory"}, scorer="its:scorer")
    assert "toy_vectors" in registry().with_system(own, "toy").systems
    assert COMPUTED.keys() == ROLES.keys()  # what may be declared is what can be computed


def test_names_that_only_other_abilities_take_are_free() -> None:
    asking = of_method(settings=with_settings("window", "seed"))
    assert "toy_vectors" in registry().with_system(asking, "toy").systems


def test_lists_in_place_of_tuples_are_fine() -> None:
    assert "toy_vectors" in registry().with_system(replace(SYSTEM, methods=[METHOD]), "toy").systems  # type: ignore[arg-type]


def test_a_version_that_is_left_out_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a package which says nothing is not taken for one of a later version."""
    today = System("quiet", "Quiet", "a paper", "Toys", "It says no version.")
    assert "quiet" in registry().with_system(today, "quiet").systems
    monkeypatch.setattr(registry_module, "API", 2)
    monkeypatch.setattr(registry_module, "_kept", [])
    later = registry()
    assert later.unavailable == ()
    assert "knn_lm" in later.systems  # memlab's own are of this version
    found = later.with_system(today, "quiet").with_system(replace(today, name="new", api=2), "new")
    assert "new" in found.systems
    assert found.unavailable[0].reason.startswith("it was declared for version 1 of memlab's declarations; this is 2.")


def test_a_kind_of_edit_goes_with_its_system() -> None:
    assert known_kind(BOOST) is None
    with registered(SYSTEM):
        registry()
        assert known_kind(BOOST) is not None
    registry()
    assert known_kind(BOOST) is None
    clashing = replace(SYSTEM, edits=(*SYSTEM.edits, replace(SYSTEM.edits[0], name="teach")))
    with pytest.raises(InputError, match="a kind of edit 'teach' already"):
        register(clashing)
    assert known_kind(BOOST) is None


MISSING = "not_there_at_all:Thing"
BROKEN = replace(
    SYSTEM,
    methods=(
        replace(METHOD, reader=MISSING, memory=MISSING),
        replace(METHOD, name="no-reader", reader="math:pi"),
        replace(METHOD, name="half", reader="memlab.reading.reader:Reader"),
    ),
    studies=(replace(STUDY, run=MISSING, draw=MISSING),),
    recipes=(
        replace(RECIPE, train=MISSING),
        replace(RECIPE, name="made", make=MISSING),
        replace(RECIPE, name="wrong", train="memlab.reading.reader:Reader"),
        replace(RECIPE, name="general", kind="masked", train=None),
        replace(RECIPE, name="shipped", bundled=True, train=None),
    ),
    edits=(replace(SYSTEM.edits[0], check=MISSING),),
    chapters=(Chapter("boosts", "Broken.", MISSING),),
)


@pytest.fixture
def broken() -> Iterator[System]:
    with registered(BROKEN) as system:
        yield system


@pytest.fixture
def run(lab: Lab) -> Run:
    return run_on(lab.home)


WHY = r"cannot be loaded: ModuleNotFoundError: No module named 'not_there_at_all'\. Install that system again\."


def test_a_reader_that_is_not_there_is_said(broken: System, lab: Lab, run: Run) -> None:
    prompt = "The capital of Norway is [MASK]."
    with pytest.raises(
        LoadError, match=rf"^The reader of the method 'blend' of the system 'toy_vectors' \(Blended scores\) {WHY}"
    ):
        lab.ask(prompt, "blend")
    assert "The reader of the method 'blend'" in refused(run("ask", prompt, "--method", "blend"))
    with pytest.raises(LoadError, match=r"'no-reader' .* cannot be used: math:pi is no memlab.reading.reader.Reader"):
        lab.ask(prompt, "no-reader")
    with pytest.raises(
        LoadError, match=r"reader of the method 'half' .* memlab.reading.reader:Reader does not define sources"
    ):
        lab.ask(prompt, "half")
    assert lab.ask(prompt, "bert-knn").answer == "Oslo"


def test_a_memory_that_is_not_there_disables_no_other(broken: System, lab: Lab) -> None:
    methods = registry().methods.values()
    assert own_memory(methods, "atlas-clm", lab.context) is None
    assert own_memory(methods, "atlas-fae-facts", lab.context) is not None


def test_a_study_that_is_not_there_is_said(
    broken: System, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LoadError, match=rf"^The code of the study 'tally' of the system 'toy_vectors' .* {WHY}"):
        lab.run("toy_vectors", "tally")
    (tmp_path / "leaves_at_import.py").write_text("raise SystemExit('no')\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    leaving = replace(STUDY, name="leaves", run="leaves_at_import:run")
    with pytest.raises(LoadError, match="the study 'leaves' cannot be loaded: SystemExit: no"):
        registry().code(leaving.run, leaving, "code")


def test_recipes_that_cannot_train_say_why(broken: System, lab: Lab, run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The river is long. Many people live there.\n" * 700, "utf-8")
    with pytest.raises(LoadError, match=rf"The training of the recipe 'quick' of the system 'toy_vectors' .* {WHY}"):
        lab.training.text("mine", text, "quick", out=tmp_path / "mine")
    with pytest.raises(LoadError, match=r"'wrong' .* is no memlab.evaluate.text_models.TextTraining"):
        lab.training.text("mine", text, "wrong", out=tmp_path / "mine")
    with pytest.raises(InputError, match=r"'general' makes a masked model and declares no training"):
        lab.training.text("mine", text, "general", out=tmp_path / "mine")
    with pytest.raises(LoadError, match=rf"The make of the recipe 'made' .* {WHY}"):
        lab.train("made", tmp_path / "made")
    with pytest.raises(NotFound, match="no recipe 'shipped'"):
        lab.train("shipped", tmp_path / "shipped")
    assert "The make of the recipe 'made'" in refused(run("train", "made", "--out", str(tmp_path / "made")))


def test_a_kind_of_edit_whose_code_is_not_there_is_said(broken: System, own_record: Lab) -> None:
    with pytest.raises(MemlabError, match=r"code of a kind of edit, not_there_at_all:Thing, cannot be loaded"):
        own_record.context.ledger.append(BOOST, "a word", {"word": "Oslo", "by": 1.0})
    assert own_record.history() == []


@pytest.fixture
def own_record(tmp_path: Path) -> Lab:
    return Lab.open(tmp_path)


def test_help_works_beside_broken_systems(broken: System) -> None:
    for words in (["--help"], ["ask", "--help"], ["train", "--help"], ["systems"]):
        assert CliRunner().invoke(main, words).exit_code == 0


def test_what_train_takes_is_the_name_of_a_recipe() -> None:
    names = (
        Recipe("near-model", "causal", "A model", "a text", 5, 0, 1.0, train="x:y"),
        Recipe("other", "masked", "Another", "a text", 5, 0, 1.0, train="x:z"),
    )
    with registered(replace(SYSTEM, recipes=names)):
        found = registry().text_recipes
        assert found["near-model"] is found["causal"] is names[0]  # nothing else makes a causal model under this kind
        assert found["other"] is names[1]
        assert found["masked"].train == "memlab.systems.bert_knn.training:MaskedTraining"
        help = CliRunner().invoke(main, ["train", "--help"]).stdout
        assert "near-model" in help
        two = replace(names[0], name="second")
    with registered(replace(SYSTEM, recipes=(*names, two))):
        assert "causal" not in registry().text_recipes
    assert set(KINDS) <= set(registry().text_recipes)


def test_every_bundled_model_has_a_recipe_that_trains_it(lab: Lab) -> None:
    recipes = registry().recipes
    bundled = {m.name for m in lab.models() if m.name.startswith("atlas-")}
    assert bundled == {r.name for r in recipes.values() if r.bundled and r.by_name}
    for name, own in RECIPES.items():
        assert (recipes[name].kind, recipes[name].steps, recipes[name].seed) == (own.kind, own.steps, own.seed)
    commands = {r.command for r in recipes.values()}
    assert {"memlab train atlas-qa", "memlab train NAME --text FILE --kind spalm"} <= commands
