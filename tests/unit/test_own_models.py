"""The lab with models and texts of one's own: tiny models with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab.errors import InputError, MemlabError, NotFound, StoreError
from memlab.lab import Lab
from memlab.lm.model import LanguageModel
from memlab.memory.building import StoppedError
from memlab.results import Article

Tiny = Callable[[str], Path]
Load = Callable[[str], LanguageModel]
PROMPT = {"masked": "The capital of France is [MASK].", "causal": "The capital of France is"}
KINDS = {"modernbert": "masked", "bert": "masked", "llama": "causal", "gpt2": "causal"}


@pytest.fixture
def own(tmp_path: Path) -> Lab:
    return Lab.open(tmp_path)


@pytest.fixture
def mine(own: Lab, tiny: Tiny, documents: list[Article]) -> str:
    """Name of a datastore of a masked model with all three kinds of key."""
    own.build(documents, "mine", str(tiny("modernbert")), ("last", "transform", "penultimate"))
    return "mine"


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_any_model_builds_and_answers(
    name: str, kind: str, own: Lab, tiny: Tiny, tiny_lm: Load, documents: list[Article]
) -> None:
    (built,) = own.build(documents, "mine", str(tiny(name)))
    assert (built.name, built.state, built.documents, built.index) == ("mine", "ready", 40, "flat")
    lm = tiny_lm(name)
    p = own.ask(PROMPT[kind], datastore="mine", k=16, search="all")
    assert p.kind == kind
    assert p.method == ("bert-knn" if kind == "masked" else "knn-lm")
    assert p.settings["key"] == built.key
    assert len(p.lm) == len(p.knn) == len(p.mixture) == lm.V
    assert p.knn[0].token in ("Paris", "Berlin", "York", "Haiti", "New York", "gold", "Gold") or kind == "causal"
    assert (p.searched, p.entries) == (built.entries, built.entries)
    assert len(p.neighbors) == 16
    nearest = p.neighbors[0]
    assert nearest.distance == pytest.approx(0, abs=0.05), "the sentence itself is remembered"
    assert nearest.left.endswith("The capital of France is ")
    assert nearest.value == nearest.token == "Paris"


def test_the_model_of_a_datastore_answers_by_itself(own: Lab, mine: str, tiny: Tiny) -> None:
    p = own.ask(PROMPT["masked"], datastore=mine)
    again = own.ask(PROMPT["masked"], model=str(tiny("modernbert")))
    assert again.datastore == mine
    assert np.array_equal(p.mixture.logp, again.mixture.logp)
    assert p.model in [m.name for m in own.models()]


def test_without_calibration_the_papers_settings_stand_with_the_key_of_the_store(own: Lab, mine: str) -> None:
    s = own.settings("bert-knn", mine)
    assert (s.key, s.scale, s.lam) == ("last", 6.0, 0.3)
    entries = next(store.entries for store in own.datastores() if store.name == mine)
    assert s.k == min(128, entries)


def test_each_kind_of_key_has_its_datastore(own: Lab, mine: str) -> None:
    stores = {s.name: s.key for s in own.datastores() if s.state == "ready"}
    assert stores == {"mine": "last", "mine-transform": "transform", "mine-penultimate": "penultimate"}
    answers = {key: own.ask(PROMPT["masked"], datastore=mine, key=key) for key in stores.values()}
    assert {p.settings["key"] for p in answers.values()} == set(answers)
    assert {p.datastore for p in answers.values()} == set(stores)
    distances = [p.neighbors[-1].distance for p in answers.values()]
    assert len(set(distances)) == 3


def test_a_kind_of_key_that_was_not_built_is_refused_with_how_to_build_it(
    own: Lab, tiny: Tiny, documents: list[Article]
) -> None:
    own.build(documents, "one", str(tiny("modernbert")), ("last",))
    with pytest.raises(StoreError, match=r"'last', and there is no 'one-transform'.*--key transform"):
        own.ask(PROMPT["masked"], datastore="one", key="transform")


@pytest.mark.parametrize("recipe", ["flat", "hnsw", "ivf", "ivfpq", "fastscan", "rabitq"])
def test_every_index_answers_and_approximate_ones_say_so(
    recipe: str, own: Lab, tiny: Tiny, documents: list[Article]
) -> None:
    own.build(documents, "mine", str(tiny("modernbert")), index=recipe)
    p = own.ask(PROMPT["masked"], datastore="mine", search="all", k=20)
    assert p.neighbors[0].value == "Paris"
    assert any("approximate" in notice for notice in p.notices) == (recipe != "flat")
    exact = own.ask(PROMPT["masked"], datastore="mine", search="articles", articles=40, k=300)
    known = {n.entry: n.distance for n in exact.neighbors}
    assert all(n.distance == pytest.approx(known[n.entry], rel=1e-4) for n in p.neighbors if n.entry in known)


def test_windows_side_by_side_for_a_causal_model(own: Lab, tiny: Tiny, tiny_lm: Load, documents: list[Article]) -> None:
    (built,) = own.build(documents, "mine", str(tiny("llama")), window=16, stride=16)
    lengths = [len(tiny_lm("llama").tokenizer(d.text, add_special_tokens=False)["input_ids"]) for d in documents]
    assert built.entries == sum(n - (n + 15) // 16 for n in lengths)


def test_another_model_is_refused_on_a_datastore(own: Lab, mine: str, tiny: Tiny) -> None:
    with pytest.raises(StoreError, match="other weights"):
        own.ask(PROMPT["masked"], model=str(tiny("bert")), datastore=mine)
    with pytest.raises(
        InputError, match=r"BERT-kNN needs a masked model; .*tiny-llama is causal\. Methods for it: knn-lm"
    ):
        own.ask(PROMPT["masked"], model=str(tiny("llama")), datastore=mine)
    with pytest.raises(NotFound, match="has made no datastore here"):
        own.ask(PROMPT["masked"], model=str(tiny("bert")))


def test_damaged_files_of_a_datastore_are_said_and_listed(own: Lab, mine: str, tmp_path: Path) -> None:
    (tmp_path / "datastores/mine-transform/keys.f16").write_bytes(b"short")
    with pytest.raises(StoreError, match=r"keys\.f16 has 5 bytes.*Build"):
        own.ask(PROMPT["masked"], datastore=mine, key="transform")
    states = {s.name: s for s in own.datastores()}
    assert states["mine-transform"].state == "broken"
    assert "keys.f16" in states["mine-transform"].why
    assert own.ask(PROMPT["masked"], datastore=mine, key="last").neighbors


def test_a_datastore_that_was_built_again_is_read_again(own: Lab, mine: str, tiny: Tiny) -> None:
    before = own.ask(PROMPT["masked"], datastore=mine, k=4)
    assert before.neighbors[0].document == "Text 0"
    own.build([Article("x", "Other", "The capital of France is Berlin.")], "mine", str(tiny("modernbert")), ("last",))
    after = own.ask(PROMPT["masked"], datastore=mine, k=2)
    assert (after.neighbors[0].document, after.neighbors[0].value) == ("Other", "Berlin")
    assert [a.title for a in own.articles(mine)] == ["Other"]
    assert own.article("x", mine).text == "The capital of France is Berlin."


@pytest.mark.parametrize("name", ["atlas-mlm", "", ".hidden", "a/b", "../up", "a b", "x" * 90, "-x"])
def test_names_that_cannot_be_are_refused(name: str, own: Lab, tiny: Tiny, documents: list[Article]) -> None:
    with pytest.raises(InputError, match=r"cannot name a datastore|needs a name|bundled"):
        own.build(documents, name, str(tiny("bert")))


def test_a_build_can_be_stopped_and_goes_on(own: Lab, tiny: Tiny, documents: list[Article]) -> None:
    with pytest.raises(StoppedError):
        own.build(documents, "mine", str(tiny("bert")), stop=lambda: True)
    assert "mine" not in [s.name for s in own.datastores()]
    assert own.build(documents, "mine", str(tiny("bert")))[0].state == "ready"


def test_texts_with_markup_stay_texts(own: Lab, tiny: Tiny) -> None:
    nasty = "<script>alert(1)</script> **Paris** is [gold](http://x)."
    own.build([Article("n", "<b>Notes</b>", nasty)] * 1, "mine", str(tiny("modernbert")))
    p = own.ask("<script>alert(1)</script> Paris is [MASK].", datastore="mine", k=2)
    assert p.prompt.startswith("<script>")
    assert p.neighbors[0].document == "<b>Notes</b>"
    assert p.neighbors[0].left + p.neighbors[0].value + p.neighbors[0].right == nasty
    assert "<script" not in p._repr_html_()
    assert "<b>Notes" not in p._repr_html_()


def test_every_refusal_is_an_error_with_text(own: Lab, mine: str) -> None:
    for settings in ({"k": 0}, {"k": 4097}, {"lam": -0.1}, {"scale": 0}, {"key": "ffn"}, {"temperature": 1}, {"zz": 1}):
        with pytest.raises(MemlabError, match="llowed"):
            own.ask(PROMPT["masked"], datastore=mine, **settings)
    with pytest.raises(InputError, match=r"k is 4096, but the datastore 'mine' has \d+ entries"):
        own.ask(PROMPT["masked"], datastore=mine, k=4096)
    with pytest.raises(NotFound, match=r"datastore 'yours'\. Available: mine, mine-penultimate, mine-transform"):
        own.ask(PROMPT["masked"], datastore="yours")
