"""A row of a batch without its distributions, slices of such rows, and two batches side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memlab.results.cause import Cause, Repair
from memlab.results.facts import Fact
from memlab.results.verdict import HELPED, MISLED
from memlab.serialize import as_json

LOW_MARGIN = 0.1  # between the first and the second word


@dataclass(frozen=True)
class RowSummary:
    """What a table shows of one prompt; see `BatchRow`, from which it is made.

    `given`: the expected answers were given by the person. `model_right`, `right`: whether model and mixture are right.
    """

    line: int
    prompt: str
    answer: str | None = None
    p: float | None = None
    model: str | None = None
    p_model: float | None = None
    memory: str | None = None
    p_memory: float | None = None
    memory_weight: float | None = None
    error: str | None = None
    expected: tuple[str, ...] = ()
    given: bool = False
    verdict: str | None = None
    model_right: bool | None = None
    right: bool | None = None
    decided: str | None = None
    margin: float | None = None
    far: bool | None = None
    cause: Cause | None = None
    method: str | None = None
    lm: str | None = None
    datastore: str | None = None
    workspace: str | None = None
    as_of: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)

    @staticmethod
    def from_dict(kept: Mapping[str, Any]) -> RowSummary:
        """The row that `to_dict` wrote. Raises TypeError or KeyError for anything else."""
        cause = kept.get("cause")
        if cause is not None:
            cause = Cause(cause["name"], cause["sentence"], tuple(_repair(one) for one in cause["repairs"]))
        given: dict[str, Any] = {**kept, "expected": tuple(kept.get("expected", ())), "cause": cause}
        return RowSummary(**given)


def _repair(kept: Mapping[str, Any]) -> Repair:
    fact = kept.get("fact")
    made = {"entries": tuple(kept.get("entries", ())), "fact": None if fact is None else Fact(**fact)}
    given: dict[str, Any] = {**kept, **made}
    return Repair(**given)


def summary_cells(row: RowSummary) -> dict[str, Any]:
    """The columns of `memlab.results.batch.COLUMNS`."""
    cells = row.to_dict()
    cause = row.cause
    return {
        **{name: value for name, value in cells.items() if name not in ("given", "model_right", "right", "settings")},
        "expected": " | ".join(row.expected) or None,
        "cause": cause.name if cause else None,
        "why": cause.sentence if cause else None,
        "repair": cause.repairs[0].label if cause and cause.repairs else None,
    }


CHANGED, LOW, FAR_SLICE, FAILED = "memory changed it", "low margin", "far from everything searched", "not answered"
MISLED_SLICE, SAVED = "memory misled", "memory saved"
SLICES: dict[str, Callable[[RowSummary], bool]] = {
    CHANGED: lambda row: row.answer is not None and row.answer != row.model,
    MISLED_SLICE: lambda row: row.verdict == MISLED,
    SAVED: lambda row: row.verdict == HELPED,
    LOW: lambda row: row.margin is not None and row.margin < LOW_MARGIN,
    FAR_SLICE: lambda row: bool(row.far),
    FAILED: lambda row: row.error is not None,
}


def quadrants(rows: Sequence[RowSummary]) -> dict[tuple[bool, bool], int]:
    """(model right, mixture right) -> number of judged rows."""
    out = {(model, mixture): 0 for model in (True, False) for mixture in (True, False)}
    for row in rows:
        if row.right is not None and row.model_right is not None:
            out[row.model_right, row.right] += 1
    return out


@dataclass(frozen=True)
class ChangedRow:
    """One prompt in two batches; None where a batch does not have it."""

    prompt: str
    a: RowSummary | None
    b: RowSummary | None

    @property
    def what(self) -> str:
        """What changed: "only in A", "only in B", "now right", "now wrong", "another answer", or "the same"."""
        if self.a is None or self.b is None:
            return "only in B" if self.a is None else "only in A"
        if self.a.right is not None and self.b.right is not None and self.a.right != self.b.right:
            return "now right" if self.b.right else "now wrong"
        return "the same" if self.a.answer == self.b.answer else "another answer"


def changes(a: Sequence[RowSummary], b: Sequence[RowSummary]) -> list[ChangedRow]:
    """Rows of two batches matched by prompt (repeated prompts in order), those of `b` first, in its order."""
    rest: dict[str, list[RowSummary]] = {}
    for row in a:
        rest.setdefault(row.prompt, []).append(row)
    out = [ChangedRow(row.prompt, rest[row.prompt].pop(0) if rest.get(row.prompt) else None, row) for row in b]
    return out + [ChangedRow(row.prompt, row, None) for row in a if row in rest.get(row.prompt, ())]


def differences(a: Sequence[RowSummary], b: Sequence[RowSummary]) -> dict[str, tuple[str, str]]:
    """What was asked differently: method, model, datastore, workspace, edit or a setting -> its values in a and b."""
    out = {}
    for name in ("method", "lm", "datastore", "workspace", "as_of"):
        sides = [_values(getattr(row, name) for row in rows if row.error is None) for rows in (a, b)]
        if sides[0] != sides[1]:
            out[name] = (sides[0], sides[1])
    for name in dict.fromkeys(name for row in (*a, *b) for name in row.settings):
        sides = [_values(row.settings[name] for row in rows if name in row.settings) for rows in (a, b)]
        if sides[0] != sides[1]:
            out[name] = (sides[0], sides[1])
    return out


def _values(values: Any) -> str:
    return ", ".join(dict.fromkeys(map(str, values))) or "none"
