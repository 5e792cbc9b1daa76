"""How all models here are trained: Muon for the matrices of the blocks, AdamW for the rest, and the loop of steps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from memlab.errors import StoppedError
from memlab.lm.muon import Muon
from memlab.progress import Progress, Stop

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
            Muon(matrices, lr=budget.muon_rate, weight_decay=budget.weight_decay),
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


def train_steps(
    optimization: Optimization, steps: int, losses: Iterator[Tensor], progress: Progress, stop: Stop
) -> float:
    """Takes `steps` steps, fewer where `losses` ends; each loss is computed with the weights of the step before.

    Returns:
        The last losses as an exponential mean, in nats.

    Raises:
        StoppedError: `stop` said so.
    """
    smooth, start = 0.0, time.monotonic()
    for step in range(steps):
        if stop():
            raise StoppedError(f"Stopped at step {step} of {steps}; nothing was written.")
        loss = next(losses, None)
        if loss is None:
            break
        optimization.step(loss)
        smooth = loss.item() if step == 0 else 0.98 * smooth + 0.02 * loss.item()
        if step % 20 == 0:
            left = (time.monotonic() - start) / (step + 1) * (steps - step - 1)
            progress(step / steps, f"step {step} of {steps}, loss {smooth:.3f}, {left / 60:.0f} min left")
    return smooth


def rate_at(step: int, budget: Budget) -> float:
    """Linear warm-up, then linear decay to zero; as a share of the highest rate."""
    if step < budget.warmup:
        return (step + 1) / budget.warmup
    return max(0.0, (budget.steps - step) / max(1, budget.steps - budget.warmup))
