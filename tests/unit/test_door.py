"""Text is checked where it enters; lines end where only a line's end stands."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.corpus.door import checked_json, checked_text, decoded, decoded_lines, lines, shown
from memlab.errors import InputError

ODD = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"  # where str.splitlines breaks a line, and a file does not


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Paris \ud83d", r"half a character \(U\+D83D, character 7\)"),
        ("\udc00", r"half a character \(U\+DC00, character 1\)"),
        ("Fran\udce7a", r"the byte 0xE7, which is not UTF-8 \(character 5\)"),
        ("P\0a", r"contains a NUL \(character 2\)"),
        (b"Paris", "is bytes, not text"),
        (None, "is NoneType, not text"),
    ],
)
def test_what_is_broken_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError, match="The prompt .*" + said):
        checked_text(text, "The prompt")


@given(st.text())
def test_any_whole_text_comes_through(text: str) -> None:
    if "\0" not in text:
        assert checked_text(text) is text
        assert decoded(text.encode()) == text.removeprefix("\ufeff")
        assert shown(text) == text


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]))))
def test_lines_are_those_that_were_written(written: list[str]) -> None:
    for end in ("\n", "\r\n"):
        assert lines("".join(line + end for line in written)) == written
        assert decoded_lines("".join(line + end for line in written).encode()) == [
            line.removeprefix("\ufeff") if n == 0 else line for n, line in enumerate(written)
        ]


def test_odd_characters_end_no_line_and_a_lone_return_neither() -> None:
    assert lines(f"a{ODD}b\r\nc\rd") == [f"a{ODD}b", "c\rd"]
    assert lines("") == []
    assert lines("\n\n") == ["", ""]
    assert lines("a") == ["a"]


def test_of_lines_only_the_broken_one_is_broken() -> None:
    first, second, third = decoded_lines(b"\xef\xbb\xbfOne [MASK].\nFran\xe7a [MASK].\nTwo [MASK].\n")
    assert (first, third) == ("One [MASK].", "Two [MASK].")
    with pytest.raises(InputError, match="0xE7"):
        checked_text(second)
    assert shown(second) == "Fran\ufffda [MASK]."


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("Paris".encode("utf-16"), "UTF-16"),
        ("Paris".encode("utf-32"), "UTF-32"),
        (codecs.BOM_UTF32_BE + "Paris".encode("utf-32-be"), "UTF-32"),
        ("Paris".encode("utf-32-le"), r"NULs \(byte 2\).*UTF-32 without a byte order mark"),
        ("Paris".encode("utf-32-be"), r"NULs \(byte 1\).*UTF-32 without"),
        ("Paris".encode("utf-16-le"), r"NULs \(byte 2\).*UTF-16 without a byte order mark"),
        ("Paris".encode("utf-16-be"), r"NULs \(byte 1\).*UTF-16 without"),
        (b"Fran\xe7a", r"is not UTF-8 text \(byte 5\)"),
    ],
)
def test_other_encodings_are_named(raw: bytes, said: str) -> None:
    with pytest.raises(InputError, match="Standard input .*" + said + r".*Save it as UTF-8"):
        decoded(raw, "Standard input")


@pytest.mark.parametrize("raw", ['{"a": ["x", {"b": "\\ud83d"}]}', '{"\\udc00": 1}', '["\\u0000"]'])
def test_json_is_checked_in_its_depth(raw: str) -> None:
    with pytest.raises(InputError, match="The lesson contains"):
        checked_json(json.loads(raw), "The lesson")
    checked_json(json.loads('{"a": ["\\ud83d\\ude00", 1, null, true]}'), "The lesson")


def test_a_message_can_always_be_printed() -> None:
    assert str(InputError("There is no file /tmp/k\udcfcche.")) == "There is no file /tmp/k\ufffdche."
