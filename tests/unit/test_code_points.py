"""A value is found however its accents are composed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.corpus.code_points import occurrences
from memlab.errors import InputError
from memlab.record.memory_edits import in_other_code_points, teaching

NFC, NFD = "Malmö", "Malmo\u0308"


@pytest.mark.parametrize("text_form", ["NFC", "NFD"])
@pytest.mark.parametrize("value", [NFC, NFD])
def test_a_value_is_found_in_either_form(text_form: str, value: str) -> None:
    text = unicodedata.normalize(text_form, "The town is Malmö, and Malmö is Swedish.")
    found = occurrences(text, value)
    assert [unicodedata.normalize("NFC", text[a:b]) for a, b in found] == [NFC, NFC]


def test_a_text_that_mixes_the_forms_is_searched_whole() -> None:
    text = f"é {NFD} e\u0301 Ở 한 \u1112\u1161\u11ab {NFC}s"
    assert [text[a:b] for a, b in occurrences(text, NFC)] == [NFD]
    assert [text[a:b] for a, b in occurrences(text, "é")] == ["é", "e\u0301"]
    assert [text[a:b] for a, b in occurrences(text, "Ở".replace("Ở", "O\u031b\u0309"))] == ["Ở"]
    assert [text[a:b] for a, b in occurrences(text, "한")] == ["한", "\u1112\u1161\u11ab"]


def test_a_letter_without_its_accent_is_another_letter() -> None:
    assert occurrences(f"a {NFD} b", "Malmo") == []
    assert occurrences("o\u0308", "o") == []


@given(st.text(alphabet="aé\u0301oöe \u0308x", max_size=12), st.text(alphabet="aéoö", min_size=1, max_size=3))
def test_what_is_found_is_the_same_letters(text: str, word: str) -> None:
    for form in ("NFC", "NFD"):
        for a, b in occurrences(text, unicodedata.normalize(form, word)):
            assert unicodedata.normalize("NFC", text[a:b]) == unicodedata.normalize("NFC", word)


def test_a_lesson_remembers_the_value_as_the_text_writes_it_and_says_so() -> None:
    parameters = teaching(f"The largest town of Scania is {NFC}.", NFD)
    assert parameters["teaches"]["spans"] == [(30, 35)]
    said = in_other_code_points(parameters, NFD)
    assert said is not None
    assert "other code points" in said
    assert in_other_code_points(parameters, NFC) is None
    assert in_other_code_points(teaching("One word.", None), None) is None
    with pytest.raises(InputError, match="does not occur in the text"):
        teaching(f"The largest town of Scania is {NFC}.", "Malmo")
