"""Hidden states below the first trained block, computed once for each sentence.

The blocks below the first one that an edit changes compute the same states at every step. `Below` caches them for each
sentence and runs only the blocks above. Gradients and answers are those of the whole model up to rounding, since
batches are padded differently; construction compares the two ways, and caches nothing where they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from memlab.errors import InputError
from memlab.lm.hooks import body_of
from memlab.lm.inspection import probe_ids
from memlab.lm.model import LanguageModel
from memlab.systems.constrained_ft.gaps import states
from memlab.systems.constrained_ft.selection import blocks_of

CLOSE = 1e-5  # tolerance between the two ways, relative to the largest state
MOST = 64_000_000  # cached numbers (256 MB); beyond that, new sentences are computed each time


class _Reached(Exception):
    """The states that enter the first trained block are known; the rest of the pass is not needed."""

    def __init__(self, states: Tensor) -> None:
        self.states = states


class Below:
    """A private copy of a model, with the states that enter its first changed block cached for each sentence.

    Args:
        lm: a private copy: the `forward` of its lower blocks is replaced.
        names: of the parameters that change. If one lies below all blocks, nothing is cached.
    """

    def __init__(self, lm: LanguageModel, names: Iterable[str]) -> None:
        self.lm = lm
        self.kept: dict[tuple[int, ...], Tensor] = {}
        self._size = 0
        self._given: Tensor | None = None  # what the lower blocks return instead of computing
        self._filling = False  # whether a pass ends where the first changed block begins
        self._in_tuple = False  # whether blocks of this model return a tuple
        self.first = _first_changed(lm, set(names)) if lm.padded else 0
        if self.first:
            self._wrap()
            same = self._same()
            self._forget()
            if not same:
                self._unwrap()

    def top(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, T, d) states that enter the head, differentiable in the trained parameters."""
        if not self.first:
            return states(self.lm, ids, mask)
        self._given = self._states(ids, mask)
        try:
            return states(self.lm, ids, mask)
        finally:
            self._given = None

    def scores(self, ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """(n, V) scores at chosen positions of a padded batch, as `gaps.ScoresOf` asks for."""
        return self.lm.head(self.top(ids, mask)[rows, columns])

    def _states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, T, d) states below the first changed block, zero at the padding."""
        lengths = mask.sum(1).tolist()
        keys = [tuple(row[:n]) for row, n in zip(ids.tolist(), lengths, strict=True)]
        missing = [i for i, key in enumerate(keys) if key not in self.kept]
        new = {}
        if missing:
            with torch.inference_mode(False), torch.no_grad():  # used for answers and for training alike
                seen = self._lower(ids[missing], mask[missing])
                new = {keys[i]: seen[n, : lengths[i]].clone() for n, i in enumerate(missing)}
            if self._size + seen.numel() <= MOST:
                self._size += seen.numel()
                self.kept |= new
        rows = [new[key] if key in new else self.kept[key] for key in keys]
        out = torch.zeros(*ids.shape, rows[0].shape[-1])
        for row, own in zip(out, rows, strict=True):
            row[: len(own)] = own
        return out

    def _lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        self._filling = True
        try:
            states(self.lm, ids, mask)
        except _Reached as reached:
            return reached.states
        finally:
            self._filling = False
        raise RuntimeError("the lower blocks were not called")

    def _same(self) -> bool:
        """Whether both ways give the same states, checked on two texts of different lengths."""
        probe = probe_ids(self.lm.module, self.lm.tokenizer)
        ids, mask = self.lm.pad([probe, probe[: len(probe) // 2]])
        with torch.no_grad():
            whole = states(self.lm, ids, mask)
            try:
                own = self.top(ids, mask)
            except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, KeyError):
                return False
        there = mask.bool()
        gap = (whole[there] - own[there]).abs().max()
        return bool(gap <= CLOSE * whole[there].abs().max().clamp_min(1.0))

    def _wrap(self) -> None:
        for n, block in enumerate(blocks_of(self.lm)[: self.first]):
            block.forward = partial(self._call, block.forward, n)

    def _unwrap(self) -> None:
        for block in blocks_of(self.lm)[: self.first]:
            block.__dict__.pop("forward", None)
        self.first = 0

    def _forget(self) -> None:
        self.kept.clear()
        self._size = 0

    def _call(self, own: Callable[..., Any], n: int, *args: Any, **options: Any) -> Any:
        """A lower block's forward: its own, or the cached states, returned in the same form (tensor or tuple)."""
        if self._given is not None:
            return self._given if not self._in_tuple else (self._given,)
        out = own(*args, **options)
        self._in_tuple = isinstance(out, tuple)
        if self._filling and n == self.first - 1:
            raise _Reached(out[0] if self._in_tuple else out)
        return out


def _first_changed(lm: LanguageModel, names: set[str]) -> int:
    """How many blocks lie below the first parameter that changes; 0 where one changes outside of blocks and head."""
    try:
        layers = blocks_of(lm)
    except InputError:
        return 0
    changed = {id(lm.module.get_parameter(name)) for name in names}
    in_body = changed & {id(p) for p in body_of(lm.module).parameters()}
    owners = [n for n, block in enumerate(layers) if in_body & {id(p) for p in block.parameters()}]
    in_blocks = {id(p) for block in layers for p in block.parameters()}
    if in_body - in_blocks:
        return 0
    return owners[0] if owners else len(layers)
