"""Streaming texts through a causal model: every token is predicted once, in pieces of bounded size.

Two ways to read a text that is longer than one forward pass allows:

- `Windows`: overlapping windows, each read from its start. A token is predicted in the first window that reaches
  it, so with at least `window - stride` tokens before it where the text has them. With `stride` equal to
  `window`, the text is cut into independent windows, each predicted from its second token on. These are
  the windows of `memlab build`.
- `Segments`: short-term memory. The text is read once, segment by segment; attention also sees the keys
  and values of the last `memory` tokens before the segment, kept from when they were read (a key-value
  cache carried across the border, cropped, detached: the modern form of Transformer-XL's cached states,
  Dai et al. 2019). Rotary positions are relative, so this works at any length; a model with absolute
  positions has none beyond its last one, and longer texts are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from memlab.corpus.door import checked_text
from memlab.corpus.model_kinds import model_kind
from memlab.errors import InputError, TooLongError
from memlab.lm.caches import crop
from memlab.lm.model import LanguageModel

_BATCH_TOKENS = 4096  # of one forward pass
_PIECE_NUMBERS = 1 << 24  # at most, scores of one piece: positions times vocabulary


@dataclass(frozen=True)
class Windows:
    """Windows of `window` tokens that begin every `stride` tokens; `lead` precedes each and counts as part of it."""

    window: int
    stride: int
    lead: tuple[int, ...] = ()

    def cut(self, count: int) -> Iterator[tuple[int, int, int]]:
        """(begin, end, first predicted token) of every window over `count` tokens."""
        size = self.window - len(self.lead)
        alone = self.stride == self.window
        predicted = 0
        for begin in range(0, count, self.stride):
            end = min(begin + size, count)
            first = begin if self.lead else begin + 1  # without a start token the first one has no context
            first = first if alone else max(first, predicted)
            if first < end:
                yield begin, end, first
            predicted = max(predicted, end)
            if end == count:
                return


@dataclass(frozen=True)
class Segments:
    """Segments of `segment` tokens that also see the last `memory` tokens before them; `lead` begins the text."""

    segment: int
    memory: int
    lead: tuple[int, ...] = ()


@dataclass(frozen=True)
class Piece:
    """Some predicted tokens, in the order of the texts.

    text: (n,) which text. position: (n,) which of its tokens is predicted. target: (n,) its id.
    hidden: (n, d) top state at the token before it, the input of the output projection.
    keys: (n, d) the representation that serves as query key.
    head: (n, d) states -> (n, V) scores.
    """

    text: Tensor
    position: Tensor
    target: Tensor
    hidden: Tensor
    keys: Tensor
    head: Callable[[Tensor], Tensor]

    @cached_property
    def logits(self) -> Tensor:
        """(n, V) float32 scores of every word; log-softmax makes them log-probabilities."""
        with torch.inference_mode():
            return self.head(self.hidden).float()

    def __len__(self) -> int:
        return len(self.target)


def windows(model: LanguageModel, window: int | None = None, stride: int | None = None) -> Windows:
    """The windows that `memlab build` would use; by default overlapping by half, each with the start token.

    Raises:
        InputError: a model that cannot predict next tokens, or not 2 <= window <= limit, 1 <= stride <= window.
    """
    check_causal(model)
    if window is None and stride is None:
        size = min(model.limit, 128)
        return Windows(size, max(1, (size - len(model.frame[0])) // 2), tuple(model.frame[0]))
    window = model.limit if window is None else window
    stride = max(1, window // 2) if stride is None else stride
    if not 2 <= window <= model.limit or not 1 <= stride <= window:
        raise InputError(
            f"window {window} and stride {stride}: need 2 <= window <= {model.limit}, the limit of {model.name}, and 1 <= stride <= window."
        )
    return Windows(window, stride)


def with_memory(model: LanguageModel, plain: Windows, memory: int) -> Windows | Segments:
    """How to read with `memory` tokens of short-term memory; 0 means none, so `plain`. Raises InputError below 0."""
    if memory < 0:
        raise InputError(f"The short-term memory is {memory} tokens; allowed is 0 (off) or more.")
    return segments(model, memory, plain) if memory else plain


def segments(model: LanguageModel, memory: int, plain: Windows) -> Segments:
    """Segments as long as a stride of `plain`, with `memory` tokens (1 or more) before them.

    Raises:
        InputError: a masked model, or positions that depend on the length of the text.
    """
    check_causal(model)
    kind = (getattr(model.module.config.get_text_config(), "rope_parameters", None) or {}).get("rope_type", "default")
    if kind in ("dynamic", "longrope"):
        raise InputError(
            f"{model.name} changes its positions with the length of the text ({kind}), so states of earlier segments "
            "cannot be carried on. Read it without short-term memory."
        )
    if not model.cache.cropped:
        raise InputError(
            f"{model.name} ({model.module.config.model_type}) does not keep keys and values that can be dropped token by "
            "token, so it has no short-term memory here. Read it without."
        )
    return Segments(plain.stride, memory, plain.lead)


def is_rotary(model: LanguageModel) -> bool:
    """Whether the model's positions are rotary, so relative."""
    config = model.module.config.get_text_config()
    return bool(getattr(config, "rope_parameters", None)) and model.inside.positions is None


