"""Checks of text that a user gives: one check and one message for all uses.

A text is a string of whole characters. Half a surrogate pair (as JSON can contain it, or as Python keeps an
undecodable byte) cannot be stored as UTF-8, in the database or in a tokenizer, and NULs are a sign of UTF-16 that
was read as UTF-8. Lines of a file end at "\\n" or "\\r\\n" and nowhere else: U+2028, U+2029, U+0085 and
form feeds are characters of a text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from typing import Any

from memlab.errors import InputError

_HALF = re.compile("[\ud800-\udfff]")
_UTF8_BOM = b"\xef\xbb\xbf"


def checked_text(text: str, what: str = "The text") -> str:
    """The same text. Raises InputError if it is not a string, or has broken characters or NULs."""
    if not isinstance(text, str):
        raise InputError(f"{what} is {type(text).__name__}, not text.")
    if "\0" in text:
        raise InputError(
            f"{what} contains a NUL (character {text.index(chr(0)) + 1}), a sign of UTF-16 that was read as UTF-8. "
            "Save it as UTF-8, or leave the NUL out."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{what} {_broken(text, error.start)}") from None
    return text


def checked_texts(texts: Iterable[str], what: str) -> None:
    """Raises InputError for the first text that is broken; see `checked_text`."""
    for text in texts:
        checked_text(text, what)


def checked_json(value: Any, what: str) -> None:
    """Raises InputError if a string in plain JSON, also a field's name, is broken; see `checked_text`."""
    if isinstance(value, str):
        checked_text(value, what)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            checked_json(name, what)
            checked_json(one, what)
    elif isinstance(value, list | tuple):
        for one in value:
            checked_json(one, what)


def decoded(raw: bytes, what: str = "The text") -> str:
    """UTF-8 bytes, with or without a byte order mark, as a text. Raises InputError."""
    try:
        text = raw.removeprefix(_UTF8_BOM).decode()
    except UnicodeDecodeError as error:
        if wide := _wide_encoding(raw):
            raise InputError(f"{what} is not UTF-8 text but {wide}. Save it as UTF-8.") from None
        raise InputError(f"{what} is not UTF-8 text (byte {error.start + 1}). Save it as UTF-8.") from None
    if "\0" in text:
        wide = "UTF-32" if b"\0\0" in raw[:4] else "UTF-16"
        raise InputError(
            f"{what} contains NULs (byte {raw.index(0) + 1}): it seems to be {wide} without a byte order mark. Save it as UTF-8."
        )
    return text


def decoded_lines(raw: bytes) -> list[str]:
    """The lines of UTF-8 bytes; undecodable bytes are kept as surrogates in their line, for `checked_text` to refuse.

    Raises:
        InputError: the bytes begin as UTF-16 or UTF-32 does.
    """
    if wide := _wide_encoding(raw):
        raise InputError(f"The lines are not UTF-8 text but {wide}. Save them as UTF-8.")
    return lines(raw.removeprefix(_UTF8_BOM).decode(errors="surrogateescape"))


def _wide_encoding(raw: bytes) -> str | None:
    """The encoding whose byte order mark the bytes begin with; that of UTF-32 begins with that of UTF-16."""
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    return "UTF-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def lines(text: str) -> list[str]:
    """The lines of a text, without their ends; an empty last line is not counted."""
    found = [line.removesuffix("\r") for line in text.split("\n")]
    return found[:-1] if found[-1] == "" else found


def shown(text: str) -> str:
    """The text with broken characters replaced, so that it can be printed and stored."""
    return _HALF.sub("\ufffd", text)


def _broken(text: str, at: int) -> str:
    code = ord(text[at])
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is not UTF-8
        what = f"contains the byte 0x{code - 0xDC00:02X}, which is not UTF-8 (character {at + 1})"
    else:
        what = f"contains half a character (U+{code:04X}, character {at + 1})"
    return f"{what}. Write it as UTF-8, or leave it out."
