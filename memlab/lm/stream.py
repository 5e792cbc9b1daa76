"""A causal model that reads on: every token is read once, its keys and values are kept for those that follow."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache

from memlab.lm.model import LanguageModel, listening


class Stream:
    """What a model has read so far, as a key-value cache; it belongs to one thread.

    Args:
        model: a causal model.
        key: which representation serves as query key; see `memlab.lm.model.KEYS`.
    """

    def __init__(self, model: LanguageModel, key: str) -> None:
        model.check_key(key)
        self.model, self.key = model, key
        self.past, self.length = DynamicCache(), 0

    @torch.inference_mode()
    def read(self, ids: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Reads on in one forward pass of the new tokens alone.

        Returns:
            Top state, the input of the output projection, and query key before the next token, (1, d) each.
        """
        place = torch.arange(self.length, self.length + len(ids))
        with listening() as heard:
            body = self.model.module.base_model(
                input_ids=torch.tensor([list(ids)]),
                position_ids=place[None],
                past_key_values=self.past,
                use_cache=True,
            )
        self.length += len(ids)
        hidden = body.last_hidden_state[:, -1]
        key = heard["ffn"].view(1, len(ids), -1)[:, -1] if self.key == "ffn" else hidden
        return hidden.float(), key.float()
