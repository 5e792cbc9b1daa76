"""Why an answer came out as it did: what the views below an answer show, each with its rows as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from memlab.results.distribution import WordProbability
from memlab.results.prediction import Neighbor
from memlab.results.tables import csv_text
from memlab.serialize import as_json

MINIMAL, UPPER_BOUND, NONE = "minimal", "upper bound", "none"


@dataclass(frozen=True)
class SmallestSet:
    """The fewest neighbors whose forgetting changes the answer.

    `bound` is "minimal" when no smaller set can do it, "upper bound" when that is not proven (`doubt`
    says why), "none" when no set of at most `tried` entries was found. `after` is the answer of the
    dry run without them, None where there is no set.
    """

    answer: str
    after: str | None
    removed: tuple[Neighbor, ...]
    bound: str
    tried: int
    doubt: str = ""
    ms: float = 0.0

    @property
    def entries(self) -> tuple[int, ...]:
        """Their numbers, as `lab.forget(entries=...)` takes them."""
        return tuple(n.entry for n in self.removed)

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class OccludedWord:
    """A prompt word that was hidden: its characters, the probability that the model then gives the answer, and the
    mean change of the neighbors' distances, weighted by their shares of p_kNN."""

    text: str
    start: int
    end: int
    p_answer: float
    mean_change: float


@dataclass(frozen=True, eq=False)
class Occlusion:
    """How the distance of each neighbor changes when one prompt word is hidden.

    `change` is (words, neighbors): above 0 where a neighbor is farther without the word. `way` is
    "mask" (the word's tokens become mask tokens) or "removal" (they are left out).
    """

    answer: str
    p_answer: float
    way: str
    words: tuple[OccludedWord, ...]
    neighbors: tuple[Neighbor, ...]
    change: np.ndarray
    ms: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "answer": self.answer,
            "p_answer": self.p_answer,
            "way": self.way,
            "words": [{**asdict(w), "change": row.tolist()} for w, row in zip(self.words, self.change, strict=True)],
            "entries": [n.entry for n in self.neighbors],
            "ms": self.ms,
        }

    def csv(self) -> str:
        """A row for each word and neighbor."""
        rows = [
            {"word": word.text, "rank": n.rank, "value": n.value, "weight": n.weight, "change": float(row[j])}
            for word, row in zip(self.words, self.change, strict=True)
            for j, n in enumerate(self.neighbors)
        ]
        return csv_text(rows, ("word", "rank", "value", "weight", "change"))


@dataclass(frozen=True)
class LayerReading:
    """What the output head reads at one layer; `kind` is None where no kind is known."""

    layer: int
    right: float
    kind: float | None
    top: tuple[WordProbability, ...]

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class LayerLens:
    """The output head read at every layer of the model, for the word that is asked for.

    `right` are the words that count as right, from the fact that the prompt asks for (`right_from` is
    "fact") or the mixture's answer ("answer"). `kind` is the kind of thing asked for, from the fact,
    from the answer, or None. `norm` says whether the model's final norm is applied before the head.
    """

    right: tuple[str, ...]
    right_from: str
    kind: str | None
    kind_from: str | None
    norm: bool
    layers: tuple[LayerReading, ...]
    ms: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)

    def rows(self) -> list[dict[str, Any]]:
        """One row a layer, as the table shows it."""
        return [
            {
                "layer": reading.layer,
                "right kind": reading.kind,
                "right answer": reading.right,
                "top words": ", ".join(f"{w.token} {w.p:.2f}" for w in reading.top),
            }
            for reading in self.layers
        ]

    def csv(self) -> str:
        return csv_text(self.rows())


@dataclass(frozen=True)
class MapPoint:
    """The question, a neighbor, or another entry in two dimensions; `neighbor` is None for the question."""

    role: str  # "question", "neighbor" or "other"
    x: float
    y: float
    neighbor: Neighbor | None = None

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class KeyMap:
    """Question and neighbors as points of a plane.

    `kept` is the share of the keys' variance that the plane keeps, `agreement` Spearman's rank
    correlation between distances to the question in the plane and between the keys (None for fewer than
    three entries). `left_out` counts neighbors that are not drawn.
    """

    points: tuple[MapPoint, ...]
    kept: float
    agreement: float | None
    left_out: int = 0
    ms: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)

    def csv(self) -> str:
        """A row for each entry."""
        columns = ("role", "x", "y", "rank", "value", "weight", "distance", "document", "entry")
        rows = [
            {**p.neighbor.to_dict(), "role": p.role, "x": p.x, "y": p.y} for p in self.points if p.neighbor is not None
        ]
        return csv_text(rows, columns)


@dataclass(frozen=True)
class Turn:
    """Where the answer changes: from `at` on it is `after`."""

    at: float
    before: str
    after: str

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True, eq=False)
class Sweep:
    """Answer and probabilities as functions of one setting, everything else as it was.

    `values` (P,) are the settings tried, `current` the one that was asked with, `mixture` (P, W) the
    probabilities of `words`, `answers` (P,) the mixture's first word, `turns` where that changes.
    """

    over: str
    label: str
    log: bool
    current: float
    values: np.ndarray
    words: tuple[str, ...]
    mixture: np.ndarray
    answers: tuple[str, ...]
    turns: tuple[Turn, ...]
    ms: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "over": self.over,
            "label": self.label,
            "current": self.current,
            "words": list(self.words),
            "points": self.rows(),
            "turns": [turn.to_dict() for turn in self.turns],
            "ms": self.ms,
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row a point: the value, the answer, and the probability of each word."""
        return [
            {"value": value, "answer": answer, "mixture": dict(zip(self.words, row, strict=True))}
            for value, answer, row in zip(self.values.tolist(), self.answers, self.mixture.tolist(), strict=True)
        ]

    def csv(self) -> str:
        columns = [self.over, "answer", *(f"p({word})" for word in self.words)]
        rows = [
            dict(zip(columns, (row["value"], row["answer"], *row["mixture"].values()), strict=True))
            for row in self.rows()
        ]
        return csv_text(rows, columns)


@dataclass(frozen=True, eq=False)
class KeyHealth:
    """How good the keys of a datastore are for finding similar contexts, measured on a sample.

    same_value: mean share of an entry's `neighbors` nearest entries that hold the same value; `chance`
    what entries drawn at random would have. hubness: skewness of the number of times an entry is among
    the `neighbors` nearest of the others within `hub_sample` entries (Radovanović et al. 2010); 0 where the
    counts are symmetric, large where a few entries are near everything. `nearest` (n,) are distances of sampled
    entries to the nearest entry of another text, `threshold` their 99th percentile.
    """

    datastore: str
    sample: int
    entries: int
    neighbors: int
    same_value: float
    chance: float
    hubness: float
    hub_sample: int
    nearest: np.ndarray
    threshold: float
    ms: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True, eq=False)
class QueryHealth:
    """How far a question is from the entries: the distance to its nearest one, and the share of
    sampled entries that are closer to their own nearest one."""

    keys: KeyHealth
    distance: float
    closer: float

    @property
    def far(self) -> bool:
        """Whether the question is farther from everything than 99% of the sampled entries are."""
        return self.distance > self.keys.threshold

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "keys", "distance", "closer", "far")

    def csv(self) -> str:
        """The sampled distances, and the question's."""
        rows = [{"of": "stored entry", "nearest distance": d} for d in self.keys.nearest.tolist()]
        return csv_text([*rows, {"of": "question", "nearest distance": self.distance}])
