"""One fact corrected in several ways, side by side: what each way did, and what it cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from memlab.results.edits import Edit
from memlab.results.facts import Fact


@dataclass(frozen=True)
class Way:
    """The result of correcting the fact in one way.

    efficacy: share of the edit's own question answered with the new object; paraphrase: of its other questions.
    neighborhood: share of the facts with a name or the relation in common whose answer did not change. moved, asked:
    how many of those answers changed, and how many were asked. unrelated_moved, unrelated_asked: the same for facts
    with nothing in common, where they are asked. seconds: of the edit with its measurement. bytes: that the edit keeps.
    undo: how exactly an undo restores the state before. failed: why this way cannot correct the fact; the rest is None
    then. notes: what a reader of the comparison must know.
    """

    method: str
    efficacy: float | None = None
    paraphrase: float | None = None
    neighborhood: float | None = None
    harmonic: float | None = None
    moved: int | None = None
    asked: int | None = None
    unrelated_moved: int | None = None
    unrelated_asked: int | None = None
    seconds: float | None = None
    bytes: float | None = None
    undo: str = ""
    failed: str = ""
    notes: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, method: str, edit: Edit, seconds: float, bytes: float, undo: str = "") -> Way:
        """A way whose edit was measured (`edit.moved`): exact shares of right and of unchanged answers."""
        if edit.moved is None:
            return cls(method, seconds=seconds, bytes=bytes, undo=undo)
        near = [row for row in edit.moved.rows if row.group == "neighborhood"]
        shares: dict[str, Any] = {s.group: s.score for s in edit.moved.scores}
        return cls(
            method, **shares, harmonic=edit.moved.harmonic, moved=sum(row.moved for row in near), asked=len(near),
            seconds=seconds, bytes=bytes, undo=undo,
        )  # fmt: skip

    def with_note(self, note: str) -> Way:
        """The same with one more note."""
        return replace(self, notes=(*self.notes, note))

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "notes"}


@dataclass(frozen=True)
class WaysCompared:
    """All ways for one fact."""

    fact: Fact
    new: str
    ways: tuple[Way, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": "three ways", "fact": self.fact.to_dict(), "new": self.new, "results": [w.to_dict() for w in self.ways],
            "notes": list(self.notes),
        }  # fmt: skip

    def lines(self) -> list[str]:
        """As a table in plain text."""
        out = [f"{'':12} efficacy paraphrase neighborhood  moved/asked   seconds      bytes  undo"]
        for w in self.ways:
            if w.failed:
                out.append(f"{w.method:12} {w.failed}")
                continue
            numbers = " ".join(
                f"{_share(x):>{width}}" for x, width in ((w.efficacy, 8), (w.paraphrase, 10), (w.neighborhood, 12))
            )
            out.append(
                f"{w.method:12} {numbers}  {w.moved}/{w.asked:<9} {w.seconds or 0:>9.2f} {w.bytes or 0:>10,.0f}  {w.undo.partition(':')[0]}"
            )
        return [*out, *(f"  note: {note}" for note in self.notes)]


def _share(x: float | None) -> str:
    return "none" if x is None else f"{x:.2f}"
