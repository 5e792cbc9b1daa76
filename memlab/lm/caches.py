"""Which key-value cache a causal model reads on with, found by reading a few tokens in parts and at once."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from memlab.lm.hooks import body_of, capturing, position_tables, same

if TYPE_CHECKING:
    from transformers import Cache, PreTrainedModel

_ALIBI = ("bloom", "mpt")  # distances instead of positions: nothing to number


@dataclass(frozen=True)
class CacheUse:
    """How states of earlier tokens are kept while a model reads on.

    kind: "plain" (keys and values of every layer), "own" (the class that the configuration asks for: convolutions,
        recurrences, sliding windows), or "none": the model has no cache that gives what reading at once gives.
    argument: what the body calls it. numbered: whether positions are passed. first: number of the first position.
    single: whether only one token at a time can be read after the first ones.
    cropped: whether the oldest states can be dropped (short-term memory), the positions of the others staying.
    """

    kind: str
    argument: str = ""
    numbered: bool = False
    first: int = 0
    single: bool = False
    cropped: bool = False

    def start(self, module: PreTrainedModel) -> Cache | None:
        """A new cache; None where the model has none."""
        if self.kind == "none":
            return None
        from transformers import DynamicCache

        return DynamicCache() if self.kind == "plain" else DynamicCache(config=module.config)

    def read(self, module: PreTrainedModel, past: Cache, ids: Tensor, at: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Reads the tokens `ids` (T,) that stand from place `at` on.

        Returns:
            (T, d) top states, and what the hooks captured.
        """
        if self.single and at and len(ids) > 1:
            parts = [self.read(module, past, ids[n : n + 1], at + n) for n in range(len(ids))]
            captured = {
                name: torch.cat([h[name].reshape(1, -1) for _, h in parts if name in h]) for name in parts[0][1]
            }
            return torch.cat([states for states, _ in parts]), captured
        options: dict[str, Any] = {self.argument: past, "use_cache": True}
        if self.numbered:
            options["position_ids"] = torch.arange(at, at + len(ids))[None] + self.first
        with capturing() as captured:
            body = body_of(module)(input_ids=ids[None], **options)
        states = body.last_hidden_state[0].float()  # of no effect where it is float32
        return states, {name: h.float() if h.is_floating_point() else h for name, h in captured.items()}


def crop(past: Cache, memory: int) -> None:
    """Keeps the states of the last `memory` tokens only."""
    for layer in past.layers:
        layer.keys, layer.values = layer.keys[..., -memory:, :], layer.values[..., -memory:, :]


def cache_argument(body: nn.Module) -> str | None:
    """What a body calls its cache: the name changed within version 5 of transformers. None for one that takes none."""
    taken = inspect.signature(body.forward).parameters
    return next((name for name in ("cache", "past_key_values") if name in taken), None)


@torch.inference_mode()
def find_cache(module: PreTrainedModel, ids: Sequence[int], first: int) -> CacheUse:
    """The first way of keeping states that gives what reading the whole text gives."""
    argument = cache_argument(body_of(module))
    if argument is None:
        return CacheUse("none")
    text = torch.tensor(list(ids))
    whole = body_of(module)(input_ids=text[None], use_cache=False).last_hidden_state[0]
    for kind, single in (("plain", False), ("own", False), ("own", True)):
        for numbered in (True, False):
            use = CacheUse(kind, argument, numbered, first, single)
            if _reads_alike(module, use, text, whole):
                return replace(use, cropped=_can_be_cropped(module, use, text))
    return CacheUse("none")


def _reads_alike(module: PreTrainedModel, use: CacheUse, text: Tensor, whole: Tensor) -> bool:
    """Whether the text read in three parts has the states of the text read at once."""
    borders = [0, len(text) // 2, len(text) - 1, len(text)]
    try:
        past = use.start(module)
        assert past is not None
        parts = [use.read(module, past, text[a:b], a)[0] for a, b in itertools.pairwise(borders)]
    except Exception:  # any error of a model's code on a cache of another class
        return False
    return same(torch.cat(parts), whole)


def _can_be_cropped(module: PreTrainedModel, use: CacheUse, text: Tensor) -> bool:
    """Whether every layer keeps plain keys and values, and the position of a token can be given when some are dropped."""
    from transformers.cache_utils import DynamicLayer

    if use.kind != "plain":
        return False
    half = len(text) // 2

    def after(shift: int) -> tuple[Tensor, dict[str, Tensor]] | None:
        past = use.start(module)
        assert past is not None
        use.read(module, past, text[:half], 0)
        if any(type(layer) is not DynamicLayer or layer.keys.shape[-2] != half for layer in past.layers):
            return None
        crop(past, 2)
        return use.read(module, past, text[half : half + 2], half + shift)

    try:
        here = after(0)
        if here is None:
            return False
        tables = [name for name in position_tables(module) if f"positions {name}" in here[1]]
        if tables:  # absolute positions: those that were passed must be those that are looked up
            return all(int(here[1][f"positions {name}"].flatten()[0]) == half + use.first for name in tables)
        if module.config.model_type in _ALIBI or getattr(module.config, "alibi", False):
            return True
        there = after(5)
    except Exception:  # as above
        return False
    return there is not None and not torch.equal(here[0], there[0])
