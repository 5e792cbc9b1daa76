"""The tokenizer of the bundled models: names whole, and nothing that cannot be typed."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from memlab.corpus.generator import Sentence, atlas_articles, training_text
from memlab.corpus.world import MASK, atlas
from memlab.lm.tokenizer import SPECIAL, characters, make_tokenizer, start_only, words
from memlab.lm.training import world_tokenizer

Make = Callable[[str], PreTrainedTokenizerFast]


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    return training_text(atlas())


@pytest.fixture(scope="module")
def masked(sentences: list[Sentence]) -> PreTrainedTokenizerFast:
    return world_tokenizer(atlas(), sentences, "masked")


@pytest.fixture(scope="module")
def causal(sentences: list[Sentence]) -> PreTrainedTokenizerFast:
    return world_tokenizer(atlas(), sentences, "causal")


def pieces(tokenizer: PreTrainedTokenizerFast, text: str) -> list[str]:
    return tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)["input_ids"])


def test_every_name_is_one_token_wherever_it_stands(masked: PreTrainedTokenizerFast) -> None:
    for name in atlas().names:
        assert pieces(masked, name) == [name]
        for text in (f"{name} is", f"the {name}.", f"({name})", f"{name}, {name}", f'"{name}"?'):
            assert pieces(masked, text).count(name) == text.count(name), text


def test_a_name_in_lower_case_is_one_token_at_the_start_of_a_sentence(masked: PreTrainedTokenizerFast) -> None:
    for name in atlas().names:
        assert len(pieces(masked, name[0].upper() + name[1:])) == 1, name


def test_both_models_read_alike_but_for_the_special_tokens(
    masked: PreTrainedTokenizerFast, causal: PreTrainedTokenizerFast
) -> None:
    text = "New York is a city."
    ids = masked(text, add_special_tokens=False)["input_ids"]
    assert causal(text, add_special_tokens=False)["input_ids"] == ids
    assert masked(text)["input_ids"] == [masked.cls_token_id, *ids, masked.sep_token_id]
    assert causal(text)["input_ids"] == [causal.cls_token_id, *ids]
    assert masked.get_vocab() == causal.get_vocab()


def test_the_mask_is_one_token(masked: PreTrainedTokenizerFast) -> None:
    assert pieces(masked, f"The capital is {MASK}.")[-2:] == [SPECIAL["mask_token"], "."]


def test_no_word_of_the_world_is_unknown_or_falls_apart(
    masked: PreTrainedTokenizerFast, sentences: list[Sentence]
) -> None:
    texts = [s.text for s in sentences] + [a.text for a in atlas_articles()]
    ids = {i for row in masked(texts, verbose=False)["input_ids"] for i in row}
    used = masked.convert_ids_to_tokens(sorted(ids))
    assert SPECIAL["unk_token"] not in used
    assert [token for token in used if token.startswith("##")] == []


def test_questions_are_made_of_known_words(masked: PreTrainedTokenizerFast) -> None:
    asked = [atlas().relations[f.relation].ask(f, n) for f in atlas().facts for n in range(3)]
    used = masked.convert_ids_to_tokens(sorted({i for row in masked(asked)["input_ids"] for i in row}))
    assert [token for token in used if token.startswith("##") or token == SPECIAL["unk_token"]] == []


def test_the_tokenizer_is_made_the_same_again(sentences: list[Sentence], masked: PreTrainedTokenizerFast) -> None:
    again = world_tokenizer(atlas(), sentences[::-1], "masked")
    assert again.backend_tokenizer.to_str() == masked.backend_tokenizer.to_str()


@pytest.fixture(scope="module")
def small() -> PreTrainedTokenizerFast:
    return make_tokenizer(["New York", "York", "Paris", "gold", "Port-au-Prince", "Rhône"], ["The city is old."])


@given(st.text(st.sampled_from([*characters(), " ", "\n"]), max_size=40))
def test_any_text_of_printable_characters_can_be_typed(small: PreTrainedTokenizerFast, text: str) -> None:
    read = small(text, add_special_tokens=False, return_offsets_mapping=True)
    assert small.unk_token_id not in read["input_ids"]
    covered = "".join(text[a:b] for a, b in read["offset_mapping"])
    assert covered == "".join(text.split())


@given(st.text(max_size=40))
def test_offsets_of_any_text_are_in_order_and_inside(small: PreTrainedTokenizerFast, text: str) -> None:
    end = 0
    for a, b in small(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]:
        assert end <= a < b <= len(text) or (a, b) == (end, end)
        end = b


@given(st.lists(st.sampled_from(["New York", "York", "Paris", "gold", "Gold", "The", "city", "old"]), max_size=8))
def test_offsets_point_at_the_words(small: PreTrainedTokenizerFast, parts: list[str]) -> None:
    text = ", ".join(parts)
    read = small(text, add_special_tokens=False, return_offsets_mapping=True)
    found = [text[a:b] for a, b in read["offset_mapping"]]
    assert [w for w in found if w != ","] == parts
    assert found == pieces(small, text)


def test_accents_typed_in_two_characters_are_the_same_word(small: PreTrainedTokenizerFast) -> None:
    assert pieces(small, unicodedata.normalize("NFD", "Rhône")) == ["Rhône"]


def test_a_name_inside_a_longer_word_is_not_found(small: PreTrainedTokenizerFast) -> None:
    assert "New York" not in pieces(small, "New Yorkers")
    assert pieces(small, "New York-based")[0] == "New York"
    assert "".join(p.removeprefix("##") for p in pieces(small, "Parisian")) == "Parisian"


def test_decoding_gives_the_text_back(small: PreTrainedTokenizerFast) -> None:
    text = "The city New York is old."
    assert small.decode(small(text)["input_ids"], skip_special_tokens=True) == text
    assert start_only(small).decode(small(text)["input_ids"], skip_special_tokens=True) == text


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("Rhône, 1962.", ["Rhône", ",", "1962", "."]),
        ("it's 3.5_x", ["it", "'", "s", "3", ".", "5", "_", "x"]),
        ("", []),
    ],
)
def test_words_are_split_as_the_tokenizer_splits(text: str, split: list[str]) -> None:
    assert words(text) == split
    assert pieces(make_tokenizer([], [text]), text) == split


@given(st.text(st.sampled_from("Az1é_'.,-ñ ٣"), max_size=12))
def test_every_word_of_a_text_is_one_token_of_its_tokenizer(text: str) -> None:
    assert not [p for p in pieces(make_tokenizer([], [text]), text) if p.startswith("##") or p == "[UNK]"]
