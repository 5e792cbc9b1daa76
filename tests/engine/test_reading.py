"""Reading a passage with memory: what a trace says, and that perplexities are those of a plain computation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from memlab.bundle import assets
from memlab.cli import main
from memlab.corpus.generator import articles_hash
from memlab.errors import InputError, NotFound
from memlab.lab import Lab
from memlab.lab.reading import LIMIT
from memlab.lm.catalogue import load
from memlab.memory.datastore import open_store
from memlab.results import Article, Trace
from memlab.systems.spalm.model import SpalmRecord, write_gate

TEXT = (
    "Paris is the capital of France. The euro is the currency of Portugal, and Lisbon is its capital. "
    "In 1903 Marie Curie received the Nobel Prize in Physics. The chemical symbol of gold is Au."
)


@pytest.fixture(scope="module")
def trace(lab: Lab) -> Trace:
    return lab.read(TEXT, k=32, temperature=5.0, lam=0.3)


@pytest.fixture(scope="module")
def own_store(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, list[Article]]:
    """A home of its own with a datastore of windows that stand alone, and texts that are not part of it."""
    made = Lab.open(tmp_path_factory.mktemp("reading"))
    texts = [Article(a.id, a.title, a.text) for a in lab.articles() if len(a.text) > 200][:90]
    made.build(texts[:60], "windows", "atlas-clm", ("ffn",), index="flat", window=32, stride=32)
    return made, texts[60:]


def test_perplexity_is_that_of_a_plain_computation(own_store: tuple[Lab, list[Article]]) -> None:
    """Base and kNN-LM against torch and numpy alone: windows, keys from the folder, brute force, softmax."""
    lab, texts = own_store
    k, T, lam, W = 24, 6.0, 0.35, 32
    result = lab.evaluate_perplexity(
        texts[:7], methods=("base", "knn-lm"), models=("atlas-clm",), datastores=("windows",), window=W, stride=W,
        k=k, temperature=T, lam=lam,
    )  # fmt: skip
    folder = lab.home / "datastores" / "windows"
    values = np.fromfile(folder / "values.i32", np.int32)
    keys = np.fromfile(folder / "keys.f16", np.float16).reshape(len(values), -1).astype(np.float64)
    lm = load("atlas-clm")
    heard: list[torch.Tensor] = []
    hook = lm.module.model.layers[-1].mlp.register_forward_pre_hook(lambda module, args: heard.append(args[0]))
    base, mixed = [], []
    try:
        for article in texts[:7]:
            ids = lm.tokenizer(article.text, add_special_tokens=False)["input_ids"]
            for at in range(0, len(ids), W):
                window = ids[at : at + W]
                if len(window) < 2:
                    continue
                with torch.inference_mode():
                    logp = lm.module(input_ids=torch.tensor([window])).logits[0].double().log_softmax(-1).numpy()
                queries = heard.pop()[0].double().numpy()
                for t in range(1, len(window)):
                    squared = ((keys - queries[t - 1]) ** 2).sum(1)
                    near = np.argsort(squared, kind="stable")[:k]
                    w = np.exp(-(squared[near] - squared[near[0]]) / T)
                    p_knn = w[values[near] == window[t]].sum() / w.sum()
                    p_lm = np.exp(logp[t - 1, window[t]])
                    base.append(-np.log(p_lm))
                    mixed.append(-np.log(lam * p_knn + (1 - lam) * p_lm))
    finally:
        hook.remove()
    got = {row["method"]: row for row in result["results"]}
    assert got["base"]["tokens"] == got["knn-lm"]["tokens"] == len(base)
    assert got["base"]["perplexity"] == pytest.approx(np.exp(np.mean(base)), rel=1e-3)
    assert got["knn-lm"]["perplexity"] == pytest.approx(np.exp(np.mean(mixed)), rel=1e-3)
    worse = np.mean(np.asarray(mixed) > np.asarray(base))
    assert got["knn-lm"]["worse_than_base"] == pytest.approx(worse, abs=0.005)
    assert got["base"]["interval"][0] < got["base"]["perplexity"] < got["base"]["interval"][1]
    bands = result["by_frequency"]
    assert [row["frequency"] for row in bands] == ["0", "1 to 9", "10 to 99", "100 to 999", "1000 and more"]
    assert sum(row["tokens"] for row in bands) == len(base)
    assert all(
        (row["interval"] is None) == (row["tokens"] <= 256) for row in bands if row["tokens"]
    )  # one block says nothing
    gained = sum(row["tokens"] * row["gain"] for row in bands if row["tokens"])
    assert gained == pytest.approx(np.sum(base) - np.sum(mixed), rel=1e-2)


def test_tuning_looks_at_validation_text_only_and_one_grid_equals_single_runs(
    own_store: tuple[Lab, list[Article]], tmp_path: Path
) -> None:
    lab, texts = own_store
    given = {"models": ("atlas-clm",), "datastores": ("windows",), "window": 32, "stride": 16, "k": 16}
    losses = tmp_path / "losses.npz"
    tuned = lab.evaluate_perplexity(
        texts[:8], texts[8:16], ("base", "short-term", "cache", "knn-lm", "knn-lm+cache"), memory=24, cache=64,
        gates=("learned", "skip"), losses=losses, **given,
    )  # fmt: skip
    best = min(tuned["grid"], key=lambda row: row["validation_perplexity"])
    s = tuned["settings"]
    assert (s["temperature"], s["lam"]) == (best["temperature"], best["lam"])
    for row in (best, tuned["grid"][3]):  # one search served them all
        single = lab.evaluate_perplexity(
            texts[8:16], methods=("knn-lm",), temperature=row["temperature"], lam=row["lam"], **given
        )
        assert single["results"][1]["perplexity"] == pytest.approx(row["validation_perplexity"], rel=1e-5)
    methods = [row["method"] for row in tuned["results"]]
    assert methods[:5] == ["base", "short-term", "cache", "knn-lm", "knn-lm+cache"]
    assert methods[5:] == ["knn-lm, learned gate", "knn-lm, skip gate"]
    assert len({row["tokens"] for row in tuned["results"]}) == 1
    assert 0.1 < tuned["gates"]["skip"]["searches_saved"] < 0.9
    kept = np.load(losses)
    for row in tuned["results"]:
        assert np.exp(kept[row["method"]].mean()) == pytest.approx(row["perplexity"], rel=1e-5)
    assert tuned["reported"]
    assert not any("17.6" in json.dumps(row) for row in tuned["results"])
    # The gates are kept, and read with the same settings.
    text = texts[25].text
    learned, skip = (
        lab.read(text, model="atlas-clm", datastore="windows", gate=g, k=16, temperature=s["temperature"])
        for g in ("learned", "skip")
    )
    assert np.ptp(learned.arrays.gate) > 0.01
    assert learned.summary["searches_saved"] == 0
    assert 0 < skip.summary["searches_saved"] < 1
    unasked = ~skip.arrays.searched
    np.testing.assert_allclose(skip.arrays.loss[unasked], skip.arrays.loss_without_memory[unasked], rtol=1e-5)
    assert (skip.arrays.entries[unasked] == -1).all()
    with pytest.raises(NotFound, match=r"trained with another k.* Read with k .* --gate KIND --k .* --temperature "):
        lab.read(text, model="atlas-clm", datastore="windows", gate="learned", k=17, temperature=s["temperature"])


def test_a_text_of_the_store_does_not_retrieve_itself(lab: Lab) -> None:
    text = lab.article("France").text
    honest, leak = (lab.read(text, leave_out=how).summary["perplexity"] for how in ("self", "nothing"))
    assert leak < honest / 3


def test_a_trace_adds_up(lab: Lab, trace: Trace) -> None:
    assert [TEXT[t.start : t.end] for t in trace] == [t.text for t in trace]
    lm, store = load("atlas-clm"), open_store(lab.home, "atlas-clm-ffn")
    assert [t.id for t in trace] == lm.tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    for t in trace:
        assert t.loss is not None and t.loss_without_memory is not None and t.gain is not None  # noqa: PT018
        assert t.gain == pytest.approx(t.loss_without_memory - t.loss)
        assert t.gate == pytest.approx(0.3)
        for side in ("lm", "knn", "mixture"):
            assert sum(w.p for w in t.top[side]) + t.rest[side] == pytest.approx(1.0, abs=1e-4)
        p = {side: {w.id: w.p for w in t.top[side]} for side in t.top}
        both = set(p["lm"]) & set(p["knn"]) & set(p["mixture"])
        for word in both:
            assert p["mixture"][word] == pytest.approx(0.3 * p["knn"][word] + 0.7 * p["lm"][word], abs=1e-5)
        for n in t.neighbors:
            assert store.values[n.entry] == n.id
    s = trace.summary
    assert s["perplexity"] == pytest.approx(np.exp(np.mean([t.loss for t in trace])))
    assert s["worsened"] == pytest.approx(np.mean([t.gain < -1e-4 for t in trace]))
    assert sum(g["tokens"] for g in s["by_kind"]) == sum(g["tokens"] for g in s["by_frequency"]) == len(trace)
    by_text = {t.text: t for t in trace}
    kinds = {
        "Lisbon": "name",
        "19": "number",
        "0": "piece",
        "of": "function word",
        ".": "punctuation",
        "capital": "word",
    }
    assert {word: by_text[word].kind for word in kinds} == kinds
    assert by_text["Lisbon"].frequency == int((np.asarray(store.values) == by_text["Lisbon"].id).sum())
    document = json.loads(json.dumps(trace.to_dict()))
    assert set(document["tokens"][3]) >= {"text", "id", "loss", "loss_without_memory", "gate", "neighbors", "top"}


def test_a_step_is_complete_and_agrees_with_asking(lab: Lab, trace: Trace) -> None:
    at = next(i for i, t in enumerate(trace) if t.text == "Lisbon")
    step = lab.reading.step(trace, at)
    asked = lab.ask(TEXT[: trace[at].start].strip(), method="knn-lm", k=32, temperature=5.0, lam=0.3)
    assert step.mixture.of(trace[at].id) == pytest.approx(np.exp(-trace[at].loss), rel=1e-4)
    np.testing.assert_allclose(step.mixture.p, asked.mixture.p, atol=1e-4)
    assert [n.entry for n in step.neighbors][:8] == [n.entry for n in asked.neighbors][:8]
    assert step.neighbors[0].left == asked.neighbors[0].left
    assert sum(n.weight for n in step.neighbors) == pytest.approx(1.0)
    np.testing.assert_allclose(step.counterfactuals["0"].p, step.lm.p, atol=1e-6)
    assert step.knn is not None
    np.testing.assert_allclose(step.counterfactuals["1"].p, step.knn.p, atol=1e-6)
    with pytest.raises(InputError, match="no token 999"):
        lab.reading.step(trace, 999)


def test_combinations_are_what_single_readings_give(lab: Lab) -> None:
    given = {"k": 16, "temperature": 5.0, "lam": 0.4}
    all_on = lab.read(TEXT, short_term=40, cache=30, window=32, stride=16, **given)
    rows = {(c["local"], c["short_term"], c["long_term"]): c["perplexity"] for c in all_on.summary["combinations"]}
    plain = lab.read(TEXT, method="base", window=32, stride=16).summary["perplexity"]
    short = lab.read(TEXT, method="base", short_term=40, cache=30, window=32, stride=16).summary["perplexity"]
    long = lab.read(TEXT, window=32, stride=16, **given).summary["perplexity"]
    assert rows[True, False, False] == pytest.approx(plain, rel=1e-5)
    assert rows[True, True, False] == pytest.approx(short, rel=1e-5)
    assert rows[True, False, True] == pytest.approx(long, rel=1e-5)
    assert rows[True, True, True] == pytest.approx(all_on.summary["perplexity"], rel=1e-5)
    assert len({plain, short, long}) == 3
    assert all_on[20].cached
    assert all(c.position < 20 for c in all_on[20].cached)


def test_reading_sees_the_edits_of_the_workspace(built_home: Path, tmp_path: Path) -> None:
    (tmp_path / "datastores").symlink_to(built_home / "datastores")
    lab = Lab.open(tmp_path)
    text = "The Blue Lantern Festival of Lisbon is held in October."
    before = lab.read(text)
    lab.teach(text)
    after = lab.read(text)
    assert after.summary["perplexity"] < before.summary["perplexity"]
    assert lab.read(text, as_of=0).summary["perplexity"] == pytest.approx(before.summary["perplexity"])
    assert lab.reading.step(after, 4).neighbors[0].source.startswith("edit:")


@pytest.fixture(scope="module")
def spalm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The weights of atlas-clm as a SPALM that trusts its own state by half: w_g = 0, so g = 0.5."""
    folder = tmp_path_factory.mktemp("models") / "half"
    shutil.copytree(assets() / "models" / "atlas-clm", folder)
    lm = load("atlas-clm")
    write_gate(folder, torch.zeros(lm.d))
    record = SpalmRecord("atlas-clm", lm.weights_hash, lm.tokenizer_hash, "ffn", "atlas-clm", articles_hash(), 4, "")
    (folder / "memlab.json").write_text(
        json.dumps({"kind": "causal", "recipe": {"memory": 24}, "spalm": record.to_dict()}), "utf-8"
    )
    return str(folder)


