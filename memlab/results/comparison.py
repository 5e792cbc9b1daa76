"""Two predictions side by side: what was changed between them, and what that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memlab.results.prediction import Neighbor, Prediction
from memlab.serialize import as_json, json_value

ASKED = ("prompt", "method", "model", "datastore", "workspace", "as_of")


@dataclass(frozen=True)
class Difference:
    """Something that is not the same on both sides; None where one side does not have it."""

    name: str
    a: Any
    b: Any

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class WordChange:
    """The probability of one word in both mixtures; 0 where a side does not have the word."""

    token: str
    a: float
    b: float

    @property
    def change(self) -> float:
        return self.b - self.a

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "token", "a", "b", "change")


@dataclass(frozen=True)
class Comparison:
    """What was asked differently, and how answer, gate, words and neighbors differ.

    `words` are those of either side's first eight, the most moved first. `gained` are neighbors of `b`
    that `a` does not have, `lost` those of `a` that `b` does not have. A neighbor is the same where it is
    the same characters of the same document, independent of the number that the entry has in each datastore.
    """

    a: Prediction
    b: Prediction
    asked: tuple[Difference, ...]
    words: tuple[WordChange, ...]
    gained: tuple[Neighbor, ...]
    lost: tuple[Neighbor, ...]
    kept: int

    @property
    def same_answer(self) -> bool:
        return self.a.answer == self.b.answer

    def to_dict(self) -> dict[str, Any]:
        return {
            "asked": json_value(self.asked),
            "answer": {"a": self.a.answer, "b": self.b.answer},
            "gate": {"a": self.a.gate.to_dict(), "b": self.b.gate.to_dict()},
            "words": json_value(self.words),
            "neighbors": as_json(self, "gained", "lost", "kept"),
        }


def compare(a: Prediction, b: Prediction) -> Comparison:
    """Sets two predictions side by side. Words are matched by what a person reads: ids differ between models."""
    there_a, there_b = {_place(n) for n in a.neighbors}, {_place(n) for n in b.neighbors}
    return Comparison(
        a,
        b,
        _asked(a, b),
        _words(a, b),
        gained=tuple(n for n in b.neighbors if _place(n) not in there_a),
        lost=tuple(n for n in a.neighbors if _place(n) not in there_b),
        kept=len(there_a & there_b),
    )


def _asked(a: Prediction, b: Prediction) -> tuple[Difference, ...]:
    pairs = [(name, getattr(a, name), getattr(b, name)) for name in ASKED]
    for name in dict.fromkeys([*a.settings, *b.settings]):
        pairs.append((name, a.settings.get(name), b.settings.get(name)))
    return tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])


def _words(a: Prediction, b: Prediction, first: int = 8) -> tuple[WordChange, ...]:
    tokens = dict.fromkeys(w.token for p in (a, b) for w in p.mixture.top(first))
    of_a, of_b = _probabilities(a, tokens), _probabilities(b, tokens)
    moved = [WordChange(token, of_a.get(token, 0.0), of_b.get(token, 0.0)) for token in tokens]
    return tuple(sorted(moved, key=lambda w: -abs(w.change)))


def _probabilities(p: Prediction, tokens: Sequence[str] | dict[str, None]) -> dict[str, float]:
    """p of those words that this side has; several ids that read the same add up."""
    out: dict[str, float] = {}
    for i, word in enumerate(p.mixture.words):
        if word in tokens:
            out[word] = out.get(word, 0.0) + p.mixture.of(i)
    return out


def _place(n: Neighbor) -> tuple[str, int, int]:
    return n.document, n.start, n.end
