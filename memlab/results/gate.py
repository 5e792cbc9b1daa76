"""A gate as data: what it weighs, what its two ends mean, and its value for one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memlab.serialize import as_json


@dataclass(frozen=True)
class GateInfo:
    """What a gate is, for every answer of a method.

    Args:
        kind: its name: "constant", "learned", "skip", ..., or "none" without memory.
        symbol: as the paper writes it.
        weighs: what a value near 1 favors, in words.
        ends: what answers with the gate forced to 0, and to 1.
        learned: whether it is computed from the context; otherwise it is one constant.
        mixes: "distributions" (after the softmax), "vectors" (before it), or "nothing".
    """

    kind: str
    symbol: str
    weighs: str
    ends: tuple[str, str]
    learned: bool
    mixes: str

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "symbol", "weighs", "ends", "learned", "mixes")


NO_GATE = GateInfo("none", "λ", "the memory", ("the model alone", "the model alone"), False, "nothing")


@dataclass(frozen=True)
class Gate:
    """How one answer was mixed.

    `value` is the gate's own: lambda where distributions are mixed, g where vectors are. `knn_weight` is the weight of
    p_kNN in the mixture: lambda itself, or that of a p_kNN mixed in after vectors were.
    """

    info: GateInfo
    value: float
    knn_weight: float

    @property
    def kind(self) -> str:
        """Name of the gate."""
        return self.info.kind

    @property
    def local_weight(self) -> float | None:
        """Weight of the model's own state among the vectors that are mixed; None where distributions are."""
        return self.value if self.info.mixes == "vectors" else None

    def to_dict(self) -> dict[str, Any]:
        if self.local_weight is None:
            return {"kind": self.kind, "knn_weight": self.knn_weight}
        also = {"knn_weight": self.knn_weight} if self.knn_weight else {}
        return {"kind": self.kind, "local_weight": self.local_weight, **also}


def constant(lam: float) -> Gate:
    """One lambda for every answer."""
    return Gate(lambda_gate("constant"), lam, lam)


def lambda_gate(kind: str) -> GateInfo:
    """A gate between two distributions: lambda is the weight of the memory."""
    return GateInfo(
        kind, "λ", "the memory", ("the model alone", "the memory alone"), kind != "constant", "distributions"
    )
