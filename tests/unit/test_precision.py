"""The type that a model computes in: chosen by measuring, forced, kept apart; and one module for one folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from memlab import Lab
from memlab.errors import InputError, StoreError
from memlab.lm import precision
from memlab.lm.catalogue import info, load
from memlab.lm.precision import BFLOAT16, FLOAT32, MEASURED, VARIABLE, Speeds
from memlab.lm.versions import derive
from memlab.results import Article
from tests.commands import document, run_on

Tiny = Callable[[str], Path]
TEXT = "The capital of France is Paris. Many people live in Paris. Berlin is the capital of Germany."


@pytest.fixture
def own(tiny: Tiny, tmp_path: Path) -> Path:
    """A model's folder of this test alone."""
    return Path(shutil.copytree(tiny("llama"), tmp_path / "own"))


def logp(name: Path) -> torch.Tensor:
    lm = load(str(name))
    ids, mask = lm.pad([lm.read(TEXT)[0]])
    columns = torch.arange(ids.shape[1])
    found = lm.encode(ids, mask, torch.zeros_like(columns), columns, ("ffn", "last"))
    assert all(key.dtype == torch.float32 for key in found.keys.values())
    assert found.logp is not None
    return found.logp


def test_labs_of_one_process_share_one_module(own: Path, tmp_path: Path) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        (home / "models").mkdir(parents=True)
        (home / "models" / "mine").symlink_to(own)
    first, second = (Lab.open(home).building.context.load("mine") for home in homes)
    again = load(str(own))
    assert first is second is again
    changed = next(iter(dict(first.module.named_parameters())))
    version = derive(first, {changed: first.module.get_parameter(changed) + 1})
    shared = [p.data_ptr() == first.module.get_parameter(n).data_ptr() for n, p in version.module.named_parameters()]
    assert shared.count(False) == 1


def test_a_forced_type_is_said_and_its_keys_are_kept_apart(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact, plain = logp(own), load(str(own))
    monkeypatch.setenv(VARIABLE, BFLOAT16)
    rounded, lm = logp(own), load(str(own))
    assert (plain.dtype, lm.dtype) == (FLOAT32, BFLOAT16)
    assert {p.dtype for p in lm.module.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in plain.module.parameters()} == {torch.float32}, "the other one stays as it is"
    assert 0 < float((exact - rounded).abs().max()) < 0.2
    assert lm.weights_hash != plain.weights_hash
    assert lm.exact() is plain
    with pytest.raises(InputError, match="Weights are changed in float32"):
        derive(lm, {"lm_head.weight": lm.module.lm_head.weight})

    lab = Lab.open(tmp_path / "home")
    lab.build([Article("a", "a", TEXT)], "letters", str(own))
    store = lab.building.context.shelf.open("letters")
    assert store.fingerprint.precision == BFLOAT16
    question = "The capital of France is"
    asked = lab.ask(question, datastore="letters", k=2)
    monkeypatch.delenv(VARIABLE)
    assert lab.ask(question, datastore="letters", k=2).answer == asked.answer, "asked in the type that made it"
    assert len(lab.read(TEXT, datastore="letters", k=2)) > 10
    monkeypatch.setenv(VARIABLE, FLOAT32)
    with pytest.raises(StoreError, match=r"computed in bfloat16; here it computes in float32.*MEMLAB_DTYPE=bfloat16"):
        lab.ask(question, datastore="letters", k=2)
    monkeypatch.setenv(VARIABLE, "int8")
    with pytest.raises(InputError, match=r"\$MEMLAB_DTYPE is 'int8'. Allowed: auto, float32, bfloat16"):
        lab.ask(question, datastore="letters", k=2)


@pytest.mark.parametrize(("speed", "dtype"), [(300.0, BFLOAT16), (110.0, FLOAT32)])
def test_the_faster_type_is_measured_once_for_a_machine(
    speed: float, dtype: str, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def measure(lm: object) -> Speeds:
        measured.append(lm)
        return Speeds(precision._machine(), 100.0, speed)

    monkeypatch.setattr(precision, "_measured", measure)
    assert info(str(own)).dtype == FLOAT32, "too small to be worth it"
    monkeypatch.setattr(precision, "LEAST_PARAMETERS", 0)
    assert info(str(own)).dtype == "measured when it is loaded"
    assert load(str(own)).dtype == dtype
    assert load(str(own)) is load(str(own))
    assert info(str(own)).dtype == dtype
    assert json.loads((own / MEASURED).read_text())[precision._machine()]["bfloat16"] == speed
    os.utime(own / "config.json")  # another stamp: the model is read again, and not measured
    assert load(str(own)).dtype == dtype
    assert len(measured) == 1
    monkeypatch.setattr(precision, "_machine", lambda: "another processor")
    os.utime(own / "tokenizer.json")
    load(str(own))
    assert len(measured) == 2


def test_measuring_leaves_the_weights_as_they_were(tiny_lm: Callable[[str], object]) -> None:
    lm = tiny_lm("llama")
    before = {name: p.data.clone() for name, p in lm.module.named_parameters()}  # type: ignore[attr-defined]
    found = precision._measured(lm)  # type: ignore[arg-type]
    assert found.float32 > 0
    assert found.bfloat16 > 0
    for name, p in lm.module.named_parameters():  # type: ignore[attr-defined]
        assert torch.equal(p.data, before[name])


def test_bundled_models_keep_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, BFLOAT16)
    assert load("atlas-clm").dtype == FLOAT32
    assert info("atlas-clm").dtype == FLOAT32


def test_a_command_forces_the_type_for_itself_alone(own: Path, tmp_path: Path) -> None:
    run = run_on(tmp_path / "home")
    found = document(run("models", "check", own, "--dtype", "bfloat16", "--json"))
    assert found["dtype"] == BFLOAT16
    assert 0 < found["dtype_difference"] < 0.2
    exact, rounded = (found["perplexities"][name] for name in (FLOAT32, BFLOAT16))
    assert exact != rounded
    assert rounded == pytest.approx(exact, rel=0.01)
    assert document(run("models", "check", own, "--json"))["dtype"] == FLOAT32
    assert (
        "bfloat16; log-probabilities differ from float32 by"
        in run("models", "check", own, "--dtype", "bfloat16").stdout
    )
