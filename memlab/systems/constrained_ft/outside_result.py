"""Scores on an editing benchmark from a file, case by case and in total."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memlab.systems.constrained_ft.cases import Case
from memlab.systems.constrained_ft.measuring import harmonic

MEMORY = "memory"  # the edit in a memory; the others are edits of weights


@dataclass(frozen=True)
class Asked:
    """A model's answers about one case; efficacy, paraphrase and neighborhood compare probabilities of whole
    objects."""

    efficacy: bool
    paraphrase: bool
    neighborhood: bool
    exact: bool
    answer: str
    paraphrased: str
    neighbor: str
    text: str | None
    generated: bool | None

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class CaseRow:
    """One case under one method.

    perplexity: of a fixed text, after / before. seconds: of the edit itself, without measuring. For an edit in a memory
    `before` and the perplexity before are those of the same memory without the edit.
    """

    method: str
    case: Case
    before: Asked
    after: Asked
    perplexity: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "method": self.method, "subject": self.case.subject, "prompt": self.case.prompt, "old": self.case.old,
            "new": self.case.new, "before": self.before.to_dict(), "after": self.after.to_dict(),
            "perplexity_ratio": self.perplexity, "seconds": self.seconds,
        }  # fmt: skip


@dataclass(frozen=True)
class OutsideResult:
    """Scores of methods on an editing benchmark. passed_over: skipped cases before the last used one; reasons: reason
    -> how many of them."""

    data: str
    model: str
    settings: Mapping[str, Any]
    rows: tuple[CaseRow, ...]
    passed_over: int
    reasons: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        methods = dict.fromkeys(row.method for row in self.rows)
        own = [row for row in self.rows if row.method == next(iter(methods))]
        before = {"unedited": own, f"{MEMORY} unedited": [row for row in self.rows if row.method == MEMORY]}
        unedited = [_scored(name, [row.before for row in rows]) for name, rows in before.items() if rows]
        return {
            "task": "editing", "data": self.data, "model": self.model, "settings": dict(self.settings),
            "cases": len(own), "passed_over": self.passed_over, "passed_over_reasons": dict(self.reasons),
            "results": [*unedited, *(self._scores(method) for method in methods)],
            "rows": [row.to_dict() for row in self.rows],
        }  # fmt: skip

    def _scores(self, method: str) -> dict[str, Any]:
        own = [row for row in self.rows if row.method == method]
        return {
            **_scored(method, [row.after for row in own]),
            "perplexity_ratio": math.exp(sum(math.log(row.perplexity) for row in own) / len(own)),
            "worst_perplexity_ratio": max(row.perplexity for row in own),
            "seconds": sum(row.seconds for row in own) / len(own),
        }


def _scored(method: str, said: Sequence[Asked]) -> dict[str, Any]:
    from scipy.stats import binomtest

    n = len(said)
    shares = {
        name: sum(bool(getattr(a, name)) for a in said) / n
        for name in ("efficacy", "paraphrase", "neighborhood", "exact")
    }
    wrote = [a.generated for a in said if a.generated is not None]
    interval = binomtest(round(shares["efficacy"] * n), n).proportion_ci(method="wilson")
    return {
        "method": method, "cases": n, **shares,
        "harmonic": harmonic([shares["efficacy"], shares["paraphrase"], shares["neighborhood"]]),
        "generated": sum(wrote) / len(wrote) if wrote else None, "interval": [float(interval.low), float(interval.high)],
    }  # fmt: skip
