"""One row of many prompts, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memlab.results.batch_summary import RowSummary, summary_cells
from memlab.results.cause import Cause
from memlab.results.prediction import Prediction
from memlab.results.tables import csv_text
from memlab.results.verdict import VERDICTS, Verdict
from memlab.serialize import json_value

ASKED = ("line", "prompt", "answer", "p", "model", "p_model", "memory", "p_memory", "memory_weight", "error")
JUDGED = ("expected", "verdict", "decided", "margin", "far", "cause", "why", "repair")
MADE_WITH = ("method", "lm", "datastore", "workspace", "as_of")
COLUMNS = (*ASKED, *JUDGED, *MADE_WITH)
MARK = ",".join(ASKED)  # every file of such rows begins with it

MODEL, MEMORY, BOTH, NEITHER = "model", "memory", "both", "neither"


@dataclass(frozen=True)
class BatchRow:
    """The line number, the prompt, and either its prediction or why there is none; a verdict where an answer is expected.

    `cause` says why the answer is wrong, where it is. `far`: whether the question is far from everything that was searched;
    None where that is not known.
    """

    line: int
    prompt: str
    prediction: Prediction | None
    error: str | None = None
    verdict: Verdict | None = None
    cause: Cause | None = None
    far: bool | None = None

    @property
    def decided(self) -> str | None:
        """Which side has the answer as its first word: "model", "memory", "both", or "neither"."""
        return None if self.prediction is None else decided(self.prediction)

    @property
    def margin(self) -> float | None:
        """By how much the answer is more probable than the next word."""
        return None if self.prediction is None else margin(self.prediction)

    def summary(self) -> RowSummary:
        """The row without its distributions: what a table shows, a database keeps, and a comparison needs."""
        p, verdict = self.prediction, self.verdict
        if p is None:
            return RowSummary(self.line, self.prompt, error=self.error)
        mixture, model, memory = p.mixture[0], p.lm[0], p.knn[0]
        return RowSummary(
            self.line,
            self.prompt,
            answer=mixture.token,
            p=mixture.p,
            model=model.token,
            p_model=model.p,
            memory=memory.token,
            p_memory=memory.p,
            memory_weight=weight_of_memory(p),
            expected=verdict.expected if verdict else (),
            given=verdict is not None and verdict.source == "given",
            verdict=verdict.name if verdict else None,
            model_right=verdict.model if verdict else None,
            right=verdict.mixture if verdict else None,
            decided=self.decided,
            margin=self.margin,
            far=self.far,
            cause=self.cause,
            method=p.method,
            lm=p.model,
            datastore=p.datastore,
            workspace=p.workspace,
            as_of=p.as_of,
            settings=dict(p.settings),
        )

    def cells(self) -> dict[str, Any]:
        """The row of a table: the answers of mixture, model and memory, the verdict, and every setting."""
        return summary_cells(self.summary())

    def to_dict(self, top: int | None = 5) -> dict[str, Any]:
        answered = self.prediction.to_dict(top) if self.prediction else None
        return {
            "line": self.line,
            "prompt": self.prompt,
            "prediction": answered,
            "error": self.error,
            **{name: json_value(getattr(self, name)) for name in ("verdict", "decided", "margin", "far", "cause")},
        }


def decided(p: Prediction) -> str:
    """Which side has the mixture's first word as its own first word: one of `MODEL`, `MEMORY`, `BOTH`, `NEITHER`."""
    model, memory = (side[0].id == p.mixture[0].id for side in (p.lm, p.knn))
    return {(True, True): BOTH, (True, False): MODEL, (False, True): MEMORY, (False, False): NEITHER}[model, memory]


def margin(p: Prediction) -> float:
    """p of the mixture's first word less p of its second; all of p where there is one word."""
    first = p.mixture.top(2)
    return first[0].p - (first[1].p if len(first) > 1 else 0.0)


def weight_of_memory(p: Prediction) -> float:
    """Lambda; where vectors are mixed, the weight of what was retrieved."""
    g = p.gate.local_weight
    return p.gate.knn_weight if g is None else 1 - g


def batch_csv(rows: Sequence[BatchRow]) -> str:
    """All rows as CSV text: `COLUMNS`, then every setting of any of them."""
    return summaries_csv([row.summary() for row in rows])


def summaries_csv(rows: Sequence[RowSummary]) -> str:
    """The same from summaries."""
    settings = dict.fromkeys(name for row in rows for name in row.settings)
    taken = {*COLUMNS}
    names = {name: name if name not in taken else f"{name}_setting" for name in settings}
    blank = dict.fromkeys(names.values())
    cells = [summary_cells(row) | blank | {names[n]: value for n, value in row.settings.items()} for row in rows]
    return csv_text(cells, (*COLUMNS, *names.values()))


def tally(rows: Sequence[BatchRow | RowSummary]) -> dict[str, int]:
    """How often each verdict was given; verdicts that never were are left out."""
    names = [row.verdict if isinstance(row, RowSummary) else row.verdict.name for row in rows if row.verdict]
    return {name: names.count(name) for name in VERDICTS if name in names}
