"""A gate as data: what it weighs, what its two ends mean, and its value for one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memlab.serialize import as_json

MIXES = ("distributions", "vectors", "nothing")
CURVES = {
    "linear": "p = (1 - w) p(model) + w p(memory), with w the weight of the memory",
    "log-linear": "log p is linear in the gate up to a constant: logits are, and the softmax comes after",
    "computed": "no formula: the method computes the answer with the gate forced to each value",
}

_COMBINED = {
    "linear": "{memory} × {retrieved} + {model} × {own}",
    "log-linear": "softmax of ({memory} × {retrieved} + {model} × {own})",
    "computed": "mixed from {retrieved} ({memory}) and {own} ({model})",
}


@dataclass(frozen=True)
class GateInfo:
    """What a gate is, for every answer of a method.

    Args:
        kind: its name: "constant", "learned", "skip", ..., or "none" without memory.
        symbol: as the paper writes it.
        weighs: what a value near 1 favors, in words.
        ends: what answers with the gate forced to 0, and to 1.
        learned: whether it is computed from the context; otherwise it is one constant.
        mixes: "distributions" (p is the weighted sum of two), "vectors" (before the softmax, or in any other way that is no
            such sum), or "nothing".
        model_at: the value of the gate, 0 or 1, at which the model answers alone; at the other one the memory does. Without
            it: 0 where distributions are mixed; where vectors are, what the method itself computes at the two ends says it.
        retrieved: what the memory contributes, in words: "retrieved tokens", "retrieved facts".
        own: what the model contributes: "state", "context".
        share: what the weight of one neighbor is called: "weight", "attention".
        combined: how vectors are mixed, as a formula with {memory} and {model} for their weights. Without it a sentence with
            `retrieved` and `own`, and the softmax only where `curve` says so.
        curve: how probabilities follow the gate, of `CURVES`. Without it: "linear" where distributions are mixed,
            "computed" where vectors are.

    Raises:
        ValueError: a field has a value that is not allowed.
    """

    kind: str
    symbol: str
    weighs: str
    ends: tuple[str, str]
    learned: bool
    mixes: str
    model_at: int | None = None
    retrieved: str = "what was retrieved"
    own: str = "the model's state"
    share: str = "weight"
    combined: str = ""
    curve: str = ""

    def __post_init__(self) -> None:
        if not self.curve:
            object.__setattr__(self, "curve", "computed" if self.mixes == "vectors" else "linear")
        _check(self)

    @property
    def model_end(self) -> int:
        """Where the model answers alone, 0 or 1: as declared, else 1 where vectors are mixed and 0 elsewhere."""
        return int(self.mixes == "vectors") if self.model_at is None else self.model_at

    @property
    def memory_end(self) -> int:
        """Where the memory answers alone."""
        return 1 - self.model_end

    def memory_weight(self, value: float) -> float:
        """How much the memory counts at a value of the gate: 0 where the model answers alone, 1 at the other end."""
        return 1 - value if self.model_end else value

    def of_memory(self) -> str:
        """The weight of the memory in symbols: "λ", or "1 − g" where the gate is the weight of the model."""
        return f"1 − {self.symbol}" if self.model_end else self.symbol

    def of_model(self) -> str:
        """The weight of the model in symbols."""
        return self.symbol if self.model_end else f"1 − {self.symbol}"

    def said_combined(self, memory: str, model: str) -> str:
        """`combined` with these weights. Raises ValueError where it has other places to fill in."""
        try:
            return (self.combined or _COMBINED[self.curve]).format(
                memory=memory, model=model, retrieved=self.retrieved, own=self.own
            )
        except (KeyError, IndexError) as error:
            raise ValueError(
                f"gate {self.kind!r}: combined is {self.combined!r}; it has places for {{memory}}, {{model}}, {{retrieved}} "
                "and {own} alone"
            ) from error

    def to_dict(self) -> dict[str, Any]:
        return {**as_json(self, "symbol", "weighs", "ends", "learned", "mixes"), "model_at": self.model_end}


def _check(info: GateInfo) -> None:
    for what, given, allowed in (("mixes", info.mixes, MIXES), ("curve", info.curve, CURVES)):
        if given not in allowed:
            raise ValueError(f"gate {info.kind!r}: {what} is {given!r}; allowed is one of {', '.join(allowed)}")
    if info.mixes != "vectors" and info.curve != "linear":
        raise ValueError(
            f"gate {info.kind!r}: curve is {info.curve!r}; a mixture of distributions is linear in its weight. What is mixed "
            "otherwise is declared with mixes='vectors'"
        )
    if info.model_at not in (None, 0, 1) or isinstance(info.model_at, bool):
        raise ValueError(f"gate {info.kind!r}: model_at is {info.model_at!r}; allowed is 0 or 1")
    if len(info.ends) != 2 or not all(isinstance(end, str) and end for end in info.ends):
        raise ValueError(
            f"gate {info.kind!r}: ends is {info.ends!r}; it says in words what answers at 0, and what at 1"
        )
    info.said_combined("0", "1")


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
        if self.info.mixes != "vectors":
            return None
        return self.value if self.info.model_end else 1 - self.value

    @property
    def memory_weight(self) -> float:
        """Weight of the memory: of its distribution, or of what was retrieved among the vectors that are mixed."""
        return self.info.memory_weight(self.value) if self.info.mixes == "vectors" else self.knn_weight

    def to_dict(self) -> dict[str, Any]:
        """`value` is there where it is neither of the weights that are there anyway."""
        usual = 1 if self.info.mixes == "vectors" else 0
        own = {"value": self.value} if self.info.model_end != usual else {}
        if self.local_weight is None:
            return {"kind": self.kind, **own, "knn_weight": self.knn_weight}
        also = {"knn_weight": self.knn_weight} if self.knn_weight else {}
        return {"kind": self.kind, **own, "local_weight": self.local_weight, **also}


def constant(lam: float) -> Gate:
    """One lambda for every answer."""
    return Gate(lambda_gate("constant"), lam, lam)


def lambda_gate(kind: str) -> GateInfo:
    """A gate between two distributions: lambda is the weight of the memory."""
    ends = ("the model alone", "the memory alone")
    return GateInfo(kind, "λ", "the memory", ends, kind != "constant", "distributions", model_at=0)
