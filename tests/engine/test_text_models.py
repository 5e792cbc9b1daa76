"""Models trained on a text of one's own, end to end for two steps, and the bundled SPALM."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from memlab.bundle import assets
from memlab.cli import main
from memlab.corpus.passages import held_out_articles
from memlab.declare import checked
from memlab.errors import InputError, NotFound, StoreError
from memlab.evaluate.text_models import ATLAS, recipe_for
from memlab.lab import Lab
from memlab.lm.catalogue import info, load
from memlab.lm.passage import windows, with_memory
from memlab.results import Article
from memlab.systems.bert_knn.training import masked, pieces_of
from memlab.systems.spalm import SYSTEM, Settings
from memlab.systems.spalm.combination import check_spalm
from memlab.systems.spalm.model import GATE_FILE, SpalmModel, load_encoder
from memlab.systems.spalm.training import SpalmReading, spalm_losses


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = random.Random(1)
    words = [f"{a}{b}" for a in ("mar", "pier", "nat", "andr", "bor") for b in ("e", "is", "ov", "asha", "ine")]
    lines = [" ".join(rng.choice(words) for _ in range(12)).capitalize() + "." for _ in range(400)]
    path = tmp_path_factory.mktemp("text") / "novel.txt"
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, text: Path) -> Lab:
    lab = Lab.open(tmp_path_factory.mktemp("trained-home"))
    lab.training.text("first", text, "base", steps=2)
    lab.training.text("second", text, "short-term", steps=2)
    lab.training.text("third", text, "spalm", encoder="first", steps=2)
    return lab


def test_three_kinds_are_trained_on_one_text_with_one_tokenizer(trained: Lab, text: Path) -> None:
    models = {n: load(str(trained.home / "models" / n)) for n in ("first", "second", "third")}
    assert len({m.tokenizer_hash for m in models.values()}) == 1
    assert len({m.weights_hash for m in models.values()}) == 3
    assert [type(m) is SpalmModel for m in models.values()] == [False, False, True]
    listed = {Path(m.name).name: m for m in trained.models()}
    assert {n: listed[n].method for n in models} == {"first": None, "second": None, "third": "spalm"}
    assert {listed[n].kind for n in models} == {"causal"}
    records = {n: listed[n].record for n in models}
    assert len({r["text"]["sha256"] for r in records.values()}) == 1
    assert [r["recipe"]["memory"] > 0 for r in records.values()] == [False, True, True]
    for record in records.values():
        assert all(1 < row["perplexity"] < 10_000 for row in record["scores"])
    card = listed["third"].card
    assert "--kind spalm" in card
    assert "--encoder first" in card
    assert "weight of the local state" in card
    assert card.count("| gate ") == 3


def test_a_spalm_knows_its_encoder_and_memory_and_refuses_others(trained: Lab, text: Path, tmp_path: Path) -> None:
    home = trained.home
    model = load(str(home / "models" / "third"))
    assert isinstance(model, SpalmModel)
    encoder = load_encoder(model)
    store = trained.context.shelf.open(model.record.datastore)
    check_spalm(model, encoder, store.fingerprint)
    kept = list((home / "neighbors").glob("*.json"))
    assert [json.loads(k.read_text())["sha256"] for k in kept] == [model.record.neighbors_sha256]
    with pytest.raises(StoreError, match="other weights"):
        check_spalm(model, load(str(home / "models" / "second")), store.fingerprint)
    shutil.copytree(home / "models" / "third", tmp_path / "third")
    moved = load(str(tmp_path / "third"))
    assert isinstance(moved, SpalmModel)
    with pytest.raises(StoreError, match="not at"):
        load_encoder(moved)
    shutil.copytree(home / "models" / "second", tmp_path / "first")
    with pytest.raises(StoreError, match="other weights now"):
        load_encoder(moved)
    (tmp_path / "third" / GATE_FILE).unlink()
    shutil.copytree(tmp_path / "third", tmp_path / "fourth")
    with pytest.raises(InputError, match="Train the model again"):
        load(str(tmp_path / "fourth"))


def test_a_masked_model_of_a_text_answers_with_a_memory_of_it(trained: Lab, text: Path) -> None:
    info_ = trained.training.text("fourth", text, "masked", steps=2)
    assert (info_.kind, info_.record["text"]["file"]) == ("masked", "novel.txt")
    (row,) = info_.record["scores"]
    assert 1 < row["perplexity"] < 10_000
    assert "--kind masked" in info_.card
    assert "30% of the tokens of a line are masked" in info_.card
    lm = load(str(trained.home / "models" / "fourth"))
    lines = text.read_text("utf-8").splitlines()
    known = lm.tokenizer(lines[0], add_special_tokens=False)["input_ids"]
    assert lm.tokenizer.unk_token_id not in known
    assert lm.tokenizer.decode(known) == lines[0].replace(".", " .").replace(" .", ".")
    trained.build(lines[:120], name="fourth-memory", model="fourth", keys=("last",))
    word = lines[0].split()[5]
    prompt = lines[0].replace(f" {word} ", " [MASK] ", 1)
    said = trained.ask(prompt, method="bert-knn", model="fourth", datastore="fourth-memory", lam=0.9, search="all")
    assert said.knn is not None
    assert said.neighbors[0].value == word
    with pytest.raises(InputError, match="no encoder"):
        trained.training.text("fifth", text, "masked", encoder="first", steps=2)
    with pytest.raises(InputError, match="memlab train atlas-mlm"):
        trained.training.text("fifth", "atlas", "masked", steps=2)
    assert not (trained.home / "models" / "fifth").exists()


def test_masked_tokens_are_drawn_from_the_text_alone() -> None:
    class Marks:
        cls_token_id, sep_token_id, mask_token_id = 2, 3, 4

    pieces = pieces_of([list(range(10, 130)), list(range(10, 15))], 50)
    assert [len(piece) for piece in pieces] == [50, 50, 20, 5]
    ids, mask, targets = masked(pieces, Marks, torch.Generator().manual_seed(1))
    assert ids.shape == mask.shape == targets.shape == (4, 52)
    assert mask.sum(1).tolist() == [52, 52, 22, 7]
    asked = targets >= 0
    assert (ids[asked] == 4).all()
    assert (targets[asked] >= 10).all()
    whole = torch.where(asked, targets, ids)
    assert [row[m == 1].tolist()[1:-1] for row, m in zip(whole, mask, strict=True)] == pieces
    assert 0.15 < asked.sum().item() / 125 < 0.45


@pytest.fixture(scope="module")
def unseen(trained: Lab) -> list[Article]:
    """The first datastore comes with the SPALM."""
    rng = random.Random(7)
    return [Article("u", "u", " ".join(rng.choice(["mare", "pieris", "natov", "andrasha"]) for _ in range(160)))]


def figures(result: dict[str, Any]) -> dict[str, float]:
    return {row["method"]: row["perplexity"] for row in result["results"]}


def test_a_datastore_alone_is_measured_with_the_model_that_made_it(trained: Lab, unseen: list[Article]) -> None:
    how: dict[str, Any] = {"methods": ("knn-lm",), "k": 4, "temperature": 5.0, "lam": 0.3, "window": 60, "stride": 60}
    alone = trained.evaluate_perplexity(unseen, datastores=["first"], **how)
    named = trained.evaluate_perplexity(unseen, models=["first"], datastores=["first"], **how)
    assert alone["settings"]["models"] == named["settings"]["models"]
    assert figures(alone) == figures(named)
    with pytest.raises(InputError, match="different tokenizers"):
        trained.evaluate_perplexity(unseen, models=["first", "atlas-clm"], datastores=["first", "first"], **how)


def test_a_spalm_is_measured_with_its_own_memory_whatever_that_of_the_model(
    trained: Lab, unseen: list[Article]
) -> None:
    how: dict[str, Any] = {"models": ["first"], "own_models": ["third"], "temperature": 5.0, "lam": 0.3}
    true = figures(trained.evaluate_perplexity(unseen, methods=("spalm",), **how))["spalm"]
    both = ("knn-lm", "spalm")
    assert figures(trained.evaluate_perplexity(unseen, methods=both, k=2, **how))["spalm"] == pytest.approx(true)
    trained.build([Article("o", "o", "Mare pieris natov. " * 60)], "other", "first", ("last",))
    there = trained.evaluate_perplexity(unseen, methods=both, datastores=["other"], **how)
    assert figures(there)["spalm"] == pytest.approx(true)


def test_a_spalm_is_tuned_without_knn_lm_beside_it(trained: Lab, unseen: list[Article]) -> None:
    how: dict[str, Any] = {"models": ["first"], "own_models": ["third"]}
    for methods in (("spalm",), ("cache", "spalm"), ("spalm+knn-lm",)):
        found = trained.evaluate_perplexity(unseen, unseen, methods, **how)
        assert all(1 < p < 1e6 for p in figures(found).values())
    given = trained.evaluate_perplexity(unseen, unseen, ("spalm+knn-lm",), temperature=5.0, lam=0.3, **how)
    assert (given["settings"]["spalm_temperature"], given["settings"]["spalm_lam"]) == (5.0, 0.3)
    for wrong in ({"k": 0}, {"k": -3}, {"k": 5000}, {"temperature": 0.0}, {"lam": 5.0}, {"lam": -1.0}):
        with pytest.raises(InputError):
            trained.evaluate_perplexity(unseen, methods=("spalm",), **how, **wrong)
    with pytest.raises(InputError, match="npz"):
        trained.evaluate_perplexity(unseen, losses=Path("losses.csv"))
    with pytest.raises(InputError, match="short: The text is one token"):
        trained.evaluate_perplexity([*unseen, Article("s", "short", "m")], methods=("base",), models=["first"])


def test_a_spalm_also_reads_as_a_plain_model_and_as_knn_lm(trained: Lab, unseen: list[Article]) -> None:
    text = unseen[0].text[:300]
    alone = trained.read(text, "base", model="third")
    forced = trained.read(text, "spalm", model="third", gate="local")
    assert alone.summary["perplexity"] == pytest.approx(forced.summary["perplexity"], rel=1e-4)
    trained.build([Article("b", "b", unseen[0].text[300:])], "by-spalm", "third", ("last",))
    read = trained.read(text, "knn-lm", model="third", datastore="by-spalm", k=8, lam=0.25, temperature=5.0)
    assert {t.gate for t in read if t.loss is not None} == {0.25}
    said = trained.generate("mare pieris", "knn-lm", model="third", datastore="by-spalm", k=8, lam=0.25, max_tokens=3)
    assert {t.gate for t in said.tokens} == {0.25}
    with pytest.raises(InputError, match="first"):  # whose limit is that of the encoder too
        trained.read(text, "spalm", model="third", window=250, stride=250)


def test_what_cannot_be_trained_is_refused(trained: Lab, text: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--encoder"):
        trained.training.text("x", text, "spalm")
    with pytest.raises(InputError, match="same training part"):
        trained.training.text("x", text, "spalm", encoder="atlas-clm")
    with pytest.raises(InputError, match="same training part"):
        trained.training.text("x", text, "spalm", encoder="third")
    with pytest.raises(InputError, match="no encoder"):
        trained.training.text("x", text, "base", encoder="first", steps=1)
    with pytest.raises(InputError, match="base, short-term, masked, spalm"):
        trained.training.text("x", text, "lstm")
    with pytest.raises(InputError, match="seed"):
        trained.training.text("x", text, "base", seed=-1)
    for name in ("atlas-clm", "atlas-spalm", "../x", ""):
        with pytest.raises(InputError, match="cannot name"):
            trained.training.text(name, text, "base")
    short = tmp_path / "short.txt"
    short.write_text("Too short.", "utf-8")
    with pytest.raises(InputError, match="at least"):
        trained.training.text("x", short, "base")
    with pytest.raises(NotFound, match="atlas-spalm"):
        trained.train("nothing")
    assert not (trained.home / "models" / "x").exists()


def test_neighbors_of_zero_and_negative_memory_are_refused() -> None:
    with pytest.raises(InputError, match="k is 0"):
        checked(Settings, {"k": 0})
    lm = load("atlas-clm")
    with pytest.raises(InputError, match="-1 tokens"):
        with_memory(lm, windows(lm), -1)


(DECLARED,) = (r for r in SYSTEM.recipes if r.bundled)
ATLAS_SPALM = recipe_for(ATLAS, DECLARED.name, DECLARED.kind, DECLARED.seed, DECLARED.steps)
needs_spalm = pytest.mark.skipif(
    not (assets() / "models" / "atlas-spalm" / "config.json").is_file(),
    reason="no bundled atlas-spalm: `memlab train atlas-spalm` makes it",
)


@needs_spalm
def test_the_bundled_spalm_is_small_and_made_by_the_recipe_that_ships() -> None:
    model = info("atlas-spalm")
    folder = assets() / "models" / "atlas-spalm"
    assert sum(f.stat().st_size for f in folder.iterdir()) <= 12e6
    assert (model.bundled, model.kind, model.method) == (True, "causal", "spalm")
    recipe = model.record["recipe"]
    assert {k: recipe[k] for k in ("steps", "seed", "K", "memory")} == {
        "steps": ATLAS_SPALM.steps,
        "seed": ATLAS_SPALM.seed,
        "K": 4,
        "memory": ATLAS_SPALM.memory,
    }
    for row in model.record["scores"]:
        assert f"{row['perplexity']:.2f}" in model.card


@needs_spalm
def test_long_term_memory_helps_the_bundled_spalm_on_articles_it_has_not_seen(lab: Lab) -> None:
    model = load("atlas-spalm")
    assert isinstance(model, SpalmModel)
    encoder = load_encoder(model)
    store = lab.context.shelf.with_key(lab.context.shelf.open(model.record.datastore), model.record.key)
    texts = [a.text for a in held_out_articles("test")[:40]]
    ids = model.tokenizer(texts, add_special_tokens=False)["input_ids"]
    how = with_memory(model, windows(model), ATLAS_SPALM.memory)
    nats = spalm_losses(SpalmReading(model, encoder, store, how), ids, model.record.K, {"g": None, "1": 1.0, "0": 0.0})
    mean = {name: float(np.mean(x)) for name, x in nats.losses.items()}
    assert mean["g"] < mean["1"]
    assert mean["g"] < mean["0"]
    assert 0.05 < float(nats.gate.mean()) < 0.99


def test_the_command_says_what_is_wrong_with_a_request_to_train(trained: Lab, text: Path) -> None:
    home = ["--home", str(trained.home)]

    def train(*more: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["train", *more, *home])
        return result.exit_code, result.stderr

    code, said = train("x", "--kind", "base")
    assert code == 2
    assert "--text" in said
    code, said = train("x", "--text", str(text), "--kind", "spalm")
    assert code == 1
    assert "--encoder" in said
    assert said.count("\n") == 1
    code, said = train("x", "--text", "nowhere.txt")
    assert code == 1
    assert "nowhere.txt" in said
