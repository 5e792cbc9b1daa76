"""Muon (Jordan et al. 2024): momentum, replaced by approximately the nearest orthogonal matrix.

    B <- 0.95 B + 0.05 G        U = 0.05 G + 0.95 B  (Nesterov)
    W <- (1 - lr wd) W - lr sqrt(max(1, rows / columns)) orthogonal(U)

The same computation as `torch.optim.Muon`, but in float32: torch rounds to bfloat16, which many processors only
emulate. On such a processor these products of small matrices took three quarters of a training step of the bundled
models; in float32 they take a tenth of that time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
ITERATIONS = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315  # of the quintic Newton-Schulz iteration (Jordan et al. 2024)


def orthogonal(matrix: Tensor) -> Tensor:
    """Approximately U V^T of the singular value decomposition U S V^T: five steps of a Newton-Schulz iteration,
    X <- a X + b (X X^T) X + c (X X^T)^2 X, after which all but the smallest singular values are about 0.7 to 1.2."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp_min(1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """For matrices. lr: length of a step, about the root mean square of a changed row. weight_decay: per step, times lr."""

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step for every matrix that has a gradient."""
        for group in self.param_groups:
            rate, decay = group["lr"], group["weight_decay"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                state = self.state[w]
                momentum = state.setdefault("momentum_buffer", torch.zeros_like(w.grad))
                momentum.lerp_(w.grad, 1 - MOMENTUM)
                update = orthogonal(w.grad.lerp(momentum, MOMENTUM))
                w.mul_(1 - rate * decay)
                w.add_(update, alpha=-rate * math.sqrt(max(1.0, w.shape[0] / w.shape[1])))
