"""How all models here are trained: Muon for the matrices of the blocks, AdamW for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Budget(Protocol):
    """What a recipe says about the training itself."""

    @property
    def steps(self) -> int: ...

    @property
    def warmup(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...

    @property
    def muon_rate(self) -> float: ...

    @property
    def weight_decay(self) -> float: ...


class Optimization:
    """Muon (Jordan et al. 2024) for the matrices of the blocks; AdamW without weight decay for embeddings, norms,
    biases and the parameters in `more`. The rate warms up linearly and falls linearly to zero."""

    def __init__(self, module: PreTrainedModel, budget: Budget, more: Sequence[nn.Parameter] = ()) -> None:
        embedding = module.get_input_embeddings().weight
        matrices = [p for p in module.parameters() if p.dim() == 2 and p is not embedding]
        rest = [*(p for p in module.parameters() if p.dim() != 2 or p is embedding), *more]
        self._all = [*module.parameters(), *more]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=budget.muon_rate, weight_decay=budget.weight_decay),
            torch.optim.AdamW(rest, lr=budget.learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        rate = partial(rate_at, budget=budget)
        self._schedules = [torch.optim.lr_scheduler.LambdaLR(o, rate) for o in self._optimizers]

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of `loss`, its norm cut at 1."""
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._all, 1.0)
        for optimizer, schedule in zip(self._optimizers, self._schedules, strict=True):
            optimizer.step()
            schedule.step()


def rate_at(step: int, budget: Budget) -> float:
    """Linear warm-up, then linear decay to zero; as a share of the highest rate."""
    if step < budget.warmup:
        return (step + 1) / budget.warmup
    return max(0.0, (budget.steps - step) / max(1, budget.steps - budget.warmup))
