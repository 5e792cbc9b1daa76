"""One row of many prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memlab.results.prediction import Prediction
from memlab.results.tables import csv_text
from memlab.results.verdict import VERDICTS, Verdict

ASKED = ("line", "prompt", "answer", "p", "model", "p_model", "memory", "p_memory", "memory_weight", "error")
COLUMNS = (*ASKED, "expected", "verdict")
MARK = ",".join(ASKED)  # every file of such rows begins with it


@dataclass(frozen=True)
class BatchRow:
    """The line number, the prompt, and either its prediction or why there is none; a verdict where an answer is expected."""

    line: int
    prompt: str
    prediction: Prediction | None
    error: str | None = None
    verdict: Verdict | None = None

    def cells(self) -> dict[str, Any]:
        """The row of a table: the answers of mixture, model and memory with their probabilities."""
        p = self.prediction
        if p is None:
            return dict.fromkeys(COLUMNS) | {"line": self.line, "prompt": self.prompt, "error": self.error}
        words = (p.mixture[0], p.lm[0], p.knn[0])
        said = [cell for word in words for cell in (word.token, word.p)]
        judged = (" | ".join(self.verdict.expected), self.verdict.name) if self.verdict else (None, None)
        cells = [self.line, self.prompt, *said, _weight_of_memory(p), None, *judged]
        return dict(zip(COLUMNS, cells, strict=True))

    def to_dict(self, top: int | None = 5) -> dict[str, Any]:
        answered = self.prediction.to_dict(top) if self.prediction else None
        judged = self.verdict.to_dict() if self.verdict else None
        return {
            "line": self.line,
            "prompt": self.prompt,
            "prediction": answered,
            "error": self.error,
            "verdict": judged,
        }


def _weight_of_memory(p: Prediction) -> float:
    """Lambda; where vectors are mixed, the weight of what was retrieved."""
    g = p.gate.local_weight
    return p.gate.knn_weight if g is None else 1 - g


def batch_csv(rows: Sequence[BatchRow]) -> str:
    """All rows as CSV text."""
    return csv_text([row.cells() for row in rows], COLUMNS)


def tally(rows: Sequence[BatchRow]) -> dict[str, int]:
    """How often each verdict was given; those that never were are left out."""
    names = [row.verdict.name for row in rows if row.verdict is not None]
    return {name: names.count(name) for name in VERDICTS if name in names}
