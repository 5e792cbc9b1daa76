"""One token of a passage or a generation, with what memory had to do with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memlab.results.distribution import WordProbability
from memlab.serialize import as_json

_KEYS = (
    "text", "id", "position", "start", "end", "kind", "frequency", "loss", "loss_without_memory", "gain", "impossible",
    "gate", "searched", "neighbors", "cached", "top", "rest",
)  # fmt: skip


@dataclass(frozen=True)
class Remembered:
    """One neighbor of a token: entry of the datastore, its value, its share of p_kNN, its distance."""

    entry: int
    id: int
    token: str
    weight: float
    distance: float

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class Cached:
    """One word of the text itself that the continuous cache remembers: its position, and its share of p_cache."""

    position: int
    id: int
    token: str
    weight: float

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class TraceToken:
    """One token of a passage or a generation.

    Losses are -ln p of the token, in nats; None for a token that is not predicted (the first, where the
    model has no start token), infinite for one that gets probability 0. `loss_without_memory` is that of the local context alone. `gate` is the weight of
    the memory, or of the model's own state: the trace's `gate_info` says which.
    `frequency` is how many entries of the datastore have this value.
    """

    text: str
    id: int
    position: int = 0
    start: int = 0
    end: int = 0
    kind: str = "word"
    frequency: int | None = None
    loss: float | None = None
    loss_without_memory: float | None = None
    gate: float | None = None
    searched: bool = False
    neighbors: tuple[Remembered, ...] = ()
    cached: tuple[Cached, ...] = ()
    top: Mapping[str, tuple[WordProbability, ...]] = field(default_factory=dict)
    rest: Mapping[str, float] = field(default_factory=dict)

    @property
    def gain(self) -> float | None:
        """Nats that memory saves on this token; negative where it makes the token less likely."""
        if self.loss is None or self.loss_without_memory is None:
            return None
        return self.loss_without_memory - self.loss

    @property
    def impossible(self) -> bool:
        """Whether it has probability 0 and so an infinite loss: memory alone answers, and does not have it."""
        return self.loss is not None and math.isinf(self.loss)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; an infinite loss or gain is None there, and `impossible` is true."""
        out = as_json(self, *_KEYS)
        return {**out, "loss": None, "gain": None} if self.impossible else out


def in_a_line(token: TraceToken) -> dict[str, str]:
    """The remembered tokens and their weights as cells of a table, separated by blanks, nearest first."""
    return {
        "remembered": " ".join(n.token for n in token.neighbors),
        "weights": " ".join(f"{n.weight:.4f}" for n in token.neighbors),
    }
