"""One fact corrected in the weights and in the datastore: what each way did and cost. Nothing is recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from memlab.progress import Progress, Stop, never_stop, no_progress, part
from memlab.reading.workspace import OpenLab
from memlab.results import Edit, Fact
from memlab.results.ways import Way
from memlab.systems.constrained_ft.chapter import Modifying, ModifyOptions, how_of
from memlab.systems.constrained_ft.how import How
from memlab.systems.constrained_ft.selection import parsed

WEIGHTS = "weights"
UNDO = "exact for the last edit: its delta is left out; later edits were trained on top of it"
SHOWN = ("efficacy", "paraphrase", "neighborhood", "harmonic", "moved", "asked", "seconds", "bytes")
NOTES = (
    "Seconds include the edit and its measurement.",
    "Memory is answered by BERT-kNN over the workspace's datastore, weights by the model alone.",
    "Both are undone by leaving the edit out when the history is replayed.",
)


def check(settings: Mapping[str, Any]) -> None:
    """Raises InputError for settings that an edit of weights does not take."""
    _how(settings)


def correct(lab: OpenLab, fact: Fact, new: str, settings: Mapping[str, Any], progress: Progress, stop: Stop) -> Way:
    """The fact trained into the weights of the bundled masked model.

    Raises:
        InputError: the model does not know the fact, or cannot write the new object. StoppedError: `stop` returned True.
    """
    return _in_weights(lab, fact, new, _how(settings), progress, stop).with_note(
        "Weights are answered by the model alone."
    )


def memory_or_weights(
    lab: OpenLab, fact: Fact, new: str, how: How, progress: Progress = no_progress, stop: Stop = never_stop
) -> dict[str, Any]:
    """One fact corrected in the datastore and in the weights of the bundled masked model, both as dry runs.

    Scores are computed over the answers: correct answers to the edit's questions, and unchanged answers in its
    neighborhood. The questions of the neighborhood differ: memory is asked about facts that share a name or the
    relation, the weights about all such facts that the model knows.
    """
    progress(0.0, "correcting memory")
    start = time.perf_counter()
    edit: Edit = lab.correct(fact, new, dry_run=True)
    seconds = time.perf_counter() - start
    ways = (
        Way.of("memory", edit, seconds, float(len(json.dumps(dict(edit.parameters))))),
        _in_weights(lab, fact, new, how, part(progress, 0.2, 1.0), stop),
    )
    rows = [{"method": way.method, **{name: getattr(way, name) for name in SHOWN}} for way in ways]
    return {"task": "memory or weights", "fact": fact.to_dict(), "new": new, "results": rows, "notes": list(NOTES)}


def compare(
    lab: OpenLab, progress: Progress, stop: Stop, fact: list[str], new: str, settings: dict[str, Any]
) -> dict[str, Any]:
    """`memory_or_weights` as a job."""
    return memory_or_weights(lab, Fact(*fact), new, how_of(settings), progress, stop)


def _in_weights(lab: OpenLab, fact: Fact, new: str, how: How, progress: Progress, stop: Stop) -> Way:
    start = time.perf_counter()
    options = ModifyOptions(dry_run=True, progress=progress, stop=stop)
    edit, _ = Modifying(lab).modified([Fact(fact.subject, fact.relation, new)], how, None, options)
    return Way.of(WEIGHTS, edit, time.perf_counter() - start, edit.scores["bytes"], UNDO)


def _how(settings: Mapping[str, Any]) -> How:
    given = {"delta": 0.01, **settings}
    if isinstance(given.get("blocks"), str):
        given["blocks"] = parsed(given["blocks"])
    return how_of(given)
