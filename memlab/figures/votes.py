"""The words that the passages behind an answer vote for, and whether one passage decides."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.results import Neighbor, Prediction

ALONE = 0.9  # share of the weight above which one passage decides


@dataclass(frozen=True)
class Vote:
    """A word that passages vote for: their number and total weight."""

    token: str
    passages: int
    weight: float


def votes(p: Prediction) -> tuple[Vote, ...]:
    """The words of the neighbors, the heaviest first."""
    counts: dict[int, list[float]] = {}
    for n in p.neighbors:
        counts.setdefault(n.id, []).append(n.weight)
    words = {n.id: n.token for n in p.neighbors}
    found = [Vote(words[i], len(weights), sum(weights)) for i, weights in counts.items()]
    return tuple(sorted(found, key=lambda vote: -vote.weight))


def decides_alone(p: Prediction) -> Neighbor | None:
    """The neighbor with more than `ALONE` of the weight, or None."""
    return next((n for n in p.neighbors if n.weight > ALONE), None)
