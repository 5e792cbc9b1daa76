"""One fact corrected in three ways, side by side: in the datastore, in the weights, and in the fact memory. All are only tried."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import harmonic_mean
from typing import TYPE_CHECKING, Any

from memlab.errors import InputError, MemlabError
from memlab.lab.jobs import long_work
from memlab.lab.modifying import how_of, memory_or_weights
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.results import Fact
from memlab.systems.facts_as_experts.bleeding import EDITED, UNRELATED

if TYPE_CHECKING:
    from memlab.lab import Lab

UNDO = {
    "memory": "exact: the edit is left out of the fold, the datastore itself was never changed",
    "weights": "exact for the last edit: its delta is left out; later edits were trained on top of it",
    "fact memory": "exact: the edit is left out of the fold, no weight was changed",
}


@dataclass(frozen=True)
class Way:
    """What correcting the fact did in one way.

    efficacy: share of the edit's own question answered with the new object; paraphrase: of its other questions.
    neighborhood: share of asked facts with a name or the relation in common whose answer stayed. moved, asked: their numbers.
    unrelated_moved, unrelated_asked: of facts with nothing in common, where they are asked. seconds: of the edit with its
    measurement. bytes: that the edit keeps. failed: why this way cannot correct the fact; the rest is None then.
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


@dataclass(frozen=True)
class WaysCompared:
    """The three ways for one fact."""

    fact: Fact
    new: str
    ways: tuple[Way, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "task": "three ways", "fact": self.fact.to_dict(), "new": self.new, "results": [asdict(w) for w in self.ways],
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


def compare_ways(
    lab: Lab, fact: Fact, new: str, settings: Mapping[str, Any] | None = None, progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> WaysCompared:  # fmt: skip
    """A fact corrected in the datastore, in the weights and in the fact memory; nothing is recorded.

    Args:
        settings: of the edit of weights, as `lab.modify` takes them.

    Raises:
        InputError: settings that cannot be used, or the fact can be corrected in no way. StoppedError: `stop` returned True.
    """
    how, notes = how_of({"delta": 0.01, **(settings or {})}), []
    progress(0.0, "correcting the fact memory")
    ways = [_in_fact_memory(lab, fact, new)]
    try:
        two = memory_or_weights(lab, fact, new, how, lambda f, m: progress(0.2 + 0.8 * f, m), stop)
    except InputError as error:
        ways = [Way("memory", failed=str(error)), Way("weights", failed=str(error)), *ways]
    else:
        ways = [*(_of(row) for row in two["results"]), *ways]
        notes += two["notes"]
    if all(w.failed for w in ways):
        raise InputError(ways[-1].failed)
    notes.append(
        "The fact memory is answered by Facts as Experts (atlas-fae), which is another model than that of the other two ways."
    )
    return WaysCompared(fact, new, tuple(ways), tuple(notes))


def _of(row: Mapping[str, Any]) -> Way:
    names = ("efficacy", "paraphrase", "neighborhood", "harmonic", "moved", "asked", "seconds", "bytes")
    scores: dict[str, Any] = {name: row.get(name) for name in names}
    return Way(row["method"], undo=UNDO.get(row["method"], ""), **scores)


def _in_fact_memory(lab: Lab, fact: Fact, new: str) -> Way:
    """The row replaced on trial; every fact of the memory is asked before and after."""
    start = time.perf_counter()
    try:
        edit = lab.fact_memory.replace([(fact, new)], dry_run=True)
    except MemlabError as error:
        return Way("fact memory", failed=str(error))
    effects = [lab.fact_memory.effect(edit, n) for n in (0, 1, 2)]
    seconds = time.perf_counter() - start
    own = [next(g.right_after for g in e.groups if g.group == EDITED) for e in effects]
    near = [g for g in effects[0].groups if g.group not in (EDITED, UNRELATED)]
    far = [g for g in effects[0].groups if g.group == UNRELATED]
    asked, moved = sum(g.asked for g in near), sum(g.moved for g in near)
    efficacy, paraphrase, kept = own[0], sum(own[1:]) / 2, 1 - moved / asked if asked else 1.0
    return Way(
        "fact memory", efficacy, paraphrase, kept, harmonic_mean([efficacy, paraphrase, kept]), moved, asked,
        sum(g.moved for g in far), sum(g.asked for g in far), seconds, float(len(json.dumps(dict(edit.parameters)))),
        UNDO["fact memory"],
    )  # fmt: skip


@long_work("three-ways")
def _three_ways(
    lab: Lab, progress: Progress, stop: Stop, fact: list[str], new: str, settings: dict[str, Any]
) -> WaysCompared:
    return compare_ways(lab, Fact(*fact), new, settings, progress, stop)
