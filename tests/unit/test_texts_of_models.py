"""How texts are read by tokenizers of each kind: spans without blanks, control tokens as text, names of tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.lab import Lab
from memlab.lm.model import LanguageModel
from memlab.lm.passage import passage
from memlab.lm.prompts import read_prompt
from memlab.lm.spans import trimmed
from memlab.lm.word_names import token_names, visible
from memlab.memory.entries import taught_entries
from memlab.results import Article
from tests import tiny_models

BY_TOKENIZER = {
    "byte-level": "gpt2",
    "byte-level with a start": "opt",
    "metaspace": "llama",
    "word pieces": "bert",
    "roberta": "roberta",
    "unigram": "xlm-roberta",
    "byte-level masked": "modernbert",
}


@pytest.fixture(scope="module")
def reader() -> Callable[[str], LanguageModel]:
    """A model of an architecture, straight from memory."""
    made: dict[str, LanguageModel] = {}

    def of(name: str) -> LanguageModel:
        if name not in made:
            recipe = {**tiny_models.CAUSAL, **tiny_models.MASKED}[name]
            tokenizer = tiny_models.tokenizer(recipe.tokenizer)
            kind = "causal" if name in tiny_models.CAUSAL else "masked"
            made[name] = LanguageModel(name, tiny_models.module(name, tokenizer), tokenizer, kind)
        return made[name]

    return of


def test_blanks_are_no_part_of_a_span() -> None:
    text = "  one two\n\n three "
    assert trimmed(text, [(0, 5), (5, 9), (9, 11), (11, 18)]) == [(2, 5), (6, 9), (9, 11), (12, 17)]
    assert trimmed(text, []) == []


@given(st.text("ab \n\t", max_size=12), st.integers(0, 12), st.integers(0, 12))
def test_a_trimmed_span_lies_in_the_span_and_holds_the_same_word(text: str, a: int, b: int) -> None:
    a, b = sorted((min(a, len(text)), min(b, len(text))))
    ((c, d),) = trimmed(text, [(a, b)])
    assert a <= c <= d <= b
    assert text[c:d] == (text[a:b].strip() or text[a:b])


@pytest.mark.parametrize("kind", BY_TOKENIZER)
def test_a_taught_word_is_remembered_on_exactly_its_characters(
    kind: str, reader: Callable[[str], LanguageModel]
) -> None:
    lm = reader(BY_TOKENIZER[kind])
    text = "The capital of Wakanda is Paris."
    taught = taught_entries(lm, text, [(26, 31)])
    spans = [tuple(map(int, span[1:])) for span in taught.entries.spans]
    assert "".join(text[a:b] for a, b in spans) == "Paris"
    names = [taught.unknown.get(n) or lm.words[value] for n, value in enumerate(taught.entries.values)]
    assert "".join(names).removeprefix("##").lower() == "paris"


@pytest.mark.parametrize("kind", BY_TOKENIZER)
def test_tokens_of_a_passage_and_a_prompt_are_shown_without_blanks(
    kind: str, reader: Callable[[str], LanguageModel]
) -> None:
    lm = reader(BY_TOKENIZER[kind])
    text = "People read books in the morning."
    if lm.kind == "causal":
        shown = [text[a:b] for a, b in passage(lm, text).spans]
        prompt = read_prompt(lm, text)
    else:
        prompt = read_prompt(lm, text + " [MASK]")
        shown = [token.text for token in prompt.tokens]
    assert "".join(shown).replace(" ", "") == text.replace(" ", "")
    assert all(word.strip() in (word, "") for word in shown)  # a token may be a blank alone
    assert [token.text for token in prompt.tokens] == shown


@pytest.mark.parametrize("name", ["gpt2", "opt", "llama"])
def test_control_tokens_in_a_text_are_read_as_text(name: str, reader: Callable[[str], LanguageModel]) -> None:
    lm = reader(name)
    control = lm.tokenizer.eos_token
    text = f"The sea{control} is near"
    ids = passage(lm, text).ids
    assert lm.tokenizer.eos_token_id not in ids
    assert lm.tokenizer.eos_token_id not in read_prompt(lm, text).ids
    assert control in lm.tokenizer.decode(ids, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("name", ["bert", "roberta", "xlm-roberta", "modernbert"])
def test_a_masked_prompt_has_one_mask_whatever_is_typed_beside_it(
    name: str, reader: Callable[[str], LanguageModel]
) -> None:
    lm = reader(name)
    plain = read_prompt(lm, "The capital of France is [MASK].")
    mask, separator = lm.tokenizer.mask_token_id, lm.tokenizer.sep_token
    assert plain.ids[plain.position] == mask
    assert list(plain.ids) == lm._marking(f"The capital of France is {lm.tokenizer.mask_token}.")["input_ids"]
    typed = read_prompt(lm, f"The capital{separator} of France is [MASK].")
    assert typed.ids[typed.position] == mask
    assert typed.ids.count(mask) == 1
    assert typed.ids.count(lm.tokenizer.sep_token_id) == plain.ids.count(lm.tokenizer.sep_token_id)
    for token in typed.tokens:
        assert token.text.strip() in (token.text, "")  # a token may be a blank alone


def test_end_tokens_that_a_tokenizer_appends_do_not_stand_in_a_causal_prompt(
    reader: Callable[[str], LanguageModel],
) -> None:
    lm = reader("roberta, decoder")
    full = lm.tokenizer("The sea is")["input_ids"]
    assert full[-1] == lm.tokenizer.eos_token_id
    read = read_prompt(lm, "The sea is")
    assert list(read.ids) == full[:-1]
    assert read.position == len(full) - 2
    assert lm.frame == (full[:1], [])


def test_an_uncased_model_has_one_word_for_both_spellings(reader: Callable[[str], LanguageModel]) -> None:
    lm = reader("bert")
    assert lm.uncased
    words = {
        word
        for spelling in ("Shuri", "shuri", "SHURI")
        for word in taught_entries(lm, f"The city is {spelling}.", [(12, 17)]).unknown.values()
    }
    assert words == {"shuri"}
    assert not reader("roberta").uncased
    assert reader("roberta").same_word("Shuri") == "Shuri"


def test_names_of_blanks_and_control_characters_can_be_seen(reader: Callable[[str], LanguageModel]) -> None:
    lm = reader("gpt2")
    vocabulary = lm.tokenizer.get_vocab()
    names = token_names(lm.tokenizer, lm.V)
    assert (names[vocabulary["Ġ"]], names[vocabulary["Ċ"]], names[vocabulary["ĉ"]]) == ("␣", "⏎", "⇥")
    assert names[vocabulary["Ā"]] == "␀"  # byte 0
    assert names[vocabulary["é"]] == "<E9>"  # a byte that is no character by itself
    assert names[vocabulary["ĠParis"]] == "Paris"
    assert all(name and name == name.strip() for name in names)
    assert all(character.isprintable() for name in names for character in name)
    llama = reader("llama").tokenizer
    names = token_names(llama, 300)
    assert names[llama.get_vocab()["▁"]] == "␣"
    assert names[llama.get_vocab()["<0xE9>"]] == "<E9>"  # a byte that the vocabulary falls back on
    assert names[llama.get_vocab()["<0x41>"]] == "A"


def test_visible_signs() -> None:
    assert [visible(c) for c in " \n\t\x00\x7f\u00a0a"] == ["␣", "⏎", "⇥", "␀", "<U+007F>", "<U+00A0>", "a"]


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_teaching_a_model_with_blanks_in_its_tokens_makes_the_entry(name: str, tmp_path: Path) -> None:
    """As `teach "The capital of Wakanda is Paris." --value Paris` does."""
    folder = tiny_models.make(name, tmp_path / name)
    lab = Lab.open(tmp_path / "home")
    documents = [Article(f"t{n}", f"Text {n}", line) for n, line in enumerate(tiny_models.LINES)]
    lab.build(documents, "mine", str(folder))
    before = lab.ask("The capital of Wakanda is", datastore="mine", search="all", k=1).entries
    lab.teach("The capital of Wakanda is Paris.", value="Paris")
    p = lab.ask("The capital of Wakanda is", datastore="mine", search="all", k=1)
    assert p.entries > before
    assert p.neighbors[0].distance == pytest.approx(0, abs=0.05)
    assert p.neighbors[0].value in "Paris"
    assert p.neighbors[0].value.strip() == p.neighbors[0].value != ""
    assert p.neighbors[0].left.endswith("Wakanda is ")