def test_spalm_is_read_with_its_encoder_and_counterfactuals(lab: Lab, spalm: str) -> None:
    trace = lab.read(TEXT, method="spalm", model=spalm)
    assert trace.gate_kind == "spalm"
    np.testing.assert_allclose(trace.arrays.gate, 0.5)
    base = lab.read(TEXT, method="base")  # g = 1 is the plain model
    np.testing.assert_allclose(trace.arrays.loss_without_memory, base.arrays.loss, atol=1e-4)
    local = lab.read(TEXT, method="spalm", model=spalm, gate="local")
    np.testing.assert_allclose(local.arrays.loss, base.arrays.loss, atol=1e-4)
    assert trace.summary["perplexity"] != pytest.approx(base.summary["perplexity"], rel=1e-3)
    knn = lab.read(TEXT, k=4)
    assert [[n.entry for n in t.neighbors] for t in trace] == [[n.entry for n in t.neighbors] for t in knn]
    step = lab.reading.step(trace, 7)
    lm = load(spalm)
    h = scores = None
    ids = lm.tokenizer(TEXT)["input_ids"][:8]  # [CLS] and seven tokens
    with torch.inference_mode():
        h = lm.module.base_model(input_ids=torch.tensor([ids])).last_hidden_state[0, -1]
        y = lm.embedding[torch.tensor([n.id for n in trace[7].neighbors])]
        scores = lm.embedding @ (0.5 * h + 0.5 * (y @ h).softmax(0) @ y)
    np.testing.assert_allclose(step.mixture.p, scores.double().softmax(0), atol=1e-5)
    np.testing.assert_allclose(step.counterfactuals["1"].p, step.lm.p, atol=1e-7)
    both = lab.read(TEXT, method="spalm+knn-lm", model=spalm, lam=0.25, temperature=5.0, knn_k=16, short_term=24)
    assert both.summary["perplexity"] is not None
    assert len(both.summary["combinations"]) == 4


