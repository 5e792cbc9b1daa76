"""The readable form of each token of a vocabulary."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


_SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}
_HALF = "\ufffd"  # how a decoder shows bytes that are not a whole character


def token_names(tokenizer: PreTrainedTokenizerBase, count: int) -> list[str]:
    """(count,) names: the decoded text, stripped; a visible sign for whitespace and control characters."""
    raw = tokenizer.convert_ids_to_tokens(range(count))
    decoded = tokenizer.batch_decode([[i] for i in range(count)], clean_up_tokenization_spaces=False)
    return [_name(text, piece, i) for i, (text, piece) in enumerate(zip(decoded, raw, strict=True))]


def _name(text: str, piece: str | None, number: int) -> str:
    if piece and (byte := re.fullmatch("<0x([0-9A-Fa-f]{2})>", piece)) is not None and _HALF in text:
        return f"<{byte[1].upper()}>"  # a token of a byte-fallback vocabulary
    if _HALF in text and piece and (known := _bytes_of(piece)) is not None:
        return "".join(f"<{byte:02X}>" for byte in known)
    if bare := text.strip():
        return "".join(visible(c) if not c.isprintable() else c for c in bare)
    if text:
        return "".join(map(visible, text))
    if piece and set(piece) <= {"▁", "Ġ"}:
        return "␣" * len(piece)
    return piece or f"<{number}>"


def visible(character: str) -> str:
    """A visible sign for a whitespace or control character."""
    if character in _SIGNS:
        return _SIGNS[character]
    if ord(character) < 32:
        return chr(0x2400 + ord(character))
    return character if character.isprintable() and not character.isspace() else f"<U+{ord(character):04X}>"


@cache
def _byte_of() -> dict[str, int]:
    """The character that represents each byte in byte-level vocabularies: printable Latin-1 as itself, the others from
    U+0100 on, in order."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(0x100 + n): byte for n, byte in enumerate(hidden)}


def _bytes_of(piece: str) -> bytes | None:
    """The bytes of a byte-level piece; None for any other."""
    table = _byte_of()
    return bytes(table[c] for c in piece) if all(c in table for c in piece) else None
