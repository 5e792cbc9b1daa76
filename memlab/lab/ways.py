"""One fact corrected in every way, side by side: in the datastore, and as systems declare. Nothing is recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from memlab.declare import load
from memlab.errors import InputError, MemlabError, StoppedError
from memlab.lab.jobs import long_work
from memlab.progress import Progress, Stop, never_stop, no_progress, part
from memlab.results import Fact
from memlab.results.ways import Way, WaysCompared
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab import Lab

MEMORY = "memory"
EXACT = "exact: the edit is left out of the fold, the datastore itself was never changed"


class Ways:
    """The ways to correct a fact, compared."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def compare(
        self,
        fact: Fact,
        new: str,
        settings: Mapping[str, Any] | None = None,
        progress: Progress = no_progress,
        stop: Stop = never_stop,
    ) -> WaysCompared:
        """A fact corrected in the datastore and in every way that a system declares; nothing is recorded.

        Args:
            settings: of the edit of weights, as `lab.modify` takes them.

        Raises:
            InputError: settings that cannot be used, or no way can correct the fact.
            StoppedError: `stop` returned True.
        """
        given, declared = dict(settings or {}), registry().corrections
        for way in declared:
            if way.check is not None:
                load(way.check)(given)
        tries: list[tuple[str, Callable[[Progress], Way]]] = [
            (MEMORY, lambda progress: _in_memory(self.lab, fact, new))
        ]
        for way in declared:
            tries.append((way.name, partial(_declared, way.code, self.lab, (fact, new, given), stop)))
        ways = []
        for n, (name, attempt) in enumerate(tries):
            share = part(progress, n / len(tries), (n + 1) / len(tries))
            share(0.0, f"correcting: {name}")
            ways.append(_tried(name, attempt, share))
        if all(way.failed for way in ways):
            raise InputError(ways[-1].failed)
        progress(1.0, "done")
        notes = ["Seconds are those of the edit with its measurement.", *(note for way in ways for note in way.notes)]
        return WaysCompared(fact, new, tuple(ways), tuple(notes))


def _tried(name: str, attempt: Callable[[Progress], Way], progress: Progress) -> Way:
    """The result of one way; where it cannot correct the fact, the reason is its result. Raises StoppedError."""
    try:
        return attempt(progress)
    except StoppedError:
        raise
    except MemlabError as error:
        return Way(name, failed=str(error))


def _declared(code: str, lab: Lab, asked: tuple[Fact, str, Mapping[str, Any]], stop: Stop, progress: Progress) -> Way:
    found: Way = load(code)(lab, *asked, progress, stop)
    return found


def _in_memory(lab: Lab, fact: Fact, new: str) -> Way:
    """The datastore of the bundled masked model: its sources forgotten, the corrected sentence taught."""
    start = time.perf_counter()
    edit = lab.correct(fact, new, dry_run=True)
    found = Way.of(MEMORY, edit, time.perf_counter() - start, float(len(json.dumps(dict(edit.parameters)))), EXACT)
    if edit.moved is None:
        return found
    title = registry().method(edit.moved.method).title
    return found.with_note(f"Memory is answered by {title} over the workspace's datastore.")


@long_work("three-ways")
def _three_ways(
    lab: Lab, progress: Progress, stop: Stop, fact: list[str], new: str, settings: dict[str, Any]
) -> WaysCompared:
    return lab.ways.compare(Fact(*fact), new, settings, progress, stop)
