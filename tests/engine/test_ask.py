"""One prompt through the bundled models: the contract that outside checks rely on."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

import numpy as np
import pytest

from memlab import Fact
from memlab.corpus.world import MASK, atlas
from memlab.errors import InputError, MemlabError, NotFound, StoreError
from memlab.lab import Lab
from memlab.lm.catalogue import BUNDLED, load
from memlab.results import Prediction

PROMPTS = {"bert-knn": "The capital of France is [MASK].", "knn-lm": "The capital of France is"}
STORES = {"bert-knn": "atlas-mlm", "knn-lm": "atlas-clm"}
SPREAD = {"bert-knn": "scale", "knn-lm": "temperature"}
METHODS = pytest.mark.parametrize("method", PROMPTS)


def bits(p: Prediction) -> bytes:
    """Everything that a prediction computed."""
    neighbors = [(n.entry, n.distance, n.weight) for n in p.neighbors]
    return p.lm.logp.tobytes() + p.knn.logp.tobytes() + p.mixture.logp.tobytes() + repr(neighbors).encode()


# What an answer holds


@METHODS
def test_an_answer_is_plain_json_of_the_agreed_shape(method: str, lab: Lab) -> None:
    said = lab.ask(PROMPTS[method], method).to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert said["schema_version"] == 1
    assert (said["prompt"], said["method"], said["model"]) == (PROMPTS[method], method, STORES[method])
    assert said["datastore"].startswith(STORES[method])
    assert (said["workspace"], said["as_of"]) == ("default", 0)
    assert {"k", SPREAD[method], "lam", "key"} <= set(said["settings"])
    for side in ("lm", "knn", "mixture"):
        p = [word["p"] for word in said[side]]
        assert set(said[side][0]) == {"id", "token", "p"}
        assert len(p) == load(STORES[method]).V
        assert p == sorted(p, reverse=True)
        assert sum(p) == pytest.approx(1, abs=1e-9)
    assert said["gate"] == {"kind": "constant", "knn_weight": said["settings"]["lam"]}
    assert set(said["timings_ms"]) == {"encode", "search", "mix", "total"}
    keys = {"rank", "entry", "token", "distance", "weight", "left", "value", "right", "document", "source"}
    assert all(keys <= set(n) for n in said["neighbors"])


@METHODS
def test_the_capital_of_france_is_paris(method: str, lab: Lab) -> None:
    p = lab.ask(PROMPTS[method], method)
    assert p.answer == p.lm[0].token == "Paris"
    assert "Paris" in {n.value for n in p.neighbors}
    if method == "bert-knn":  # next words found in all entries are of many kinds
        assert p.knn[0].token == p.neighbors[0].value == "Paris"


@METHODS
def test_neighbors_are_ranked_and_show_where_they_stand(method: str, lab: Lab) -> None:
    p = lab.ask(PROMPTS[method], method)
    assert [n.rank for n in p.neighbors] == list(range(1, len(p.neighbors) + 1))
    assert len({n.entry for n in p.neighbors}) == len(p.neighbors) <= p.settings["k"]
    distances = [n.distance for n in p.neighbors]
    assert distances == sorted(distances)
    assert sum(n.weight for n in p.neighbors) == pytest.approx(1)
    for n in p.neighbors:
        text = lab.article(n.document).text
        assert text[n.start : n.end] == n.value
        assert text[: n.start].endswith(n.left)
        assert text[n.end :].startswith(n.right)
        assert n.source == "base"
        assert n.token == n.value


@METHODS
def test_weights_of_the_neighbors_make_up_the_memory(method: str, lab: Lab) -> None:
    p = lab.ask(PROMPTS[method], method)
    spread = p.settings[SPREAD[method]]
    e = np.exp([-(n.distance - p.neighbors[0].distance) / spread for n in p.neighbors])
    assert [n.weight for n in p.neighbors] == pytest.approx(list(e / e.sum()), abs=1e-9)
    for word in p.knn.top(3):
        assert word.p == pytest.approx(sum(n.weight for n in p.neighbors if n.id == word.id))


@METHODS
def test_distances_are_those_of_the_stored_keys(method: str, lab: Lab) -> None:
    """Squared for kNN-LM, Euclidean for BERT-kNN, exact in both."""
    from memlab.memory.datastore import open_store
    from memlab.memory.retrieval import encode

    p = lab.ask(PROMPTS[method], method)
    store = open_store(lab.home, p.datastore)
    query = encode(load(p.model), PROMPTS[method], p.settings["key"]).key
    for n in p.neighbors[:20]:
        true = ((store.keys[n.entry].astype(float) - query) ** 2).sum()
        assert n.distance == pytest.approx(true if method == "knn-lm" else math.sqrt(true), rel=1e-4, abs=1e-3)


@METHODS
@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_the_mixture_is_the_formula_and_its_ends_are_exact(method: str, lam: float, lab: Lab) -> None:
    p = lab.ask(PROMPTS[method], method, lam=lam)
    if lam in (0.0, 1.0):
        side = p.knn if lam else p.lm
        assert p.mixture.logp.tobytes() == side.logp.tobytes()
    np.testing.assert_allclose(p.mixture.p, lam * p.knn.p + (1 - lam) * p.lm.p, atol=1e-12)


@METHODS
def test_the_models_side_does_not_depend_on_the_memory(method: str, lab: Lab) -> None:
    one = lab.ask(PROMPTS[method], method, lam=0.1, k=4)
    other: dict[str, Any] = {"lam": 0.9, "k": 64, SPREAD[method]: 5}
    two = lab.ask(PROMPTS[method], method, **other)
    assert one.lm.logp.tobytes() == two.lm.logp.tobytes()
    assert one.knn.logp.tobytes() != two.knn.logp.tobytes()


NOT_ASKED_ELSEWHERE = {"bert-knn": "The capital of Portugal is [MASK].", "knn-lm": "The capital of Portugal is"}


@METHODS
def test_a_new_lambda_only_mixes(method: str, built_home: Any) -> None:
    fresh, prompt = Lab.open(built_home), NOT_ASKED_ELSEWHERE[method]
    first = fresh.ask(prompt, method)
    assert first.timings.encode > 0
    assert first.timings.search > 0
    changes: list[dict[str, Any]] = [{"lam": 0.123}, {SPREAD[method]: 3.21}]
    for change in changes:
        again = fresh.ask(prompt, method, **change)
        assert (again.timings.encode, again.timings.search) == (0.0, 0.0)
        assert bits(again) == bits(Lab.open(built_home).ask(prompt, method, **change))
    mixed = [fresh.ask(prompt, method, lam=lam).timings.total for lam in np.linspace(0.1, 0.9, 9)]
    assert min(mixed) < first.timings.total  # the quickest: a busy machine may keep any one of them waiting


@METHODS
def test_the_same_question_has_the_same_answer(method: str, built_home: Any) -> None:
    assert bits(Lab.open(built_home).ask(PROMPTS[method], method)) == bits(
        Lab.open(built_home).ask(PROMPTS[method], method)
    )


def test_the_prompt_chooses_the_method(lab: Lab) -> None:
    assert lab.ask(PROMPTS["bert-knn"]).method == "bert-knn"
    assert lab.ask(PROMPTS["knn-lm"]).method == "knn-lm"
    assert lab.ask(f"  {PROMPTS['bert-knn']}\n").prompt == PROMPTS["bert-knn"]


@METHODS
def test_a_cut_answer_keeps_its_sums(method: str, lab: Lab) -> None:
    said = lab.ask(PROMPTS[method], method).to_dict(top=5)
    for side in ("lm", "knn", "mixture"):
        assert len(said[side]) == 5
        assert sum(w["p"] for w in said[side]) + said["rest"][side] == pytest.approx(1)


# Settings


@METHODS
def test_calibrated_settings_are_the_defaults_and_the_papers_are_a_preset(method: str, lab: Lab) -> None:
    calibrated, paper = lab.ask(PROMPTS[method], method), lab.ask(PROMPTS[method], method, preset="paper")
    how = lab.methods()[method]
    assert paper.settings == {f.name: f.default for f in how.fields()}
    assert calibrated.settings == vars(lab.settings(method))
    assert calibrated.settings != paper.settings
    assert len(paper.neighbors) <= {"bert-knn": 128, "knn-lm": 1024}[method]


@METHODS
def test_every_key_and_both_searches_work(method: str, lab: Lab) -> None:
    choices = {f.name: f.choices for f in lab.methods()[method].fields()}
    for key in choices["key"]:
        for search in choices["search"]:
            p = lab.ask(PROMPTS[method], method, key=key, search=search)
            assert p.settings["key"] == key
            assert p.neighbors
            assert (p.searched == p.entries) == (search == "all")
            assert bool(p.articles) == (search == "articles")


def test_numbers_may_come_as_text(lab: Lab) -> None:
    p = lab.ask(PROMPTS["bert-knn"], k="16", lam="0.5")
    assert bits(p) == bits(lab.ask(PROMPTS["bert-knn"], k=16, lam=0.5))


def test_article_search_takes_the_article_whose_title_stands_in_the_prompt(lab: Lab) -> None:
    p = lab.ask(PROMPTS["bert-knn"], articles=3)
    assert p.articles == ("France",)
    assert {n.document for n in p.neighbors} == {"France"}
    assert p.searched == len({n.entry for n in lab.ask(PROMPTS["bert-knn"], k=4096).neighbors})
    both = lab.ask("France and Germany are in [MASK].")
    assert both.articles == ("France", "Germany")
    assert lab.ask("France and Germany are in [MASK].", articles=1).articles == ("France",)


def test_without_a_title_a_few_articles_are_searched(lab: Lab) -> None:
    p = lab.ask("The river flows into the [MASK].", articles=2)
    assert 1 <= len(p.articles) <= 2
    assert {n.document for n in p.neighbors} <= set(p.articles)


def test_words_that_the_model_never_met_are_noted(lab: Lab) -> None:
    p = lab.ask("The capital of France and Zorkland is [MASK].")
    assert p.unknown_words == ("Zorkland",)
    assert any("Zorkland" in notice for notice in p.notices)
    assert lab.ask(PROMPTS["bert-knn"]).unknown_words == ()


def test_markup_in_a_prompt_is_text(lab: Lab) -> None:
    nasty = "<script>alert(1)</script> The capital of France is [MASK]."
    p = lab.ask(nasty)
    assert p.prompt == nasty
    assert "<script" not in p._repr_html_()
    assert json.loads(json.dumps(p.to_dict()))["prompt"] == nasty


@METHODS
@pytest.mark.parametrize(
    "prompt", ["The capital of Germany is", "Quotes \"and\" 'these' \\ and {braces} of France are"]
)
def test_the_code_of_an_answer_gives_the_same_answer(
    method: str, prompt: str, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(lab.home))
    p = lab.ask(prompt + (" [MASK]." if method == "bert-knn" else ""), method, lam=0.37, k=33)
    scope: dict[str, Any] = {}
    exec(lab.reports.code(p), scope)
    assert bits(scope["p"]) == bits(p)
    assert scope["p"].settings == p.settings


# As of, and what there is


def test_as_of_0_is_now_while_nothing_was_edited(lab: Lab) -> None:
    assert bits(lab.ask(PROMPTS["bert-knn"], as_of=0)) == bits(lab.ask(PROMPTS["bert-knn"]))
    for wrong in (1, -1, 99):
        with pytest.raises(MemlabError, match=rf"as_of.*{wrong}"):
            lab.ask(PROMPTS["bert-knn"], as_of=wrong)


@pytest.mark.parametrize(
    ("unknown", "there"),
    [
        ({"method": "bert-knm"}, "bert-knn, cache, facts-as-experts, knn-lm"),
        ({"model": "atlas-xxl"}, "atlas-clm, atlas-fae, atlas-mlm"),
        ({"datastore": "nowhere"}, "atlas-clm, atlas-clm-ffn, atlas-mlm"),
        ({"preset": "best"}, "calibrated, paper"),
        ({"key": "ffn"}, "penultimate, last, transform"),
        ({"search": "web"}, "articles, all"),
        ({"colour": 1}, "k, scale, lam, key, search, articles"),
    ],
)
def test_unknown_names_list_what_there_is(unknown: dict[str, Any], there: str, lab: Lab) -> None:
    with pytest.raises(MemlabError, match=there) as error:
        lab.ask(PROMPTS["bert-knn"], **unknown)
    assert str(next(iter(unknown.values()))) in str(error.value) or "colour" in str(error.value)


@pytest.mark.parametrize(
    ("prompt", "settings", "allowed"),
    [
        ("", {}, "Type a sentence"),
        (" \n ", {}, "Type a sentence"),
        ("", {"method": "bert-knn"}, "The capital of France is"),
        ("The capital of France is", {"method": "bert-knn"}, "exactly one"),
        ("[MASK] is the capital of [MASK].", {}, "exactly one"),
        ("The capital is [MASK].", {"method": "knn-lm"}, "Stop before"),
        ("Paris " * 200 + "[MASK]", {}, r"has \d+ tokens; atlas-mlm reads at most 126"),
        ("Paris " * 200, {}, r"has \d+ tokens; atlas-clm reads at most 127"),
        ("Zork qwx [MASK].", {}, "has never met any word"),
        ("?! [MASK]", {}, "has never met any word"),
        (PROMPTS["bert-knn"], {"k": 0}, "from 1 to 4096"),
        (PROMPTS["bert-knn"], {"k": -1}, "from 1 to 4096"),
        (PROMPTS["bert-knn"], {"k": 10**9}, "from 1 to 4096"),
        (PROMPTS["bert-knn"], {"lam": 2}, "from 0 to 1"),
        (PROMPTS["bert-knn"], {"lam": math.nan}, "from 0 to 1"),
        (PROMPTS["bert-knn"], {"scale": -6}, r"from 0\.01 to 100"),
        (PROMPTS["knn-lm"], {"temperature": -1}, r"from 0\.01 to 1000"),
        (PROMPTS["knn-lm"], {"temperature": 0}, r"from 0\.01 to 1000"),
        (PROMPTS["bert-knn"], {"articles": 0}, "from 1 to 50"),
    ],
)
def test_bad_prompts_and_settings_say_what_is_allowed(
    prompt: str, settings: dict[str, Any], allowed: str, lab: Lab
) -> None:
    with pytest.raises(InputError, match=allowed):
        lab.ask(prompt, **settings)


def test_a_model_of_the_other_kind_is_refused_with_the_methods_for_it(lab: Lab) -> None:
    with pytest.raises(
        InputError, match=r"kNN-LM needs a causal model; atlas-mlm is masked\. Methods for it: bert-knn"
    ):
        lab.ask(PROMPTS["knn-lm"], method="knn-lm", model="atlas-mlm")
    for model in ("atlas-mlm", None):
        with pytest.raises(InputError, match=r"BERT-kNN needs a datastore of a masked model; 'atlas-clm'"):
            lab.ask(PROMPTS["bert-knn"], model=model, datastore="atlas-clm")


def test_there_are_two_models_with_their_datastores(lab: Lab) -> None:
    assert [m.name for m in lab.models()][:2] == list(BUNDLED)
    assert all(m.bundled and 0 < m.size_mb <= 12 for m in lab.models()[:2])
    stores = {s.name: s for s in lab.datastores()}
    assert {"atlas-mlm", "atlas-mlm-penultimate", "atlas-mlm-last", "atlas-clm", "atlas-clm-ffn"} <= set(stores)
    assert all(stores[name].state == "ready" for name in ("atlas-mlm", "atlas-clm"))
    assert stores["atlas-mlm"].entries < 60_000
    json.dumps([m.to_dict() for m in lab.models()] + [s.to_dict() for s in lab.datastores()])


def test_facts_questions_and_articles_belong_together(lab: Lab) -> None:
    fact = next(f for f in lab.facts("capital") if f.subject == "France")
    assert fact == Fact("France", "capital", "Paris", "frequent", "P36", "country")
    assert lab.facts("P36") == lab.facts("capital")
    assert {f.exposure for f in lab.facts(exposure="unseen")} == {"unseen"}
    assert lab.question(fact) == lab.question(fact, 0)
    assert len({lab.question(fact, n) for n in range(3)}) == 3
    assert lab.question(fact).count(MASK) == 1
    assert lab.question(fact, kind="causal") == lab.question(fact).split(" [MASK]")[0]
    assert lab.article("France").text in [a.text for a in lab.articles()]
    assert [a.title for a in lab.articles("atlas-mlm")] == [a.title for a in lab.articles()]
    for wrong in (-1, 3):
        with pytest.raises(InputError, match="0 to 2"):
            lab.question(fact, wrong)
    with pytest.raises(InputError, match="masked and causal"):
        lab.question(fact, kind="other")
    with pytest.raises(NotFound, match="capital"):
        lab.facts("president")
    with pytest.raises(NotFound, match="Atlantis"):
        lab.article("Atlantis")


def test_settings_of_a_method_are_its_declaration(lab: Lab) -> None:
    for method in lab.methods().values():
        assert set(vars(lab.settings(method.name))) >= {f.name for f in method.fields()}
    with pytest.raises(NotFound, match="bert-knn, cache, facts-as-experts, knn-lm"):
        lab.settings("none")


# Many at once


def test_threads_get_the_answers_of_a_single_one(built_home: Any) -> None:
    facts = atlas().facts[::200][:12]
    lab = Lab.open(built_home)
    questions = [(m, lab.question(f, 0, "masked" if m == "bert-knn" else "causal")) for f in facts for m in PROMPTS]
    wanted = {q: bits(lab.ask(q[1], q[0])) for q in questions}
    shared = Lab.open(built_home)
    wrong: list[Any] = []
    start = threading.Barrier(8)

    def ask(shift: int) -> None:
        start.wait()
        for i in range(len(questions)):
            method, prompt = questions[(i * 5 + shift) % len(questions)]
            try:
                if bits(shared.ask(prompt, method)) != wanted[method, prompt]:
                    wrong.append(prompt)
            except BaseException as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.slow
def test_a_damaged_bundled_store_is_said_and_repaired(built_home: Any, tmp_path: Any) -> None:
    import shutil

    home = tmp_path / "home"
    shutil.copytree(built_home / "datastores", home / "datastores")
    lab = Lab.open(home)
    want = bits(lab.ask(PROMPTS["knn-lm"]))
    damaged = home / "datastores" / lab.ask(PROMPTS["knn-lm"]).datastore / "values.i32"
    damaged.unlink()
    damaged.write_bytes(b"short")
    with pytest.raises(StoreError, match=r"values\.i32.*[Bb]uild"):
        lab.ask(PROMPTS["knn-lm"])
    assert lab.ask(PROMPTS["bert-knn"]).answer == "Paris"
    lab.building.bundled()
    assert bits(lab.ask(PROMPTS["knn-lm"])) == want
