"""What the check of a model refuses when it is loaded, and what it says of a model that it lets pass."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import BertConfig, BertLMHeadModel, BertModel

from memlab.cli import main
from memlab.errors import InputError
from memlab.lab import Lab
from memlab.lm.catalogue import check, info, load
from memlab.lm.checking import ModelCheck, check_model, check_vocabulary
from memlab.lm.model import LanguageModel
from tests import tiny_models

Tiny = Callable[[str], Path]
Weights = dict[str, Tensor]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a model of `tiny_models`, made once."""
    base = tmp_path_factory.mktemp("architectures")

    def folder(name: str) -> Path:
        out = base / name.replace(", ", "-").replace(" ", "-")
        return out if out.is_dir() else tiny_models.make(name, out)

    return folder


def _with_weights(source: Path, folder: Path, change: Callable[[Weights], Weights], **settings: object) -> str:
    """A copy of a model with other weights, and other settings in its configuration."""
    shutil.copytree(source, folder)
    save_file(change(load_file(source / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **settings}))
    return str(folder)


def test_a_whole_model_passes_and_the_check_says_what_it_is(tiny: Tiny) -> None:
    found = check(str(tiny("bert")))
    lm = load(str(tiny("bert")))
    assert isinstance(found, ModelCheck)
    assert (found.architecture, found.model_type, found.kind) == ("BertForMaskedLM", "bert", "masked")
    assert found.keys == {"penultimate": 32, "last": 32, "transform": 32}
    assert (found.missing, found.unexpected, found.notes) == ((), (), ())
    assert 0 <= found.difference <= 1e-4
    assert (found.vocabulary, found.tokens) == (lm.V, len(lm.tokenizer))
    assert (found.limit, found.positions) == (64, 64)
    assert found.parameters == sum(p.numel() for p in lm.module.parameters())
    assert json.loads(json.dumps(found.to_dict()))["keys"] == {"penultimate": 32, "last": 32, "transform": 32}


def test_no_output_projection_in_the_files_is_refused(made: Callable[[str], Path], tmp_path: Path) -> None:
    without = _with_weights(
        made("mistral"), tmp_path / "m", lambda w: {k: v for k, v in w.items() if k != "lm_head.weight"}
    )
    with pytest.raises(InputError, match=r"files lack lm_head\.weight, which would be random"):
        load(without)


def test_a_projection_that_is_tied_to_the_embedding_is_not_missing(tiny: Tiny) -> None:
    assert "lm_head.weight" not in load_file(tiny("llama") / "model.safetensors")
    assert check(str(tiny("llama"))).missing == ()


def test_weights_under_other_names_are_refused_with_both_names(tiny: Tiny, tmp_path: Path) -> None:
    compiled = _with_weights(
        tiny("gpt2"), tmp_path / "m", lambda w: {f"_orig_mod.{name}": value for name, value in w.items()}
    )
    with pytest.raises(InputError, match=r"files lack .*transformer\..* The files have _orig_mod\.transformer"):
        load(compiled)


def test_a_layer_that_is_left_out_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    short = _with_weights(tiny("bert"), tmp_path / "m", lambda w: {k: v for k, v in w.items() if ".layer.1." not in k})
    with pytest.raises(InputError, match=r"files lack bert\.encoder\.layer\.1\..* more, which would be random"):
        load(short)


def test_a_layer_more_than_the_configuration_has_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"contain model\.layers\.1\..*does not have"):
        load(_with_weights(tiny("llama"), tmp_path / "m", dict, num_hidden_layers=1))


def test_an_encoder_that_claims_a_head_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    shutil.copytree(tiny("bert"), tmp_path / "m")
    BertModel(BertConfig.from_pretrained(tiny("bert"), trust_remote_code=False)).save_pretrained(tmp_path / "m")
    config = json.loads((tmp_path / "m/config.json").read_text())
    (tmp_path / "m/config.json").write_text(json.dumps({**config, "architectures": ["BertForMaskedLM"]}))
    with pytest.raises(InputError, match=r"files lack cls\.predictions"):
        load(str(tmp_path / "m"))


def test_a_pooler_and_a_head_for_next_sentences_do_no_harm(tiny: Tiny, tmp_path: Path) -> None:
    more = {"bert.pooler.dense.weight": torch.zeros(32, 32), "cls.seq_relationship.weight": torch.zeros(2, 32)}
    found = check(_with_weights(tiny("bert"), tmp_path / "m", lambda w: {**w, **more}))
    assert set(found.unexpected) == set(more)


