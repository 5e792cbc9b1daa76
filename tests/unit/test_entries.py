"""Which entries a text gives, and that their keys are what transformers computes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from torch import Tensor, nn

from memlab.errors import InputError
from memlab.lm.model import KEYS, Encoded, LanguageModel
from memlab.lm.prompts import read_prompt
from memlab.memory.cutting import rememberable
from memlab.memory.entries import Entries, Reading, encode_keys, entries_of
from memlab.memory.retrieval import encode_many
from memlab.results import Article

MASKED, CAUSAL = ("modernbert", "bert"), ("llama", "gpt2")
ALL = [(name, key) for names, kind in ((MASKED, "masked"), (CAUSAL, "causal")) for name in names for key in KEYS[kind]]
Load = Callable[[str], LanguageModel]


def text(*parts: str) -> list[Article]:
    return [Article(f"a{i}", f"a{i}", part) for i, part in enumerate(parts)]


def remembered(made: Entries, documents: list[Article]) -> list[str]:
    """The characters that each entry's span covers."""
    return [documents[row].text[a:b] for row, a, b in made.spans.tolist()]


def long_text(words: int) -> str:
    return " ".join(("Paris", "Berlin", "gold", "river")[i % 4] for i in range(words))


# Masked models


@pytest.mark.parametrize("name", MASKED)
def test_words_are_entries_and_stop_words_and_punctuation_are_not(name: str, tiny_lm: Load) -> None:
    documents = text("The capital of France is Paris. New York, (the city), is in Haiti!")
    made = entries_of(tiny_lm(name), documents)
    assert remembered(made, documents) == ["capital", "France", "Paris", "New York", "city", "Haiti"]


def test_pieces_of_words_are_no_entries(tiny_lm: Load) -> None:
    """The word "Parisx" is read as Paris + ##x and "Parisé" likewise: neither remembers Paris."""
    documents = text("Parisx and Parisé and Yorkshire and 7Paris; Port-au-Prince and gold-y gold.")
    assert remembered(entries_of(tiny_lm("modernbert"), documents), documents) == [
        "Port-au-Prince",
        "gold",
        "y",
        "gold",
    ]


@pytest.mark.parametrize("name", MASKED)
def test_spans_and_contexts_point_at_the_value(name: str, tiny_lm: Load, documents: list[Article]) -> None:
    lm = tiny_lm(name)
    made = entries_of(lm, documents, first_row=3)
    assert len(made) > 200
    assert made.spans[0, 0] == 3
    for (row, a, b), value, context, position in zip(
        made.spans.tolist(), made.values.tolist(), made.context, made.position, strict=True
    ):
        assert documents[row - 3].text[a:b] == lm.words[value]
        assert made.contexts[context][position] == value
        assert lm.words[value].lower() not in ENGLISH_STOP_WORDS


def test_a_context_is_one_sentence_with_its_special_tokens(tiny_lm: Load) -> None:
    lm = tiny_lm("modernbert")
    made = entries_of(lm, text("Paris is large. Berlin is old."))
    assert [lm.tokenizer.decode(c) for c in made.contexts] == [
        "[CLS] Paris is large. [SEP]",
        "[CLS] Berlin is old. [SEP]",
    ]


