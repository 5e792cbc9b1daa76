"""Texts as a model reads them: token ids and the characters of each, special tokens left out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


Span = tuple[int, int]


def trimmed(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans without the whitespace at their ends.

    GPT-2-like and Metaspace tokenizers include the space before a word in its token. A token of only whitespace keeps
    its span.
    """
    out = []
    for a, b in spans:
        inner = text[a:b]
        begin, end = len(inner) - len(inner.lstrip()), len(inner.rstrip())
        out.append((a + begin, a + end) if begin < end else (a, b))
    return out


def read_at_once(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[tuple[list[int], list[Span]]]:
    """Token ids of each text without special tokens, and the characters of each token without blanks."""
    read = tokenizer(
        list(texts), add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
    )
    return [
        (list(ids), trimmed(text, offsets))
        for text, ids, offsets in zip(texts, read["input_ids"], read["offset_mapping"], strict=True)
    ]


def read_in_parts(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[list[int], list[Span]]:
    """`read_at_once` for a text that spells control tokens, split after the first character of each.

    Some vocabularies (Unigram) contain the control tokens themselves as pieces; split, they are only characters.
    """
    names = [name for name in tokenizer.all_special_tokens if name != tokenizer.unk_token]
    starts = {found.start() + 1 for name in names for found in re.finditer(re.escape(name), text)}
    borders = [0, *sorted(starts), len(text)]
    ids: list[int] = []
    spans: list[Span] = []
    pieces = [(a, text[a:b]) for a, b in itertools.pairwise(borders) if a < b]
    for (start, _), (found, places) in zip(pieces, read_at_once(tokenizer, [part for _, part in pieces]), strict=True):
        ids += found
        spans += [(a + start, b + start) for a, b in places]
    return ids, spans
