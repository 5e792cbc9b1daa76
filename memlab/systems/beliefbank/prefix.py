"""Next-token log-probabilities of a causal model for texts with a common prefix, which is read once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from memlab.lm.hooks import body_of
from memlab.lm.model import LanguageModel

if TYPE_CHECKING:
    from transformers import Cache

MIN_PREFIX = 8  # tokens; a shorter one is read again with every text


def common_length(rows: Sequence[Sequence[int]]) -> int:
    """The length of the common prefix of all rows, less than the shortest row, so that each keeps at least one id."""
    if not rows:
        return 0
    low, high = min(map(list, rows)), max(map(list, rows))  # these two differ where any two first do
    most = min(map(len, rows)) - 1
    return next((n for n in range(most) if low[n] != high[n]), max(most, 0))


@dataclass(frozen=True, eq=False)
class Prefix:
    """A prefix that was read. `past`: keys and values of its `length` tokens T, (1, heads, T, d) in each layer."""

    length: int
    past: Cache


@torch.inference_mode()
def read_prefix(lm: LanguageModel, rows: Sequence[Sequence[int]]) -> Prefix | None:
    """Reads the common prefix of all rows; None where it is too short, or the model has no plain key-value cache."""
    length = common_length(rows)
    if length < MIN_PREFIX or len(rows) < 2 or lm.cache.kind != "plain" or not lm.padded:
        return None
    past = lm.cache.start(lm.module)
    if past is None:
        return None
    lm.cache.read(lm.module, past, torch.tensor(list(rows[0][:length])), 0)
    return Prefix(length, past)


@torch.inference_mode()
def after(lm: LanguageModel, prefix: Prefix | None, rows: Sequence[Sequence[int]]) -> Tensor:
    """(n, V) log-probabilities of the token after each row, in one forward pass.

    Args:
        prefix: the common prefix of all rows, from `read_prefix`; None: there is none.
    """
    start = prefix.length if prefix else 0
    ids, mask = lm.pad([row[start:] for row in rows])
    last = torch.tensor([len(row) - start - 1 for row in rows])
    each = torch.arange(len(rows))
    if prefix is None:
        found = lm.encode(ids, mask, each, last).logp
        assert found is not None
        return found
    past = copy.deepcopy(prefix.past)
    past.batch_repeat_interleave(len(rows))
    whole = torch.cat([torch.ones(len(rows), start, dtype=mask.dtype), mask], 1)
    options: dict[str, Any] = {lm.cache.argument: past, "use_cache": True, "attention_mask": whole}
    if lm.cache.numbered:
        options["position_ids"] = torch.arange(start, start + ids.shape[1])[None] + lm.cache.first
    states = body_of(lm.module)(input_ids=ids, **options).last_hidden_state
    return lm.head(states[each, last]).double().log_softmax(-1)
