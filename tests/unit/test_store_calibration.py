"""Tuning on held-out words of one's own texts: what is held out, what is chosen, what is said of it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from memlab import Lab
from memlab.errors import StoppedError
from memlab.evaluate.mixtures import LAMBDAS
from memlab.evaluate.store_calibration import (
    TOKENS,
    Piece,
    gain_by_exchange,
    held_out,
    losses_of,
    read_words,
    temperatures,
)
from memlab.lm.catalogue import load
from memlab.memory.datastore import Datastore
from memlab.memory.found import Found
from memlab.results import Article

Tiny = Callable[[str], Path]
WORDS = (
    "capital",
    "France",
    "Paris",
    "people",
    "river",
    "Berlin",
    "Germany",
    "city",
    "plain",
    "gold",
    "metal",
    "green",
)


def sentences(article: Article) -> Article:
    """The same words, six in a sentence: masked models read each for itself."""
    words = article.text.split()
    said = (f"The {' '.join(words[at : at + 6])}." for at in range(0, len(words), 6))
    return Article(article.id, article.title, " ".join(said))


def texts(number: int, words: int) -> list[Article]:
    """Texts in which each word is followed by one of two others: a memory predicts it better than a random model."""
    draw = random.Random(3)
    out = []
    for n in range(number):
        at, said = draw.randrange(len(WORDS)), []
        for _ in range(words):
            said.append(WORDS[at])
            at = (at * 5 + draw.choice((1, 2))) % len(WORDS)
        out.append(Article(f"t{n}", f"t{n}", " ".join(said)))
    return out


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab.open(tmp_path_factory.mktemp("calibrated"))


@pytest.fixture(scope="module")
def store(lab: Lab, tiny: Tiny) -> Datastore:
    """Built with two keys, so that calibration chooses between them."""
    lab.build(texts(40, 80), "mine", str(tiny("llama")), ("ffn", "last"))
    return lab.context.shelf.open("mine")


def test_documents_at_even_distances_are_held_out(store: Datastore) -> None:
    assert [p.row for p in held_out(store)] == [5, 15, 25, 35]
    assert {p.begin for p in held_out(store)} == {0}


def test_of_few_documents_the_end_of_each(lab: Lab, tiny: Tiny) -> None:
    lab.build(texts(2, 1200), "two", str(tiny("llama")))
    two = lab.context.shelf.open("two")
    for piece in held_out(two):
        length = len(two.documents.article(piece.row).text)
        assert piece.begin == length - length // 10
    assert two.fingerprint.key == "ffn"  # the paper's, where no key is asked for
    words = read_words(load(two.fingerprint.model), two, held_out(two), ["ffn"])
    assert 200 <= len(words) <= TOKENS


def test_words_are_read_as_the_model_reads_them(store: Datastore, tiny: Tiny) -> None:
    lm = load(str(tiny("llama")))
    words = read_words(lm, store, [Piece(5, 0)], ["ffn", "last"])
    ids, _ = lm.read(store.documents.article(5).text)
    lead = lm.frame[0]
    window = min(lm.limit, 128)
    first = [*lead, *ids][:window]
    with torch.inference_mode():
        own = lm.module(torch.tensor([first])).logits[0].double().log_softmax(-1).numpy()
    n = window - len(lead)
    expected = [own[len(lead) + t - 1, ids[t]] for t in range(n)]
    assert words.logp[:n] == pytest.approx(expected, abs=1e-4)
    assert words.values.tolist() == ids[: len(words)]
    assert words.before[10].tolist() == ids[2:10][::-1]
    assert words.before[3].tolist() == [*ids[:3][::-1], -1, -1, -1, -1, -1]
    own_entries = store.documents.entries([5])[: len(words)]
    assert words.queries["ffn"] == pytest.approx(store.keys[own_entries].astype(np.float32), abs=0.02)


def test_settings_are_kept_with_their_gain_and_used(lab: Lab, store: Datastore) -> None:
    ffn, last = store.meta.calibrated["knn-lm"], lab.context.shelf.open("mine-last").meta.calibrated["knn-lm"]
    assert ffn["settings"]["key"] == "ffn"
    assert last["settings"]["key"] == "last"
    assert ffn["questions"] >= 200
    assert ffn["gain"] > 0  # a random model against texts with two followers a word
    assert ffn["mean_logp"] > ffn["model_logp"]
    best = max((ffn, last), key=lambda record: record["mean_logp"])
    assert ffn["preferred_key"] == best["settings"]["key"]
    used = lab.settings("knn-lm", "mine")
    assert {name: getattr(used, name) for name in best["settings"]} == best["settings"]
    p = lab.ask("The capital", datastore="mine", method="knn-lm")
    assert p.settings["temperature"] == best["settings"]["temperature"]
    assert not any("not calibrated" in notice for notice in p.notices)
    said = lab.context.shelf.info("mine").calibration
    alone, together = math.exp(-ffn["model_logp"]), math.exp(-ffn["model_logp"] - ffn["gain"])
    assert f"perplexity {together:.4g} instead of {alone:.4g} without memory" in said
    assert f"calibrated on {ffn['questions']} held-out words" in said


def test_the_choice_is_the_best_of_the_grid_by_an_independent_computation(store: Datastore, tiny: Tiny) -> None:
    """Nearest entries by all distances, p_kNN and mixture word by word; no entry of a held-out text among them."""
    record = store.meta.calibrated["knn-lm"]
    s = record["settings"]
    pieces = held_out(store)
    words = read_words(load(str(tiny("llama"))), store, pieces, ["ffn"])
    gone = np.isin(store.spans[:, 0], [p.row for p in pieces])
    keys, values = store.keys.astype(np.float64), np.asarray(store.values)
    total = 0.0
    for query, value, before, logp in zip(words.queries["ffn"], words.values, words.before, words.logp, strict=True):
        d = ((keys - query) ** 2).sum(1)
        d[gone] = np.inf
        order = np.argsort(d, kind="stable")[: s["k"] + 16]
        kept = [e for e in order if np.isfinite(d[e]) and values[e - 8 : e][::-1].tolist() != before.tolist()][: s["k"]]
        w = np.exp(-(d[kept] - d[kept[0]]) / s["temperature"])
        p = float(w[values[kept] == value].sum() / w.sum())
        total += math.log(s["lam"] * p + (1 - s["lam"]) * math.exp(logp))
    assert total / len(words) == pytest.approx(record["mean_logp"], abs=2e-3)


def test_a_small_collection_is_not_calibrated_and_answers_say_so(lab: Lab, tiny: Tiny) -> None:
    (built,) = lab.build(texts(3, 40), "small", str(tiny("llama")))
    assert built.calibration == "not calibrated: the papers' settings with key ffn"
    assert lab.context.shelf.open("small").meta.calibrated == {}
    p = lab.ask("The capital", datastore="small", method="knn-lm", k=4)
    assert any("'small' is not calibrated for kNN-LM" in notice for notice in p.notices)
    assert (p.settings["temperature"], p.settings["lam"]) == (1.0, 0.25)


def test_masked_models_are_calibrated_on_masked_words(lab: Lab, tiny: Tiny) -> None:
    (built,) = lab.build([sentences(a) for a in texts(20, 120)], "masked", str(tiny("bert")))
    record = lab.context.shelf.open("masked").meta.calibrated["bert-knn"]
    assert set(record["settings"]) == {"k", "scale", "lam", "key"}
    assert "scale" in built.calibration
    assert lab.settings("bert-knn", "masked").lam == record["settings"]["lam"]


def test_a_stopped_calibration_is_made_up_for_by_the_next_build(lab: Lab, tiny: Tiny) -> None:
    def stop() -> bool:
        return "again" in lab.context.shelf.names()  # the datastore is there, its calibration is not

    order = (texts(40, 80), "again", str(tiny("llama")))
    with pytest.raises(StoppedError, match="stopped while calibrating"):
        lab.build(*order, stop=stop)
    assert lab.context.shelf.open("again").meta.calibrated == {}
    lab.build(*order)
    assert lab.context.shelf.open("again").meta.calibrated["knn-lm"]["questions"] >= 200


def test_the_default_key_holds_where_the_better_ones_datastore_was_deleted(lab: Lab, store: Datastore) -> None:
    record = {**store.meta.calibrated["knn-lm"], "preferred_key": "last"}
    lab.build(texts(40, 80), "alone", store.fingerprint.model)
    alone = lab.context.shelf.open("alone")
    replace(alone.meta, calibrated={"knn-lm": record}).write(alone.path)
    assert lab.settings("knn-lm", "alone").key == "ffn"


def test_losses_gain_and_temperatures_by_hand() -> None:
    logp, p = np.log([0.5, 0.25]), np.array([[1.0], [0.0]])
    losses = losses_of(logp, p)
    at = LAMBDAS.index(0.5)
    assert losses.shape == (1, len(LAMBDAS), 2)
    assert losses[0, at] == pytest.approx([-math.log(0.75), -math.log(0.125)])
    grid = np.array([[[1.0, 4.0, 1.0, 4.0]], [[3.0, 2.0, 3.0, 2.0]]])  # (2, 1, 4)
    alone = np.full(4, 3.0)
    # contexts 0 and 2 choose the first row, measured on 1 and 3: 3 - 4; the others choose the second: 3 - 3
    assert gain_by_exchange(grid, alone, np.array([0, 1, 2, 3])) == pytest.approx(-0.5)
    found = Found(np.array([[0, 1, -1]]), np.array([[5, 6, -1]]), np.array([[10.0, 18.0, np.inf]]), 3)
    assert temperatures(found, 0.5, 5.0) == [0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0]
