"""The result of an edit of weights: how it was made, every answer without and with it, scores, alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memlab.systems.constrained_ft.alarms import Perplexity, TwoHop
from memlab.systems.constrained_ft.cases import Case
from memlab.systems.constrained_ft.how import How
from memlab.systems.constrained_ft.measuring import Answered, Scores, by_group
from memlab.systems.constrained_ft.training import Point


@dataclass(frozen=True)
class Outcome:
    """An edit of weights: how it was made and what it did. Scores are those of the stored delta.

    Args:
        how: with the delta that was chosen. cases: what was edited. tried: what "auto" measured.
        rows: every question without and with it. generated: a causal model's text after each case's question, and
            whether it is right.
        size: bytes of the stored delta. growth: distance of the changed tensors from the base. seconds: per phase.
    """

    model: str
    how: How
    cases: tuple[Case, ...]
    curve: tuple[Point, ...]
    ended: str
    rows: tuple[Answered, ...]
    scores: Scores
    perplexity: Perplexity
    hops: tuple[TwoHop, ...]
    generated: tuple[tuple[str, bool], ...]
    growth: Mapping[str, float]
    size: int
    parameters: int
    seconds: Mapping[str, float]
    tried: tuple[Mapping[str, float], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def generated_share(self) -> float | None:
        """Share of the cases whose generated text begins with the new object; None for a masked model."""
        return sum(hit for _, hit in self.generated) / len(self.generated) if self.generated else None

    def numbers(self) -> dict[str, Any]:
        """The scores as single numbers."""
        old = [h for h in self.hops if h.after == h.old]
        return {
            **self.scores.to_dict(), "generated": self.generated_share, "perplexity_before": self.perplexity.before,
            "perplexity_after": self.perplexity.after, "alarm": self.perplexity.alarm,
            "still_deducible": len(old) / len(self.hops) if self.hops else None, "norm_inf": self.growth["inf"],
            "norm_l2": self.growth["l2"], "norm_relative": self.growth["relative"], "bytes": self.size,
            "seconds": sum(self.seconds.values()),
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model, "settings": self.how.to_dict(), "facts": [c.to_dict() for c in self.cases],
            **self.numbers(), "ended": self.ended, "seconds_by_part": dict(self.seconds), "parameters": self.parameters,
            "groups": by_group(self.rows), "curve": [p.to_dict() for p in self.curve],
            "two_hop": [h.to_dict() for h in self.hops],
            "texts": [{"fact": c.name, "text": t, "right": hit}
                      for c, (t, hit) in zip(self.cases, self.generated, strict=False)],
            "auto": [dict(t) for t in self.tried], "notes": list(self.notes),
            "rows": [r.to_dict() for r in self.rows if r.moved or r.group in ("edited", "paraphrase")],
        }  # fmt: skip
