"""A reading in a home folder in which nothing is built yet: it builds the memory that it needs, for half a minute.

The home that all tests share is begun that way, so that the run builds that memory once.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from memlab.lab import Lab

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"process {os.getpid()}"  # the same in all workers of a run


@dataclass(frozen=True)
class FirstReading:
    """What a first reading with SPALM gave.

    datastore: the one it read with. neighbors: of each token that was looked up, how many. heard: messages of progress.
    ready: the datastores that were there afterwards. generated: whether text that was generated then was looked up.
    """

    datastore: str
    neighbors: list[int]
    heard: list[str]
    ready: list[str]
    generated: bool


def first_reading(home: Path) -> FirstReading:
    """Reads a sentence in a new home folder."""
    lab, heard = Lab.open(home), list[str]()
    trace = lab.read("The capital of France is Paris.", "spalm", progress=lambda f, message: heard.append(message))
    return FirstReading(
        str(trace.datastore),
        [len(token.neighbors) for token in trace if token.searched],
        heard,
        [s.name for s in lab.datastores() if s.state == "ready"],
        bool(lab.generate("The capital of France is", max_tokens=1).nodes[0].token.searched),
    )


def keep(found: FirstReading, file: Path) -> None:
    """Keeps it for the other workers of this run."""
    file.write_text(json.dumps({"run": RUN, "found": asdict(found)}), "utf-8")


def kept(file: Path) -> FirstReading | None:
    """The one of this run; None where the home was built by an earlier one."""
    if not file.is_file():
        return None
    read = json.loads(file.read_text("utf-8"))
    return FirstReading(**read["found"]) if read["run"] == RUN else None
