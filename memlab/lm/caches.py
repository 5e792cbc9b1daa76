"""Which key-value cache works for a causal model, found by comparing a few tokens read in parts and at once."""

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

_ALIBI = ("bloom", "mpt")  # relative distances instead of positions: no position ids


@dataclass(frozen=True)
class CacheUse:
    """How states of earlier tokens are kept while a causal model reads a text in parts.

    kind: "plain" (keys and values of every layer), "own" (the class that the configuration asks for: convolutions,
        recurrences, sliding windows), or "none": no cache gives the states of reading at once.
    argument: the body's name for it. numbered: whether positions are passed. first: number of the first position.
    single: whether only one token at a time can be read after the first ones.
    cropped: whether the oldest states can be dropped (short-term memory) without changing the others' positions.
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
        """Reads the tokens `ids` (T,), which are at positions `at` and following.

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
    """The body's argument for a cache, whose name changed within transformers 5; None if it takes no cache."""
    taken = inspect.signature(body.forward).parameters
    return next((name for name in ("cache", "past_key_values") if name in taken), None)


@torch.inference_mode()
def find_cache(module: PreTrainedModel, ids: Sequence[int], first: int) -> CacheUse:
    """The first kind of cache whose states equal those of reading the whole text at once."""
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
    """Whether reading the text in three parts gives the same states as reading it at once."""
    borders = [0, len(text) // 2, len(text) - 1, len(text)]
    try:
        past = use.start(module)
        assert past is not None
        parts = [use.read(module, past, text[a:b], a)[0] for a, b in itertools.pairwise(borders)]
    except Exception:  # whatever a model's code raises on a cache of another class
        return False
    return same(torch.cat(parts), whole)


def _can_be_cropped(module: PreTrainedModel, use: CacheUse, text: Tensor) -> bool:
    """Whether every layer keeps plain keys and values, and positions can be passed after some states were dropped."""
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
        if tables:  # absolute positions: the passed ones must be looked up
            return all(int(here[1][f"positions {name}"].flatten()[0]) == half + use.first for name in tables)
        if module.config.model_type in _ALIBI or getattr(module.config, "alibi", False):
            return True
        there = after(5)
    except Exception:  # as above
        return False
    return there is not None and not torch.equal(here[0], there[0])