def test_each_entry_has_a_masked_copy_of_its_own(tiny_lm: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = tiny_lm("modernbert")
    made = entries_of(lm, text("Paris is a large city and Paris is old."))
    seen: list[tuple[Tensor, Tensor]] = []
    encode = LanguageModel.encode

    def watched(
        lm: LanguageModel, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor, *rest: Any, **more: Any
    ) -> Encoded:
        seen.append((ids.clone(), columns.clone()))
        return encode(lm, ids, mask, rows, columns, *rest, **more)

    monkeypatch.setattr(LanguageModel, "encode", watched)
    encode_keys(lm, made, ("transform",))
    copies = torch.cat([ids for ids, _ in seen])
    assert len(copies) == len(made) == 5
    assert ((copies == lm.tokenizer.mask_token_id).sum(1) == 1).all()
    columns = torch.cat([c for _, c in seen])
    assert (copies[torch.arange(5), columns] == lm.tokenizer.mask_token_id).all()


def test_a_sentence_that_is_too_long_is_read_in_pieces_without_loss(tiny_lm: Load) -> None:
    lm = tiny_lm("modernbert")
    documents = text(long_text(200))
    made = entries_of(lm, documents)
    assert max(map(len, made.contexts)) == lm.limit
    assert remembered(made, documents) == documents[0].text.split()


NOTHING = [(name, empty) for name in (*MASKED, *CAUSAL) for empty in ("", "   \n\n ")]
NOTHING += [(name, empty) for name in MASKED for empty in ("the and of", "... !?")]


@pytest.mark.parametrize(("name", "empty"), NOTHING)
def test_texts_with_nothing_to_remember_give_no_entry_but_keep_their_row(name: str, empty: str, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    made = entries_of(lm, text(empty, "Paris is old.", empty))
    assert set(made.spans[:, 0].tolist()) == {1}
    nothing = entries_of(lm, text(empty))
    assert len(nothing) == 0
    assert nothing.spans.shape == (0, 3)
    key = next(iter(KEYS[lm.kind]))
    assert encode_keys(lm, nothing, (key,))[key].shape == (0, lm.d)


def test_what_may_be_remembered_are_words(tiny_lm: Load) -> None:
    lm = tiny_lm("bert")
    allowed = rememberable(lm)
    pieces = lm.tokenizer.convert_ids_to_tokens(range(lm.V))
    for i in np.flatnonzero(allowed):
        assert not pieces[i].startswith("##")
        assert any(c.isalnum() for c in lm.words[i])
    assert not allowed[lm.tokenizer.all_special_ids].any()
    assert allowed[lm.tokenizer.convert_tokens_to_ids(["Paris", "New York", "gold"])].all()


@given(st.text(st.sampled_from("Paris gold York.,xé 9\n-")))
def test_spans_of_any_text_cover_whole_words(tiny_lm: Load, typed: str) -> None:
    lm = tiny_lm("modernbert")
    documents = text(typed)
    for (_, a, b), value in zip((made := entries_of(lm, documents)).spans.tolist(), made.values.tolist(), strict=True):
        assert typed[a:b] == lm.words[value]
        assert not (a > 0 and typed[a - 1].isalnum())
        assert not (b < len(typed) and typed[b].isalnum())


# Causal models


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize(
    "reading", [Reading(), Reading(16, 8), Reading(16, 16), Reading(16, 5), Reading(2, 1)], ids=str
)
def test_a_key_at_t_pairs_with_the_token_at_t_plus_1(name: str, reading: Reading, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    documents = text(long_text(70), "The capital of France is Paris.")
    made = entries_of(lm, documents, 0, reading)
    for (row, a, b), value, context, position in zip(
        made.spans.tolist(), made.values.tolist(), made.context, made.position, strict=True
    ):
        assert made.contexts[context][position + 1] == value
        assert documents[row].text[a:b] == lm.words[value]


@pytest.mark.parametrize("words", [1, 2, 20, 63, 64, 65, 200])
@pytest.mark.parametrize("name", CAUSAL)
def test_every_token_is_an_entry_once(name: str, words: int, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    documents = text(long_text(words))
    first = 0 if lm.frame[0] else 1  # without a start token, nothing stands before the first token
    assert remembered(entries_of(lm, documents), documents) == documents[0].text.split()[first:]
    assert max((len(c) for c in entries_of(lm, documents).contexts), default=0) <= lm.limit


@pytest.mark.parametrize("stride", [1, 5, 8, 15])
@pytest.mark.parametrize("words", [2, 15, 16, 17, 24, 50])
def test_overlapping_windows_give_each_token_once_with_enough_before_it(words: int, stride: int, tiny_lm: Load) -> None:
    lm = tiny_lm("llama")
    documents = text(long_text(words))
    made = entries_of(lm, documents, 0, Reading(16, stride))
    assert remembered(made, documents) == documents[0].text.split()[1:]
    assert max(map(len, made.contexts)) <= 16
    assert not {t for c in made.contexts for t in c} & set(lm.tokenizer.all_special_ids)
    tokens = [documents[0].text[:a].count(" ") for _, a, _ in made.spans.tolist()]
    assert all(p + 1 >= min(t, 16 - stride) for t, p in zip(tokens, made.position.tolist(), strict=True))


def test_windows_side_by_side_are_scored_from_their_second_token(tiny_lm: Load) -> None:
    lm = tiny_lm("llama")
    documents = text(long_text(37))
    words = documents[0].text.split()
    made = entries_of(lm, documents, 0, Reading(16, 16))
    assert [len(c) for c in made.contexts] == [16, 16, 5]
    assert remembered(made, documents) == words[1:16] + words[17:32] + words[33:]
    assert made.position.tolist() == [*range(15), *range(15), *range(4)]


def test_a_last_window_of_one_token_gives_nothing(tiny_lm: Load) -> None:
    made = entries_of(tiny_lm("llama"), text(long_text(33)), 0, Reading(16, 16))
    assert len(made) == 30


@pytest.mark.parametrize(("window", "stride"), [(65, 1), (1, 1), (0, 1), (-4, 1), (16, 17), (16, 0), (16, -1)])
def test_windows_that_cannot_be_are_refused(window: int, stride: int, tiny_lm: Load) -> None:
    with pytest.raises(InputError, match="need 2 <= window <= 64 and 1 <= stride <= window"):
        Reading(window, stride).checked(tiny_lm("llama"))


def test_windows_are_for_causal_models(tiny_lm: Load) -> None:
    with pytest.raises(InputError, match="causal"):
        Reading(16, 16).checked(tiny_lm("bert"))


def test_half_a_reading_is_completed(tiny_lm: Load) -> None:
    lm = tiny_lm("llama")
    assert Reading(16).checked(lm) == Reading(16, 8)
    assert Reading(None, 4).checked(lm) == Reading(64, 4)
    assert Reading().checked(lm) == Reading()


# Keys against transformers, without hooks


def reference(lm: LanguageModel, key: str, ids: list[int], position: int) -> Tensor:
    """The key from transformers alone: by output, by a model with a layer less, or with a layer switched off."""
    module: Any = copy.deepcopy(lm.module)
    x = torch.tensor([ids])
    if key in ("penultimate", "ffn"):
        module.config.num_hidden_layers = len(_blocks(module))
    if key == "penultimate":  # the model that ends a layer earlier
        del _blocks(module)[-1]
        module.config.num_hidden_layers -= 1
        if hasattr(module.base_model, "final_norm"):
            module.base_model.final_norm = nn.Identity()
        return module.base_model(input_ids=x).last_hidden_state[0, position]
    if key == "ffn":  # the last block without its feed-forward layer; the norm before that layer by hand
        block = _blocks(module)[-1]
        out = block.mlp.down_proj if hasattr(block.mlp, "down_proj") else block.mlp.c_proj
        for parameter in out.parameters():
            nn.init.zeros_(parameter)
        setattr(module.base_model, "norm" if hasattr(module.base_model, "norm") else "ln_f", nn.Identity())
        norm = block.post_attention_layernorm if hasattr(block, "post_attention_layernorm") else block.ln_2
        return norm(module.base_model(input_ids=x).last_hidden_state[0, position])
    h = module.base_model(input_ids=x).last_hidden_state[0, position]
    if key == "transform":
        return module.cls.predictions.transform(h) if hasattr(module, "cls") else module.head(h)
    return h


def _blocks(module: Any) -> Any:
    return next(m for m in module.base_model.modules() if isinstance(m, nn.ModuleList))


@pytest.mark.parametrize(("name", "key"), ALL)
@torch.inference_mode()
def test_keys_of_a_plan_are_those_of_transformers(name: str, key: str, tiny_lm: Load, documents: list[Article]) -> None:
    lm = tiny_lm(name)
    made = entries_of(lm, documents[:6])
    keys = encode_keys(lm, made, (key,))[key]
    assert keys.dtype == np.float16
    assert keys.shape == (len(made), 32)
    for i in range(0, len(made), 5):
        ids = list(made.contexts[made.context[i]])
        if made.masked:
            ids[made.position[i]] = lm.tokenizer.mask_token_id
        true = reference(lm, key, ids, made.position[i]).numpy()
        np.testing.assert_allclose(keys[i].astype(np.float32), true, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", [*MASKED, *CAUSAL])
def test_all_keys_at_once_are_the_same_as_one_at_a_time(name: str, tiny_lm: Load, documents: list[Article]) -> None:
    lm = tiny_lm(name)
    whole = entries_of(lm, documents)
    keys = tuple(KEYS[lm.kind])
    together = encode_keys(lm, whole, keys)
    singles = [encode_keys(lm, entries_of(lm, [document]), (key,)) for key in keys[:1] for document in documents]
    np.testing.assert_allclose(
        together[keys[0]].astype(np.float32),
        np.concatenate([s[keys[0]] for s in singles]).astype(np.float32),
        rtol=2e-3,
        atol=2e-3,
    )
    for key in keys:
        assert np.array_equal(together[key], encode_keys(lm, whole, (key,))[key])


@pytest.mark.parametrize("name", [*MASKED, *CAUSAL])
def test_a_prompt_gives_the_log_probabilities_of_transformers_in_any_batch(name: str, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    blank = " [MASK]." if lm.kind == "masked" else ""
    read = [
        read_prompt(lm, p + blank) for p in ("The capital of France is", "Berlin", "York is an old city, and gold is")
    ]
    logp = encode_many(lm, read, next(iter(KEYS[lm.kind]))).logp
    assert logp.dtype == np.float64
    assert np.exp(logp).sum(1) == pytest.approx(np.ones(3), abs=1e-12)
    for prompt, row in zip(read, logp, strict=True):
        with torch.inference_mode():
            scores = copy.deepcopy(lm.module)(input_ids=torch.tensor([prompt.ids])).logits[0, prompt.position]
        np.testing.assert_allclose(row, scores.double().log_softmax(-1).numpy(), atol=2e-4)


@pytest.mark.parametrize(("name", "key"), ALL)
def test_a_question_meets_its_own_context(name: str, key: str, tiny_lm: Load) -> None:
    """The query of a text's own sentence is the key that was stored for it: same position, same masking."""
    lm = tiny_lm(name)
    made = entries_of(lm, text("The capital of France is Paris."))
    stored = encode_keys(lm, made, (key,))[key]
    at = next(i for i, v in enumerate(made.values.tolist()) if lm.words[v] == "Paris")
    prompt = "The capital of France is" + (" [MASK]." if lm.kind == "masked" else "")
    query = encode_many(lm, [read_prompt(lm, prompt)], key).keys
    np.testing.assert_allclose(stored[at].astype(np.float32), query[0], rtol=2e-3, atol=2e-3)


def test_unknown_key_lists_those_there_are(tiny_lm: Load) -> None:
    with pytest.raises(InputError, match=r"'ffn'.*penultimate, last, transform"):
        tiny_lm("bert").check_key("ffn")


def test_keys_too_large_for_16_bits_are_refused(tiny_lm: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = tiny_lm("bert")
    made = entries_of(lm, text("Paris is old."))
    encode = LanguageModel.encode

    def huge(lm: LanguageModel, *args: Any, **more: Any) -> Encoded:
        found = encode(lm, *args, **more)
        return Encoded({key: value * 1e6 for key, value in found.keys.items()}, found.logp)

    monkeypatch.setattr(LanguageModel, "encode", huge)
    with pytest.raises(InputError, match="16-bit"):
        encode_keys(lm, made, ("last",))
