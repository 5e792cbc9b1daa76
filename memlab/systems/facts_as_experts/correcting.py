"""One fact corrected in the fact memory, for the comparison of ways. Nothing is recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from statistics import harmonic_mean
from typing import Any

from memlab.progress import Progress, Stop
from memlab.reading.workspace import OpenLab
from memlab.results import Fact
from memlab.results.ways import Way
from memlab.systems.facts_as_experts.bleeding import EDITED, UNRELATED
from memlab.systems.facts_as_experts.chapter import FactMemoryChapter

UNDO = "exact: the edit is left out when the history is replayed; no weight was changed"
NOTE = (
    "Questions to the fact memory are answered by Facts as Experts (atlas-fae), a different model from the other ways."
)


def correct(lab: OpenLab, fact: Fact, new: str, settings: Mapping[str, Any], progress: Progress, stop: Stop) -> Way:
    """Replaces the row in a dry run and asks the first held-out question of every fact before and after. The other two
    questions are asked only about the corrected fact.

    Raises:
        NotFound, InputError: no such row, or a name that the model has no embedding for.
    """
    memory, start = FactMemoryChapter(lab), time.perf_counter()
    edit = memory.replace([(fact, new)], dry_run=True)
    effects = [memory.effect(edit, n, only_edited=n > 0) for n in (0, 1, 2)]
    seconds = time.perf_counter() - start
    own = [next(g.right_after for g in e.groups if g.group == EDITED) for e in effects]
    near = [g for g in effects[0].groups if g.group not in (EDITED, UNRELATED)]
    far = [g for g in effects[0].groups if g.group == UNRELATED]
    asked, moved = sum(g.asked for g in near), sum(g.moved for g in near)
    efficacy, paraphrase, kept = own[0], sum(own[1:]) / 2, 1 - moved / asked if asked else 1.0
    return Way(
        "fact memory", efficacy, paraphrase, kept, harmonic_mean([efficacy, paraphrase, kept]), moved, asked,
        sum(g.moved for g in far), sum(g.asked for g in far), seconds, float(len(json.dumps(dict(edit.parameters)))), UNDO,
        notes=(NOTE,),
    )  # fmt: skip
