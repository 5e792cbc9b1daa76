"""Streaming a text: every token predicted once, with the context that was promised; short-term memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.lm.passage import Segments, Windows, passage, read_texts, segments, windows, with_memory
from memlab.memory.entries import Reading, entries_of
from memlab.results import Article

TEXT = (
    "The capital of France is Paris. Berlin is the capital of Germany. New York is a large city; York is an old one. "
)


@given(st.integers(1, 300), st.integers(2, 40), st.integers(1, 40), st.booleans())
def test_each_token_is_predicted_once_with_its_context(count: int, window: int, stride: int, lead: bool) -> None:
    how = Windows(window, min(stride, window - lead), (2,) if lead else ())
    cuts = list(how.cut(count))
    size = window - len(how.lead)
    predicted = [t for _, end, first in cuts for t in range(first, end)]
    assert all(end - begin <= size for begin, end, _ in cuts)
    if how.stride == how.window:
        assert predicted == [t for t in range(count) if t % window]
    else:
        assert predicted == list(range(0 if lead else 1, count))
        assert all(first - begin >= min(first, size - how.stride) for begin, _, first in cuts)


@pytest.mark.parametrize(("window", "stride"), [(None, None), (16, 16), (16, 4), (9, 8)])
def test_windows_are_those_of_a_build(
    tiny_lm: Callable[[str], LanguageModel], window: int | None, stride: int | None
) -> None:
    lm = tiny_lm("llama")
    planned = entries_of(lm, [Article("a", "a", TEXT * 4)], reading=Reading(window, stride).checked(lm))
    ids = passage(lm, TEXT * 4).ids
    pieces = list(read_texts(lm, [ids], windows(lm, window, stride), "ffn", piece=20))
    assert [t for p in pieces for t in p.target.tolist()] == planned.values.tolist()
    spans = passage(lm, TEXT * 4).spans[[t for p in pieces for t in p.position.tolist()]]
    assert spans.tolist() == planned.spans[:, 1:].tolist()


def test_states_are_those_of_a_plain_forward_pass(tiny_lm: Callable[[str], LanguageModel]) -> None:
    lm = tiny_lm("gpt2")
    texts = [passage(lm, TEXT * n).ids for n in (1, 2)]
    for piece in read_texts(lm, texts, Windows(16, 16), "last", piece=30):
        for text, position, target, logits in zip(piece.text, piece.position, piece.target, piece.logits, strict=True):
            begin = int(position) // 16 * 16
            ids = torch.tensor([texts[int(text)][begin : int(position) + 1]])
            assert int(target) == int(ids[0, -1])
            with torch.inference_mode():
                true = lm.module(input_ids=ids).logits[0, -2]
            torch.testing.assert_close(logits, true, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("memory", [64, 7, 1])
def test_short_term_memory_equals_one_pass_that_sees_as_much(
    tiny_lm: Callable[[str], LanguageModel], memory: int
) -> None:
    """Token by token, position p of segment s attends to everything from the segment's beginning minus M on."""
    lm, S = tiny_lm("llama"), 8
    ids = passage(lm, TEXT * 2).ids[:50]
    whole = torch.tensor([ids])
    place = torch.arange(len(ids))
    begin = place // S * S - memory
    seen = (place[None] <= place[:, None]) & (place[None] >= begin[:, None])
    mask = torch.where(seen, 0.0, torch.finfo(torch.float32).min)[None, None]
    with torch.inference_mode():
        true = lm.module(input_ids=whole, attention_mask=mask).logits[0, :-1]
    pieces = list(read_texts(lm, [ids], Segments(S, memory), "ffn", piece=13))
    assert [t for p in pieces for t in p.position.tolist()] == list(range(1, 50))
    got = torch.cat([p.logits for p in pieces])
    torch.testing.assert_close(got, true, atol=1e-3, rtol=1e-3)
    assert (memory == 64) == torch.allclose(got, _one_pass(lm, whole), atol=1e-3)


def _one_pass(lm: LanguageModel, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return lm.module(input_ids=ids).logits[0, :-1]


def test_short_term_memory_reaches_beyond_the_limit_of_a_rotary_model(tiny_lm: Callable[[str], LanguageModel]) -> None:
    lm = tiny_lm("llama")
    ids = passage(lm, TEXT * 8).ids
    assert len(ids) > lm.limit
    pieces = list(read_texts(lm, [ids], Segments(16, 24, (2,)), "last"))
    assert [t for p in pieces for t in p.position.tolist()] == list(range(len(ids)))
    # Two layers see twice 24 + 16 tokens back; before that nothing can matter, so the end is the same without it.
    late = torch.cat([p.hidden for p in pieces])[-5:]
    again = torch.cat([p.hidden for p in read_texts(lm, [ids[96:]], Segments(16, 24, (2,)), "last")])[-5:]
    torch.testing.assert_close(late, again, atol=1e-3, rtol=1e-3)


def test_absolute_positions_end_where_they_end(tiny_lm: Callable[[str], LanguageModel]) -> None:
    lm = tiny_lm("gpt2")
    ids = passage(lm, TEXT * 8).ids
    with pytest.raises(InputError, match=r"numbers its positions from the beginning and has 64.*read at most 64"):
        list(read_texts(lm, [ids], segments(lm, 16, windows(lm, 16, 8)), "last"))
    short = ids[:40]
    got = torch.cat([p.logits for p in read_texts(lm, [short], Segments(8, 64), "last")])
    torch.testing.assert_close(got, _one_pass(lm, torch.tensor([short])), atol=1e-3, rtol=1e-3)


def test_bad_passages(tiny_lm: Callable[[str], LanguageModel]) -> None:
    lm = tiny_lm("llama")
    for text, message in (
        ("", "empty"),
        (" \n ", "empty"),
        ("Paris", "one token"),
    ):
        with pytest.raises(InputError, match=message):
            passage(lm, text)
    with pytest.raises(InputError, match=r"at most 10 are read.*character (\d+)"):
        passage(lm, TEXT, limit=10)
    assert len(passage(lm, TEXT, limit=10, cut=True)) == 10
    with pytest.raises(InputError, match=r"masked model.*causal"):
        passage(tiny_lm("modernbert"), TEXT)
    with pytest.raises(InputError, match=r"short-term memory is -1"):
        with_memory(lm, windows(lm), -1)
    assert with_memory(lm, windows(lm), 0) == windows(lm)
    with pytest.raises(InputError, match=r"need 2 <= window <= 64, the limit of .*, and 1 <= stride <= window"):
        windows(lm, 16, 17)


def test_cutting_keeps_the_characters(tiny_lm: Callable[[str], LanguageModel]) -> None:
    cut = passage(tiny_lm("llama"), TEXT, limit=7, cut=True)
    assert TEXT.startswith(cut.text)
    assert cut.text.endswith(cut.text[slice(*cut.spans[-1])])
    assert np.all(np.diff(cut.spans[:, 0]) > 0)