def test_a_token_without_a_row_is_named(tiny: Tiny, tmp_path: Path) -> None:
    shutil.copytree(tiny("gpt2"), tmp_path / "m")
    lm = load(str(tiny("gpt2")))
    tokenizer = tiny_models.PreTrainedTokenizerFast.from_pretrained(tmp_path / "m", trust_remote_code=False)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|more|>"]})
    tokenizer.save_pretrained(tmp_path / "m")
    with pytest.raises(InputError, match=rf"has {lm.V} words .* its tokenizer also has '<\|more\|>' \({lm.V}\)"):
        load(str(tmp_path / "m"))


def test_more_rows_than_tokens_are_words_without_a_name(made: Callable[[str], Path], tmp_path: Path) -> None:
    tiny_models.make("llama", tmp_path / "m", vocab_size=len(tiny_models.tokenizer("metaspace")) + 3)
    lm = load(str(tmp_path / "m"))
    assert len(lm.tokenizer) + 3 == lm.V
    assert lm.words[-1] == f"<{lm.V - 1}>"


def test_a_decoder_that_reads_what_follows_is_refused(tmp_path: Path) -> None:
    tiny_models.make("bert, decoder", tmp_path / "m")
    config = json.loads((tmp_path / "m/config.json").read_text())
    (tmp_path / "m/config.json").write_text(json.dumps({**config, "is_decoder": False}))
    assert config["architectures"] == [BertLMHeadModel.__name__]
    with pytest.raises(InputError, match=r"depends on the tokens after it \(states change by .*is_decoder is false"):
        load(str(tmp_path / "m"))


def test_what_memlab_would_compute_otherwise_is_refused(made: Callable[[str], Path]) -> None:
    """A body that is not all that stands before the head: here, the head's parts without the model's soft cap."""
    lm = load(str(made("gemma2")))
    assert not lm.inside.plain
    other = LanguageModel("other", lm.module, lm.tokenizer, "causal")
    other.head = lm.module.lm_head
    with pytest.raises(InputError, match=r"differ by up to \d.*Gemma2ForCausalLM"):
        check_model(other)


def test_a_model_that_rolls_dice_is_refused(tiny: Tiny) -> None:
    lm = load(str(tiny("gpt2")))
    module = tiny_models.module("gpt2", tiny_models.tokenizer("byte-level"))
    other = LanguageModel("other", module.train(), tiny_models.tokenizer("byte-level"), "causal")
    with pytest.raises(InputError, match="log-probabilities differ each time"):
        check_model(other)
    assert check_model(lm).difference <= 1e-4


def test_a_masked_model_needs_a_mask_token(tiny: Tiny) -> None:
    lm = load(str(tiny("bert")))
    reader = tiny_models.tokenizer("metaspace")
    module = tiny_models.module("bert", reader, pad_token_id=0)
    with pytest.raises(InputError, match="has no mask token"):
        check_vocabulary(LanguageModel("other", module, reader, "masked"))
    check_vocabulary(lm)


