"""Training of all models: Muon for the matrices of the blocks, AdamW for the rest, and the training loop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from memlab.errors import StoppedError
from memlab.lm.muon import Muon
from memlab.progress import Progress, Stop

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from memlab.lm.checkpoint import Checkpoint


class Budget(Protocol):
    """The part of a recipe that the optimization needs."""

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
        self.parameters = [*module.parameters(), *more]
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(matrices, lr=budget.muon_rate, weight_decay=budget.weight_decay),
            torch.optim.AdamW(rest, lr=budget.learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        self._budget, self._highest = budget, (budget.muon_rate, budget.learning_rate)
        self.made = 0  # steps so far

    def step(self, loss: Tensor) -> None:
        """One optimizer step on `loss`, with the gradient norm clipped at 1."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimizer, highest in zip(self.optimizers, self._highest, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = highest * rate_at(self.made, self._budget)
            optimizer.step()
        self.made += 1


def train_steps(
    optimization: Optimization,
    steps: int,
    losses: Iterator[Tensor],
    progress: Progress,
    stop: Stop,
    checkpoint: Checkpoint | None = None,
) -> float:
    """Trains until `steps` steps are made or `losses` ends; each loss is computed with the weights after the step
    before.

    Args:
        checkpoint: stores the state during training and at a stop. If it was resumed, `optimization.made` steps were
            made before, and `losses` begins with the next one.

    Returns:
        The last losses as an exponential mean, in nats.

    Raises:
        StoppedError: `stop` returned True. HomeError: the checkpoint cannot be written.
    """
    smooth = 0.0 if checkpoint is None else checkpoint.smooth
    first, start = optimization.made, time.monotonic()
    for step in range(first, steps):
        if stop():
            kept = "nothing was written" if checkpoint is None else checkpoint.stopped(optimization, smooth)
            raise StoppedError(f"Stopped at step {step} of {steps}; {kept}.")
        loss = next(losses, None)
        if loss is None:
            break
        optimization.step(loss)
        smooth = loss.item() if step == 0 else 0.98 * smooth + 0.02 * loss.item()
        if step % 20 == 0 or step == first:
            left = (time.monotonic() - start) / (step + 1 - first) * (steps - step - 1)
            progress(step / steps, f"step {step} of {steps}, loss {smooth:.3f}, {left / 60:.0f} min left")
        if checkpoint is not None:
            checkpoint.passed(optimization, smooth)
    return smooth


def rate_at(step: int, budget: Budget) -> float:
    """The learning rate as a share of the highest: linear warm-up, then linear decay to zero."""
    if step < budget.warmup:
        return (step + 1) / budget.warmup
    return max(0.0, (budget.steps - step) / max(1, budget.steps - budget.warmup))
