"""The constraint of Zhu et al. (2020): after each step, weights are projected back to a ball around a reference.

    none    no constraint
    inf     |theta_i - ref_i| <= delta for every weight (the paper's infinity norm)
    l2      ||theta - ref||_2 <= delta, all changed tensors taken as one vector

The reference ("anchor") is the model's own weights ("base") or the weights that the edit starts from ("current",
with the workspace's earlier edits). The optimizer keeps its state after a projection.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor

from memlab.errors import InputError

NORMS = ("none", "inf", "l2")
ANCHORS = ("current", "base")
AUTO = "auto"


@dataclass(frozen=True)
class Constraint:
    """A norm and its radius; `delta` is None for the norm "none"."""

    norm: str
    delta: float | None

    def project(self, weights: Mapping[str, Tensor], reference: Mapping[str, Tensor]) -> None:
        """Moves `weights` in place to the nearest point that satisfies the constraint around `reference`."""
        if self.delta is None:
            return
        with torch.no_grad():
            if self.norm == "inf":
                for name, w in weights.items():
                    ref = reference[name]
                    w.copy_(torch.minimum(torch.maximum(w, ref - self.delta), ref + self.delta))
                return
            length = distance(weights, reference, "l2")
            if length > self.delta:
                for name, w in weights.items():
                    ref = reference[name]
                    w.copy_(ref + (w - ref) * (self.delta / length))


def distance(weights: Mapping[str, Tensor], reference: Mapping[str, Tensor], norm: str) -> float:
    """How far weights are from a reference: the largest difference ("inf"), or the length of all as one vector ("l2")."""
    gaps = [(w - reference[name]).detach() for name, w in weights.items()]
    if norm == "inf":
        return max((float(g.abs().max()) for g in gaps), default=0.0)
    return math.sqrt(sum(float(g.double().square().sum()) for g in gaps))


def constraint(norm: str, delta: object) -> Constraint:
    """A checked constraint.

    Raises:
        InputError: an unknown norm, a delta that is not a positive number, or a delta without a norm.
    """
    if norm not in NORMS:
        raise InputError(f"norm is {norm!r}; allowed is one of {', '.join(NORMS)}.")
    if norm == "none":
        if delta not in (None, AUTO):
            raise InputError(f"delta is {delta!r}, but without a norm nothing is constrained. Choose norm inf or l2.")
        return Constraint("none", None)
    if isinstance(delta, bool) or not isinstance(delta, Real) or not math.isfinite(delta) or delta <= 0:
        raise InputError(f"delta is {delta!r}; allowed is a positive number, or {AUTO!r}.")
    return Constraint(norm, float(delta))