def test_weights_that_change_under_a_running_process_are_noticed_and_said(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(tiny("gpt2"), folder)
    first = load(str(folder))
    assert first is load(str(folder))
    assert first.notes == ()
    before = first.weights_hash
    del first.weights_hash  # made when it is asked for
    weights = load_file(folder / "model.safetensors")
    save_file({k: v + 0.01 for k, v in weights.items()}, folder / "new.safetensors", {"format": "pt"})
    os.replace(folder / "new.safetensors", folder / "model.safetensors")
    second = load(str(folder))
    assert second is not first
    assert second.weights_hash != before
    with pytest.raises(InputError, match="have changed since it was loaded"):
        _ = first.weights_hash  # the files hold another model's weights
    assert "have changed since it was loaded" in " ".join(second.notes)
    assert load(str(folder)) is second


def test_an_adapter_beside_the_weights_is_said(tiny: Tiny, tmp_path: Path) -> None:
    shutil.copytree(tiny("gpt2"), tmp_path / "m")
    (tmp_path / "m/adapter_config.json").write_text('{"peft_type": "LORA"}')
    lm = load(str(tmp_path / "m"))
    assert "an adapter (adapter_config.json) beside the weights" in lm.notes[0]
    assert check(str(tmp_path / "m")).notes == lm.notes
    text = tmp_path / "t.txt"
    text.write_text("The capital of France is Paris.")
    (store,) = Lab.open(tmp_path / "home").build(text, "mine", str(tmp_path / "m"))
    assert store.report is not None
    assert store.report.notices == lm.notes


def test_a_copy_of_the_hub_that_is_not_whole_says_what_is_missing(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "part").mkdir()
    shutil.copy(tiny("bert") / "config.json", tmp_path / "part")

    def snapshot(name: str, **how: object) -> str:
        if how.get("local_files_only"):
            return str(tmp_path / "part")
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    with pytest.raises(InputError, match=r"incomplete: it lacks weights .*, a tokenizer .*\. Fetching the rest needs"):
        info("some/model")


def test_the_rest_of_a_copy_is_fetched(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = tmp_path / "part"
    part.mkdir()
    shutil.copy(tiny("bert") / "config.json", part)
    asked: list[bool] = []

    def snapshot(name: str, **how: object) -> str:
        asked.append(bool(how.get("local_files_only")))
        return str(part if how.get("local_files_only") else tiny("bert"))

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert info("some/model").path == tiny("bert")
    assert asked == [True, False]


def test_the_command_prints_what_was_found_and_refuses_in_one_line(tiny: Tiny, tmp_path: Path) -> None:
    run = CliRunner()
    home = ("--home", str(tmp_path / "home"))
    found = json.loads(run.invoke(main, ["models", "check", str(tiny("llama")), "--json", *home]).stdout)
    assert (found["model_type"], found["short_term"], found["tested"]) == ("llama", True, True)
    assert found["difference"] <= 1e-4
    said = run.invoke(main, ["models", "check", str(tiny("llama")), *home]).stdout
    assert "can be used: LlamaForCausalLM (llama), causal" in said
    bad = _with_weights(tiny("llama"), tmp_path / "m", dict, num_hidden_layers=1)
    refused = run.invoke(main, ["models", "check", bad, "--json", *home])
    assert (refused.exit_code, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)
    assert "model.layers.1" in refused.stderr


@pytest.mark.parametrize("name", ["gemma2", "cohere", "opt, projected", "granite", "falcon_h1", "lfm2", "mamba"])
def test_some_causal_architectures(name: str, made: Callable[[str], Path]) -> None:
    """Fast ones of each kind; tests/matrix has them all."""
    lm = load(str(made(name)))
    ids = torch.tensor([[*lm.frame[0], *lm.read("The capital of France is Paris.")[0]]])
    own = lm.module(input_ids=ids, use_cache=False).logits[0].double().log_softmax(-1)
    columns = torch.arange(ids.shape[1])
    found = lm.encode(ids, torch.ones_like(ids), torch.zeros_like(columns), columns, lm.keys)
    assert found.logp is not None
    np.testing.assert_allclose(found.logp, own.detach(), atol=1e-4)
    assert {key: found.keys[key].shape[1] for key in lm.keys} == {key: lm.width(key) for key in lm.keys}


@pytest.mark.parametrize("name", ["albert", "electra", "mobilebert", "fnet", "roberta"])
def test_some_masked_architectures(name: str, made: Callable[[str], Path]) -> None:
    lm = load(str(made(name)))
    texts = [[*lm.frame[0], *lm.read(text)[0], *lm.frame[1]] for text in tiny_models.LINES[:3]]
    ids, mask = lm.pad(texts)
    rows, columns = torch.tensor([2, 0, 1]), torch.tensor([3, 4, 2])
    found = lm.encode(ids, mask, rows, columns, lm.keys)
    assert found.logp is not None
    for n, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        alone = torch.tensor([texts[row]])
        own = lm.module(input_ids=alone, attention_mask=torch.ones_like(alone)).logits[0, column]
        np.testing.assert_allclose(found.logp[n], own.double().log_softmax(-1).detach(), atol=1e-4)


def test_a_model_without_a_known_feed_forward_layer_is_refused_for_that_key_only(made: Callable[[str], Path]) -> None:
    lm = load(str(made("mamba")))
    lm.check_key("last")
    with pytest.raises(InputError, match=r"mamba.* has no layer that gives the key 'ffn'.*Use --key last"):
        lm.check_key("ffn")
