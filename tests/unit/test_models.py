"""Finding, loading and asking models that are not bundled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from memlab.errors import InputError, NotFound
from memlab.lm.catalogue import info, load
from memlab.lm.loading import read_anew
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import read_prompt

Load = Callable[[str], LanguageModel]
Tiny = Callable[[str], Path]
KINDS = {"modernbert": "masked", "bert": "masked", "llama": "causal", "gpt2": "causal"}


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_folder_is_a_model(name: str, kind: str, tiny: Tiny) -> None:
    lm = load(str(tiny(name)))
    assert lm is load(str(tiny(name)))
    assert lm.kind == info(str(tiny(name))).kind == kind
    assert (lm.d, lm.V) == (32, len(lm.tokenizer))
    assert len(lm.words) == lm.V
    assert lm.limit == 64
    assert not lm.module.training
    assert not any(p.requires_grad for p in lm.module.parameters())
    assert lm.unmet is None


def test_words_are_what_a_person_reads(tiny_lm: Load) -> None:
    words = tiny_lm("bert").words
    assert {"Paris", "New York", "Port-au-Prince", "gold", "Gold", "."} <= set(words)
    assert all(words)


def test_hashes_follow_weights_and_tokenizer(tiny: Tiny, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny("bert"), copy)
    lm, same = load(str(tiny("bert"))), load(str(copy))
    assert (same.weights_hash, same.tokenizer_hash) == (lm.weights_hash, lm.tokenizer_hash)
    raw = bytearray((copy / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    other = tmp_path / "other"
    shutil.copytree(copy, other)
    (other / "model.safetensors").write_bytes(raw)
    assert load(str(other)).weights_hash != lm.weights_hash


@pytest.mark.parametrize("name", KINDS)
def test_the_tokenizers_hash_is_not_changed_by_a_call(name: str, tiny: Tiny) -> None:
    one, two = read_anew(info(str(tiny(name)))).model, load(str(tiny(name)))
    one.tokenizer("The capital of France is Paris.", truncation=True, max_length=3)
    assert one.tokenizer.backend_tokenizer.truncation is not None
    assert one.tokenizer_hash == two.tokenizer_hash


@pytest.mark.parametrize("name", ["modernbert", "bert"])
def test_keys_are_the_same_with_and_without_scores(name: str, tiny_lm: Load) -> None:
    """Without them the last feed-forward layer and the head compute only what the keys need."""
    lm = tiny_lm(name)
    texts = ["The capital of France is Paris.", "Berlin is large."]
    ids, mask = lm.pad([[*lm.frame[0], *lm.read(text)[0], *lm.frame[1]] for text in texts])
    where = (ids, mask, torch.tensor([0, 1, 0]), torch.tensor([3, 1, 5]), ("transform", "penultimate", "last"))
    with_scores, alone = lm.encode(*where), lm.encode(*where, logp=False)
    assert alone.logp is None
    for key in where[-1]:
        assert torch.allclose(alone.keys[key], with_scores.keys[key], rtol=0, atol=1e-6)
    plain = lm.module(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    assert torch.allclose(alone.keys["last"], plain.hidden_states[-1][where[2], where[3]], rtol=0, atol=1e-5)


def test_unknown_models_list_the_bundled_and_say_what_else_can_be_given(tmp_path: Path) -> None:
    for name in ("no-such-model", "nobody/no-such-model", "../nowhere", "a b/c?"):
        with pytest.raises(NotFound, match=r"There is no model .*Available: .*folder"):
            info(name)
    with pytest.raises(NotFound, match=r"config\.json is missing"):
        info(str(tmp_path))


def test_other_kinds_of_models_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "classifier"
    shutil.copytree(tiny("bert"), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertForSequenceClassification"]}))
    with pytest.raises(InputError, match=r"masked .* and causal"):
        info(str(folder))
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        info(str(folder))


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("how", ["missing", "truncated"])
def test_a_model_with_missing_or_damaged_files_is_refused(file: str, how: str, tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny("bert"), folder)
    raw = (folder / file).read_bytes()
    (folder / file).unlink()
    if how == "truncated":
        (folder / file).write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InputError, match=r"broken.*cannot be loaded|no fast tokenizer"):
        load(str(folder))


def test_pickled_weights_are_never_read(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny("bert"), folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="safetensors"):
        load(str(folder))


# Prompts


@pytest.mark.parametrize("name", KINDS)
def test_an_empty_prompt_is_refused_with_an_example(name: str, tiny_lm: Load) -> None:
    for empty in ("", "  \n\t "):
        with pytest.raises(InputError, match=r"empty\. Type a sentence, for example: The capital of France is"):
            read_prompt(tiny_lm(name), empty)


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("France", "no [MASK]"),
        ("[MASK] and [MASK]", "2 times"),
        ("[mask] Paris", "no [MASK]"),
        ("[MASK]" * 3, "3 times"),
    ],
)
def test_a_masked_model_needs_one_mask(prompt: str, found: str, tiny_lm: Load) -> None:
    with pytest.raises(InputError) as error:
        read_prompt(tiny_lm("bert"), prompt)
    assert found in str(error.value)
    assert "exactly one" in str(error.value)


def test_a_causal_model_takes_no_mask(tiny_lm: Load) -> None:
    with pytest.raises(InputError, match="causal model and continues a text"):
        read_prompt(tiny_lm("llama"), "Paris is [MASK].")


@pytest.mark.parametrize(("name", "special"), [("bert", 2), ("llama", 1), ("gpt2", 0)])
def test_a_long_prompt_says_how_many_tokens_are_allowed(name: str, special: int, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    blank = ["[MASK]"] if lm.kind == "masked" else ["Paris"]
    fits = " ".join(["Paris"] * (63 - special) + blank)
    assert len(read_prompt(lm, fits).ids) == 64
    with pytest.raises(InputError, match=rf"has {65 - special} tokens; .* reads at most {64 - special}"):
        read_prompt(lm, "Paris " + fits)


def test_only_punctuation_is_refused(tiny_lm: Load) -> None:
    with pytest.raises(InputError, match="never met any word"):
        read_prompt(tiny_lm("bert"), "?! [MASK] ...")


def test_words_that_training_never_had_are_marked(tiny: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "unmet"
    shutil.copytree(tiny("bert"), folder)
    vocabulary = load(str(folder)).tokenizer.get_vocab()
    pieces = [i for token, i in vocabulary.items() if token.startswith("##") or len(token) == 1]
    record = {"name": "unmet", "kind": "masked", "unmet": [vocabulary["Berlin"], *pieces]}
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / "memlab.json").write_text(json.dumps(record))
    lm = load(str(other))
    read = read_prompt(lm, "Paris and Berlin are [MASK]")
    assert [(t.text, t.known) for t in read.tokens] == [
        ("Paris", True),
        ("and", True),
        ("Berlin", False),
        ("are", True),
    ]
    with pytest.raises(InputError, match=r"never met any word.*name of a country"):
        read_prompt(lm, "Berlin xyz [MASK]")


@pytest.mark.parametrize("name", KINDS)
def test_tokens_of_a_prompt_point_into_it(name: str, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    prompt = "  <script>New York</script> & *Paris* is" + (" [MASK]." if lm.kind == "masked" else "")
    read = read_prompt(lm, prompt)
    assert read.text == prompt.strip()
    assert all(read.text[t.start : t.end] == t.text for t in read.tokens)
    assert "New York" in [t.text for t in read.tokens]
    assert (
        read.ids[read.position] == lm.tokenizer.mask_token_id
        if lm.kind == "masked"
        else read.position == len(read.ids) - 1
    )
