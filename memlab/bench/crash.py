"""The crash test: a process that edits, exports and imports is killed again and again, and nothing may be lost.

The process reports each step that it has done ("confirmed"). After each kill the record must open, verify,
contain everything that was confirmed and agree with an independent fold of the confirmed edits; at most the one
step that was in progress may be there without a confirmation. The next start must leave no orphan files.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from memlab.errors import InputError, MemlabError
from memlab.progress import Progress, no_progress
from memlab.record.archive import open_archive
from memlab.record.database import open_database
from memlab.record.files import delta_file
from memlab.record.kinds import MARKS
from memlab.record.ledger import Ledger
from memlab.record.weights_state import WEIGHTS
from memlab.record.workspaces import Workspaces

EDITED = ("default", "second")  # the workspaces that the killed process edits
LONGEST_LIFE = 0.6  # seconds, at most, from the first message of the process to its kill

Message = dict[str, Any]
Busy = Callable[[Path, int, bool, Connection], None]  # home, seed, whether to end after the start, where to report to


@dataclass(frozen=True)
class CrashReport:
    """The result of the crash test, which passed if `problems` is empty.

    `steps` counts what was confirmed, by kind; `unconfirmed` the edits that were on disk although the process was
    killed before it confirmed them; `swept` the orphan files that kills left and starts removed.
    """

    kills: int
    steps: dict[str, int]
    unconfirmed: int
    swept: int
    seconds: float
    problems: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Confirmed:
    """What must be there after the next kill. edits: workspace -> sequence -> (hash, kind, target)."""

    edits: dict[str, dict[int, tuple[str, str, int | None]]] = field(default_factory=lambda: {w: {} for w in EDITED})
    exports: list[str] = field(default_factory=list)
    imports: dict[str, int] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    def add(self, message: Message) -> None:
        did = message["did"]
        if did == "start":
            self.left += message["left"]
            return
        if did == "will delete":  # it is not known whether it was deleted
            self.imports.pop(message["workspace"], None)
            return
        if did == "export":
            self.exports.append(message["path"])
        elif did == "import":
            self.imports[message["workspace"]] = message["edits"]
        else:
            self.edits[message["workspace"]][message["sequence"]] = (message["hash"], did, message["target"])
        self.steps[did] = self.steps.get(did, 0) + 1


def crash_test(
    home: Path,
    busy: Busy,
    kills: int = 50,
    seed: int = 0,
    progress: Progress = no_progress,
) -> CrashReport:
    """Kills a busy process `kills` times with SIGKILL and checks the record after each.

    Args:
        busy: what the process does; must be importable by name. It sends a `dict` after each step: `did` is
            "start" (with the orphan files that it found `left`), an edit's kind (with workspace, sequence, hash
            and target), "export" (path), "will delete" (workspace) or "import" (workspace, edits).

    Raises:
        InputError: `kills` is less than 1, or the system has no SIGKILL.
    """
    if kills < 1:
        raise InputError(f"kills is {kills}. Allowed is 1 or more.")
    if "forkserver" not in multiprocessing.get_all_start_methods():
        raise InputError("The crash test kills a process as Linux and macOS do; this system cannot.")
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([busy.__module__])
    begun = time.monotonic()
    rng = random.Random(seed)
    confirmed = _Confirmed()
    found: list[str] = []
    unconfirmed = swept = 0
    for kill in range(kills + 1):  # the last process ends by itself
        _run(processes, busy, home, rng, confirmed, ends=kill == kills)
        found += [f"a start after kill {kill} left the orphan file {path}" for path in confirmed.left]
        confirmed.left.clear()
        try:
            new, wrong = check(home, confirmed)
            swept += len(orphans(home))
        except MemlabError as error:
            new, wrong = 0, [str(error)]
        unconfirmed += new
        found += [f"after kill {kill + 1}: {problem}" for problem in wrong]
        open_database(home).close()  # the next start must recover alone
        if kill < kills:
            progress((kill + 1) / kills, f"{kill + 1} of {kills} kills, {len(found)} problems")
    return CrashReport(kills, confirmed.steps, unconfirmed, swept, time.monotonic() - begun, tuple(found))


def _run(processes: Any, busy: Busy, home: Path, rng: random.Random, confirmed: _Confirmed, ends: bool) -> None:
    """Starts the busy process, kills it at a random moment (sometimes while it starts) and reads what it confirmed."""
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=busy, args=(home, rng.randrange(1 << 30), ends, sender))
    process.start()
    sender.close()
    if rng.random() < 0.8:
        receiver.poll(None)
    timer = threading.Timer(rng.uniform(0, LONGEST_LIFE), process.kill)
    if not ends:
        timer.start()
    try:
        while True:
            confirmed.add(receiver.recv())
    except (EOFError, OSError):  # the process was killed; its last message may be incomplete
        pass
    process.join()
    timer.cancel()
    if process.exitcode != (0 if ends else -signal.SIGKILL):
        raise RuntimeError(f"the busy process ended by itself with status {process.exitcode}")


def check(home: Path, confirmed: _Confirmed) -> tuple[int, list[str]]:
    """The number of edits without confirmation, and the problems found."""
    database = open_database(home)
    there = {info.name: info for info in Workspaces(database).list()}
    wrong: list[str] = []
    new = 0
    for name in there:
        ledger = Ledger(database, name)
        wrong += [f"{name}: {problem.message}" for problem in ledger.verify()]
        if name in EDITED:
            rows, expected = ledger.rows(), confirmed.edits[name]
            lost = [n for n, (hash_, _, _) in expected.items() if n > len(rows) or rows[n - 1].hash != hash_]
            wrong += [f"{name}: the confirmed edit {n} is lost" for n in lost]
            for row in rows[len(expected) :]:
                expected[row.sequence] = (row.hash, row.kind, row.target)
                new += 1
            if [row.sequence for row in ledger.active()] != _reference_fold(expected):
                wrong.append(f"{name}: the state is not the fold of the confirmed edits")
            held = [n for n in _reference_fold(expected) if expected[n][1] == "modify"]
            if [edit.ref.edit for edit in ledger.state(WEIGHTS).edits] != held:
                wrong.append(f"{name}: the weights are not the fold of the confirmed edits of weights")
    if new > 1:
        wrong.append(f"{new} edits are there without a confirmation")
    for name, edits in confirmed.imports.items():
        if name not in there or there[name].edits != edits:
            wrong.append(f"the confirmed import {name} is lost or incomplete")
    for path in confirmed.exports[-1:]:
        with open_archive(Path(path)):
            pass
    return new, wrong


def orphans(home: Path) -> list[Path]:
    """Files that belong to no edit and that no process is writing."""
    database = open_database(home)
    rows = (row for info in Workspaces(database).list() for row in Ledger(database, info.name).rows())
    deltas = {delta_file(home, row.delta) for row in rows if row.delta}
    found = {*(home / "tmp").glob("*"), *(home / "exports").glob(".*"), *(home / "deltas").glob("*")}
    return sorted(found - deltas)


def _reference_fold(edits: dict[int, tuple[str, str, int | None]]) -> list[int]:
    """A change is active unless the last undo or redo about it is an undo."""
    last = {target: kind for _, (_, kind, target) in sorted(edits.items()) if target is not None}
    return [n for n, (_, kind, _) in sorted(edits.items()) if kind not in MARKS and last.get(n) != "undo"]
