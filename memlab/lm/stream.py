"""Reading with a causal model step by step: every token is read once, its keys and values are cached for later ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from memlab.lm.model import LanguageModel


class Stream:
    """A model and the cache of what it has read so far; for use by one thread.

    A model without an exact cache reads the whole text again each time.

    Args:
        model: a causal model.
        key: which representation serves as query key; see `memlab.lm.inspection.KEYS`.
    """

    def __init__(self, model: LanguageModel, key: str) -> None:
        model.check_key(key)
        self.model, self.key = model, key
        self.past, self.length = model.cache.start(model.module), 0
        self._text: list[int] = []  # what was read, where there is no cache

    @torch.inference_mode()
    def read(self, ids: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Reads further tokens, in one forward pass over them alone.

        Returns:
            Top state, the input of the output projection (1, d), and query key before the next token (1, width of the key).
        """
        if self.past is None:
            return self._again(ids)
        hidden, captured = self.model.cache.read(self.model.module, self.past, torch.tensor(list(ids)), self.length)
        self.length += len(ids)
        key = captured["ffn"].view(len(ids), -1)[-1:] if self.key == "ffn" else hidden[-1:]
        return hidden[-1:].float(), key.float()

    def _again(self, ids: Sequence[int]) -> tuple[Tensor, Tensor]:
        self._text += ids
        self.length = len(self._text)
        text, last = torch.tensor([self._text]), torch.tensor([self.length - 1])
        found = self.model.encode(
            text, torch.ones_like(text), torch.zeros_like(last), last, ("last", self.key), logp=False
        ).keys
        return found["last"].float(), found[self.key].float()