def test_all_methods_of_perplexity_are_on_the_same_tokens(lab: Lab, spalm: str) -> None:
    texts = lab.perplexity.atlas_part("test")[:4]
    methods = ("base", "short-term", "cache", "knn-lm", "knn-lm+cache", "spalm", "spalm+knn-lm")
    result = lab.evaluate_perplexity(texts, methods=methods, own_models=(spalm,), memory=24, k=16)
    rows = {row["method"]: row for row in result["results"]}
    assert list(rows) == list(methods)
    assert len({row["tokens"] for row in rows.values()}) == 1
    traces = [lab.read(a.text, method="spalm", model=spalm, short_term=24) for a in texts]
    losses = np.concatenate([t.arrays.loss for t in traces])
    assert rows["spalm"]["perplexity"] == pytest.approx(np.exp(losses.mean()), rel=1e-4)
    traces = [lab.read(a.text, k=16) for a in texts]
    losses = np.concatenate([t.arrays.loss for t in traces])
    assert rows["knn-lm"]["perplexity"] == pytest.approx(np.exp(losses.mean()), rel=1e-4)


def test_stop_gives_what_was_read(lab: Lab) -> None:
    seen: list[float] = []
    text = " ".join(a.text for a in lab.articles()[:30])
    stopped = lab.read(text, cut=True, progress=lambda f, m: seen.append(f), stop=lambda: len(seen) >= 2)
    assert stopped.stopped
    assert 0 < stopped.summary["predicted"] < len(stopped)
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("", {}, "empty"),
        ("  \n", {}, "empty"),
        ("Paris", {}, "one token"),
        ("gold " * (LIMIT + 5), {}, rf"{LIMIT + 5} tokens; at most {LIMIT} are read.*Cut there"),
        (TEXT, {"model": "atlas-mlm"}, "masked model"),
        (TEXT, {"model": "atlas-mlm", "method": "base"}, "masked model"),
        (TEXT, {"k": 0}, "k is 0; allowed is a whole number from 1"),
        (TEXT, {"short_term": -5}, "short-term memory is -5 tokens; allowed is 0"),
        (TEXT, {"cache": -1}, "size of 0"),
        (TEXT, {"method": "spalm", "model": "atlas-clm"}, "not a SPALM"),
        (TEXT, {"method": "lucky"}, "no method 'lucky'.*knn-lm"),
        (TEXT, {"gate": "lucky"}, "no gate 'lucky'"),
        (TEXT, {"gate": "learned", "k": 3}, "No gate was trained|another k"),
        (TEXT, {"leave_out": "all"}, "self, near, nothing"),
        (TEXT, {"search": "articles"}, "searches all entries"),
        (TEXT, {"window": 16, "stride": 20}, "1 <= stride <= window"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_is_allowed(lab: Lab, text: str, given: dict, message: str) -> None:
    with pytest.raises((InputError, NotFound), match=message):
        lab.read(text, **given)


def test_the_command_line(lab: Lab, tmp_path: Path) -> None:
    run, home = CliRunner(), ["--home", str(lab.home)]
    (tmp_path / "a.txt").write_text(TEXT, "utf-8")
    out = run.invoke(main, ["read", str(tmp_path / "a.txt"), "--json", "--short-term", "20", *home])
    assert out.exit_code == 0, out.output
    document = json.loads(out.stdout)
    assert document["tokens"]
    assert len(document["summary"]["combinations"]) == 5
    same = run.invoke(main, ["read", "-", "--json", "--method", "base", *home], input=TEXT)
    assert json.loads(same.stdout)["summary"]["perplexity"] == document["summary"]["combinations"][0]["perplexity"]
    out = run.invoke(main, ["read", "--text", "Paris", *home])
    assert (out.exit_code, out.stdout) == (1, "")
    assert "one token" in out.stderr
    given = ["--window", "16", "--stride", "16", "--lam", "0.2", "--temperature", "5"]
    out = run.invoke(main, ["evaluate", "perplexity", str(tmp_path / "a.txt"), *given, "--json", *home])
    assert out.exit_code == 0, out.output
    document = json.loads(out.stdout)
    assert [row["method"] for row in document["results"]] == ["base", "knn-lm"]
    assert document["task"] == "perplexity"
    out = run.invoke(main, ["evaluate", "perplexity", *home])
    assert out.exit_code == 2


@pytest.mark.parametrize("methods", [("spalm",), ("cache", "spalm"), ("spalm+knn-lm",)])
def test_spalm_is_measured_also_without_knn_lm(lab: Lab, methods: tuple[str, ...]) -> None:
    some = [Article(a.id, a.title, a.text) for a in lab.articles()[:2]]
    alone = {r["method"]: r["perplexity"] for r in lab.evaluate_perplexity(some, methods=methods)["results"]}
    both = {
        r["method"]: r["perplexity"] for r in lab.evaluate_perplexity(some, methods=(*methods, "knn-lm"))["results"]
    }
    assert alone == {name: pytest.approx(both[name], rel=1e-4) for name in ("base", *methods)}
