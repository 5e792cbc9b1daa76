"""Muon in float32: the optimizer of Jordan et al. (2024) for processors without bfloat16 arithmetic.

`torch.optim.Muon` orthogonalizes in bfloat16, which is right for GPUs. A processor without instructions for it takes longer
for that than for the forward and backward pass of our small models together; in float32 it is a tenth of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration: steepest at zero, so that five steps are enough
STEPS = 5
MOMENTUM = 0.95
LEAST_NORM = 1e-7


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose direction is orthogonalized, for matrices; the rule and the constants of `torch.optim.Muon`.

    Args:
        params: matrices (parameters of two dimensions).
        lr: the step; of an (m, n) matrix it is multiplied by sqrt(max(1, m / n)).
        weight_decay: decoupled, as a share of lr.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step along the gradients that are there; matrices of one shape are orthogonalized together."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    alike[p.shape].append(p)
            for (m, n), matrices in alike.items():
                rate = group["lr"] * max(1.0, m / n) ** 0.5
                updates = orthogonal(torch.stack([self._direction(p) for p in matrices]))
                for p, update in zip(matrices, updates, strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-rate)

    def _direction(self, p: nn.Parameter) -> Tensor:
        assert p.grad is not None
        momentum = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
        momentum.lerp_(p.grad, 1 - MOMENTUM)
        return p.grad.lerp(momentum, MOMENTUM)


def orthogonal(matrices: Tensor) -> Tensor:
    """About U V^T of each matrix U S V^T: five Newton-Schulz steps bring all singular values near 1 (.7 to 1.2).

    Args:
        matrices: (B, m, n).
    """
    a, b, c = COEFFICIENTS
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=LEAST_NORM)
    for _ in range(STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide else x.mT
