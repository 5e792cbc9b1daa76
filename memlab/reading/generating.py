"""Continuing a prompt with memory, token by token: one forward pass of one token, one search, one mixture.

The mixture of each step is that of `memlab.reading.mixture`, and it is the mixture that is decoded: with
lambda 0 a greedy generation is the model's own, token by token.

A memory-only word (taught, and not a token of the model) can be generated. The model then reads the pieces into
which its tokenizer splits the word, as it would read them in a text.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch

from memlab.corpus.word_kinds import kinds
from memlab.lm.model import LanguageModel
from memlab.lm.writing import Writer
from memlab.memory.found import Found
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.reading.decoding import Decoding, choose
from memlab.reading.frequencies import frequencies
from memlab.reading.mixture import Sides
from memlab.reading.next_token import next_token
from memlab.reading.passes import Order
from memlab.reading.tracing import SHOWN, Mixing, step_of
from memlab.results import Remembered, TraceStep, TraceToken, WordProbability

TOP = 8  # most probable words kept of each side: what can be chosen instead
WATCHED = 200  # characters at the end of the text that are shown as progress


@dataclass(frozen=True)
class NewToken:
    """One generated token: see `memlab.results.Node`."""

    token: TraceToken
    reads: tuple[int, ...]
    chosen: bool
    votes: tuple[int, ...]


@dataclass(frozen=True)
class Generated:
    """What was generated, why it ended (see ENDINGS), and milliseconds by kind of work."""

    tokens: list[NewToken]
    ended: str
    ms: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """Where a generation begins.

    ids: what the model has read, special tokens included; text: the same as characters. first: position of the first
    new token (those before it were generated as well). token: the first new token, where a person chose it.
    """

    ids: tuple[int, ...]
    text: str
    first: int = 0
    token: int | None = None


class Chosen(NamedTuple):
    """A token that was chosen and is not described yet."""

    sides: Sides
    found: Found | None
    word: int
    reads: tuple[int, ...]
    chosen: bool
    end: bool


class Describer:
    """Describes generated tokens, each with its characters and distributions, one token behind the model."""

    def __init__(self, lm: LanguageModel, words: Sequence[str], ids: Sequence[int], first: int, at: int) -> None:
        self.lm, self.words, self.first, self.at = lm, words, first, at
        self.writer = Writer(lm, ids)
        self.waiting: Chosen | None = None
        self.tokens: list[NewToken] = []

    def keep(self, token: Chosen) -> None:
        """Keeps a token until there is time to describe it."""
        self.waiting = token

    def describe(self) -> None:
        """Describes the token that was kept last, if that is not done yet."""
        if self.waiting is None:
            return
        sides, found, word, reads, chosen, end = self.waiting
        characters = "" if end else self.writer.write(reads)
        if word >= self.lm.V:
            characters = f" {self.words[word]}"
        token = _token(self.words, sides, found, word, characters, self.first + len(self.tokens), self.at)
        self.at += len(characters)
        self.tokens.append(NewToken(token, reads, chosen, _votes(found, word)))
        self.waiting = None

    def so_far(self) -> str:
        """The end of the text described so far, after a colon, for a progress message; "" where there is none."""
        text = "".join(new.token.text for new in self.tokens)
        return f": {text[-WATCHED:].strip()} …" if text.strip() else ""


@torch.inference_mode()
def generate(
    order: Order,
    mixing: Mixing,
    words: Sequence[str],
    begin: Start,
    decoding: Decoding,
    max_tokens: int,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> Generated:
    """Continues a text by at most `max_tokens` tokens.

    Args:
        order, mixing: which model reads, which memory is searched, and how they are mixed.
        words: what a person reads for each id, the model's and memory's.
    """
    start = time.perf_counter()
    lm, ends = order.lm, end_tokens(order.lm)
    describer = Describer(lm, words, begin.ids, begin.first, len(begin.text))
    read, ended = list(begin.ids), "max_tokens"
    reads: tuple[int, ...] = tuple(begin.ids)
    with next_token(order, mixing) as following:
        for n in range(max_tokens):
            if stop():
                ended = "stopped"
                break
            following.read(reads)
            describer.describe()  # the token before; the search of this one is running
            sides, found = following.next()
            p = sides.mixture[0].double().numpy()
            chosen = n == 0 and begin.token is not None
            word = begin.token if n == 0 and begin.token is not None else choose(p, decoding, len(read))
            reads = (word,) if word < lm.V else pieces(lm, words[word])
            describer.keep(Chosen(sides, found, word, reads, chosen, word in ends))
            read += reads
            progress((n + 1) / max_tokens, f"{n + 1} of {max_tokens} tokens{describer.so_far()}")
            if word in ends:
                ended = "end"
                break
            if len(read) >= order.limit and n + 1 < max_tokens:
                ended = "context"
                break
    describer.describe()
    total = 1e3 * (time.perf_counter() - start)
    return Generated(_described(describer.tokens, order, begin.text), ended, {**following.ms, "total": total})


@torch.inference_mode()
def generated_step(
    order: Order, mixing: Mixing, words: Sequence[str], ids: Sequence[int], token: TraceToken
) -> TraceStep:
    """Complete distributions, neighbors and counterfactuals of one generated token; `ids` were read before it."""
    with next_token(order, mixing) as following:
        following.read(ids)
        found = following.found()
    return step_of(following.mixture(found), 0, token, words, found, order.search.store if order.search else None)


def pieces(lm: LanguageModel, word: str) -> tuple[int, ...]:
    """The ids that a model reads for a word that is not one of its tokens."""
    return tuple(lm.tokenizer(f" {word}", add_special_tokens=False)["input_ids"])


def end_tokens(lm: LanguageModel) -> frozenset[int]:
    """The ids with which the model ends a text."""
    ids = getattr(lm.module.generation_config, "eos_token_id", None)
    return frozenset([ids] if isinstance(ids, int) else ids or ())


def _token(
    words: Sequence[str], sides: Sides, found: Found | None, word: int, text: str, position: int, start: int
) -> TraceToken:
    """The token with the most probable words of each side. A loss is None where the word has probability 0."""
    p_lm, p = float(sides.lm[0, word]), float(sides.mixture[0, word])
    named = {side: p for side, p in (("lm", sides.lm), ("knn", sides.knn), ("mixture", sides.mixture)) if p is not None}
    best = torch.cat(list(named.values())).topk(min(TOP, len(words)))
    top, rest = {}, {}
    for side, indices, values in zip(named, best.indices.tolist(), best.values.tolist(), strict=True):
        listed = tuple(
            WordProbability(i, words[i], share) for i, share in zip(indices, values, strict=True) if share > 0
        )
        if listed:  # memory that was not searched has no distribution
            top[side], rest[side] = listed, max(0.0, 1.0 - sum(w.p for w in listed))
    gate = float(sides.gate[0])
    searched = found is not None and bool((found.entries >= 0).any())
    return TraceToken(
        text=text,
        id=word,
        position=position,
        start=start,
        end=start + len(text),
        loss=-float(np.log(p)) if p > 0 else None,
        loss_without_memory=-float(np.log(p_lm)) if p_lm > 0 else None,
        gate=None if np.isnan(gate) else gate,
        searched=searched,
        neighbors=_remembered(words, sides, found) if found is not None else (),
        top=top,
        rest=rest,
    )


def _remembered(words: Sequence[str], sides: Sides, found: Found) -> tuple[Remembered, ...]:
    """The nearest neighbors that take part, each with its share."""
    n = min(SHOWN, sides.weights.shape[1])
    rows = zip(
        found.entries[0, :n].tolist(),
        found.values[0, :n].tolist(),
        sides.weights[0, :n].tolist(),
        found.distances[0, :n].tolist(),
        strict=True,
    )
    return tuple(Remembered(e, v, words[v], w, d) for e, v, w, d in rows if e >= 0)


def _votes(found: Found | None, word: int) -> tuple[int, ...]:
    """All neighbors that remember this word, nearest first."""
    return () if found is None else tuple(found.entries[0][found.values[0] == word].tolist())


def _described(tokens: list[NewToken], order: Order, text: str) -> list[NewToken]:
    """With kind and frequency of each token, which need the whole text."""
    if not tokens:
        return tokens
    whole = text + "".join(s.token.text for s in tokens)
    kind = kinds(whole, [(s.token.start, s.token.end) for s in tokens])
    ids = np.array([s.token.id for s in tokens])
    often = frequencies(order.search.store, ids).tolist() if order.search else [None] * len(tokens)
    return [
        replace(s, token=replace(s.token, kind=what, frequency=n))
        for s, what, n in zip(tokens, kind, often, strict=True)
    ]