def check_causal(model: LanguageModel) -> None:
    """Raises InputError for a model that cannot predict next tokens."""
    kind = model_kind(model.kind)
    if not kind.left_to_right:
        raise InputError(
            f"{model.name} is a {kind.name} model: it {kind.does} and cannot read a text token by token. "
            "Reading needs a causal model, for example atlas-clm."
        )


def beyond_training(model: LanguageModel, how: Segments) -> str | None:
    """A warning if attention reaches farther back than in the model's training; else None."""
    reach = how.memory + how.segment
    if reach <= model.limit:
        return None
    return (
        f"Short-term memory and segment together reach {reach} tokens back; {model.name} was trained for {model.limit}, "
        "and may predict worse with more."
    )


def read_texts(
    model: LanguageModel,
    texts: Sequence[Sequence[int]],
    how: Windows | Segments,
    key: str,
    piece: int | None = None,
) -> Iterator[Piece]:
    """Every token of every text predicted once, in order, in pieces of about `piece` tokens.

    Args:
        texts: token ids without special tokens.
        key: which representation to give as `keys`.
        piece: by default as many tokens as keep the scores of all words within 64 MB.

    Raises:
        InputError: a masked model, an unknown key, or a text longer than the model has positions for.
    """
    check_causal(model)
    model.check_key(key)
    size = piece or max(64, min(2048, _PIECE_NUMBERS // model.V))
    states = _windowed(model, texts, how, key, size) if isinstance(how, Windows) else _carried(model, texts, how, key)
    waiting: list[tuple[Tensor, ...]] = []
    for part in states:
        waiting.append(part)
        while sum(len(p[0]) for p in waiting) >= size:
            whole = [torch.cat(columns) for columns in zip(*waiting, strict=True)]
            yield Piece(*(column[:size] for column in whole), head=model.head)  # type: ignore[misc, arg-type]
            waiting = [tuple(column[size:] for column in whole)] if len(whole[0]) > size else []
    if waiting:
        yield Piece(*(torch.cat(columns) for columns in zip(*waiting, strict=True)), head=model.head)  # type: ignore[misc, arg-type]


@torch.inference_mode()
def scores_of(model: LanguageModel, hidden: Tensor) -> Tensor:
    """(n, V) float32 scores of every word from top states (n, d); log-softmax makes them log-probabilities."""
    return model.head(hidden).float()


def _windowed(
    model: LanguageModel, texts: Sequence[Sequence[int]], how: Windows, key: str, size: int
) -> Iterator[tuple[Tensor, ...]]:
    """text, position, target, hidden, keys of batches of windows."""
    rows: list[tuple[int, int, int, int]] = []  # text, begin, end, first predicted
    longest = predicted = 0
    for number, ids in enumerate(texts):
        for begin, end, first in how.cut(len(ids)):
            longest_now = max(longest, end - begin + len(how.lead))
            if rows and ((len(rows) + 1) * longest_now > _BATCH_TOKENS or predicted >= size):
                yield _read_windows(model, texts, how, key, rows)
                rows, longest_now, predicted = [], end - begin + len(how.lead), 0
            rows.append((number, begin, end, first))
            longest, predicted = longest_now, predicted + end - first
    if rows:
        yield _read_windows(model, texts, how, key, rows)


def _read_windows(
    model: LanguageModel,
    texts: Sequence[Sequence[int]],
    how: Windows,
    key: str,
    rows: Sequence[tuple[int, int, int, int]],
) -> tuple[Tensor, ...]:
    ids, mask = model.pad([[*how.lead, *texts[text][begin:end]] for text, begin, end, _ in rows])
    row = torch.cat([torch.full((end - first,), i) for i, (_, _, end, first) in enumerate(rows)])
    text = torch.cat([torch.full((end - first,), t) for t, _, end, first in rows])
    position = torch.cat([torch.arange(first, end) for _, _, end, first in rows])
    begin = torch.tensor([b for _, b, _, _ in rows])[row]
    column = position - begin + len(how.lead)  # where the predicted token stands; its state is the one before
    out = model.encode(ids, mask, row, column - 1, (key, "last"), logp=False)
    return text, position, ids[row, column], out.keys["last"], out.keys[key]


@torch.inference_mode()
def _carried(
    model: LanguageModel, texts: Sequence[Sequence[int]], how: Segments, key: str
) -> Iterator[tuple[Tensor, ...]]:
    """text, position, target, hidden, keys of one segment after the other."""
    for number, text in enumerate(texts):
        ids = torch.tensor([*how.lead, *text])
        if not is_rotary(model) and len(ids) > model.limit:
            raise InputError(
                f"{model.name} numbers its positions from the beginning and has {model.limit} of them; the text has "
                f"{len(ids)} tokens. Short-term memory beyond them needs a model with rotary positions; "
                f"read at most {model.limit - len(how.lead)} tokens, or without short-term memory."
            )
        past = model.cache.start(model.module)
        assert past is not None  # see `segments`
        for at in range(0, len(ids) - 1, how.segment):
            part = ids[at : min(at + how.segment, len(ids) - 1)]
            place = torch.arange(at, at + len(part))
            hidden, captured = model.cache.read(model.module, past, part, at)
            keys = captured["ffn"].view(len(part), -1) if key == "ffn" else hidden
            crop(past, how.memory)  # the last states only; computed without gradients, so detached
            position = place + 1 - len(how.lead)
            real = position >= 0  # a lead of several tokens: the text is predicted, the lead is not
            columns = (torch.full_like(place, number), position, ids[place + 1], hidden, keys)
            yield tuple(column[real] for column in columns)


@dataclass(frozen=True)
class Passage:
    """A text as a model reads it: token ids without special ones, and the characters of each.

    spans: (N, 2) first and last character (exclusive).
    """

    text: str
    ids: tuple[int, ...]
    spans: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def passage(model: LanguageModel, text: str, limit: int | None = None, cut: bool = False) -> Passage:
    """Tokenizes a text.

    Args:
        limit: the most tokens that are allowed. cut: truncate the text at the limit instead of refusing it.

    Raises:
        InputError: empty, or a single token.
        TooLongError: more tokens than `limit`; says where the text would be cut.
    """
    check_causal(model)
    checked_text(text)
    if not text.strip():
        raise InputError("The text is empty. Type or paste a passage of at least two words.")
    read, offsets = model.read(text)
    ids, spans = tuple(read), np.asarray(offsets, np.int64).reshape(-1, 2)
    if len(ids) < 2:
        raise InputError(
            f"The text is one token ({text.strip()!r}): nothing precedes it that could predict it. Type at least two words."
        )
    if limit is not None and len(ids) > limit:
        end = int(spans[limit - 1, 1])
        if not cut:
            raise TooLongError(
                f"The text has {len(ids)} tokens; at most {limit} are read. Cut there (cut=True, --cut), it would end after "
                f"character {end}: …{text[max(0, end - 30) : end]!r}.",
                end,
                limit,
            )
        text, ids, spans = text[:end], ids[:limit], spans[:limit]
    return Passage(text, ids, spans)
