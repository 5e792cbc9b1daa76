"""The crash test: a process that edits, exports and imports is killed again and again, and nothing may be lost.

    python -m memlab.record.crash HOME [KILLS] [SEED]

The killed process prints a line after each commit ("confirmed"). After each kill the record must open, verify,
hold everything that was confirmed, fold to what an independent fold of the confirmed edits gives, and a start
must leave no orphan files. At most the one step that was under way may be there without a confirmation.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from memlab.errors import InputError, MemlabError
from memlab.record.archive import open_archive
from memlab.record.chain import EditRow
from memlab.record.database import open_database
from memlab.record.files import delta_file, files_locked, keep_delta, sweep, temporary_file
from memlab.record.fold import CHANGES
from memlab.record.home import home_folder
from memlab.record.ledger import Ledger
from memlab.record.parameters import TEXT_LIMIT
from memlab.record.workspaces import Workspaces

EDITED = ("default", "second")  # the workspaces that the killed process edits
LONGEST_LIFE = 0.6  # seconds from the first sign of the process to its death


@dataclass(frozen=True)
class CrashReport:
    """What the crash test found; all is well when `problems` is empty.

    `edits`, `exports` and `imports` count what was confirmed; `unconfirmed` the edits that were on disk
    although the process died before it could say so; `swept` the orphan files that the starts removed.
    """

    kills: int
    edits: int
    exports: int
    imports: int
    unconfirmed: int
    swept: int
    seconds: float
    problems: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class _Confirmed:
    """What must be there after the next kill. `edits`: workspace -> hash by sequence, with kind and target."""

    edits: dict[str, dict[int, tuple[str, str, int | None]]] = field(default_factory=lambda: {w: {} for w in EDITED})
    exports: list[str] = field(default_factory=list)
    imports: dict[str, int] = field(default_factory=dict)
    imported: int = 0

    def hear(self, line: dict[str, Any]) -> None:
        if line["did"] == "edit":
            self.edits[line["workspace"]][line["sequence"]] = (line["hash"], line["kind"], line["target"])
        elif line["did"] == "export":
            self.exports.append(line["path"])
        elif line["did"] == "import":
            self.imports[line["workspace"]] = line["edits"]
            self.imported += 1
        elif line["did"] == "will delete":
            self.imports.pop(line["workspace"], None)


def crash_test(
    home: Path,
    kills: int = 50,
    seed: int = 0,
    progress: Callable[[float, str], None] = lambda fraction, message: None,
) -> CrashReport:
    """Kills a busy process `kills` times with SIGKILL and checks the record after each.

    Args:
        home: an empty folder, or one that does not exist.

    Raises:
        InputError: the folder holds something, or `kills` is less than 1.
    """
    if kills < 1:
        raise InputError(f"kills is {kills}. Allowed is 1 or more.")
    home = home_folder(home)
    if any(home.iterdir()):
        raise InputError(f"The crash test needs an empty home folder; {home} holds something. Name another one.")
    begun = time.monotonic()
    rng = random.Random(seed)
    confirmed = _Confirmed()
    found: list[str] = []
    unconfirmed = swept = 0
    for kill in range(kills):
        _run_and_kill(home, rng, confirmed)
        try:
            swept += len(sweep(home))
            new, wrong = _check(home, confirmed)
        except MemlabError as error:
            new, wrong = 0, [str(error)]
        unconfirmed += new
        found += [f"after kill {kill + 1}: {problem}" for problem in wrong]
        open_database(home).close()  # the next start must recover alone
        progress((kill + 1) / kills, f"{kill + 1} of {kills} kills, {len(found)} problems")
    edits = sum(map(len, confirmed.edits.values())) - unconfirmed
    seconds = time.monotonic() - begun
    return CrashReport(
        kills, edits, len(confirmed.exports), confirmed.imported, unconfirmed, swept, seconds, tuple(found)
    )


def _run_and_kill(home: Path, rng: random.Random, confirmed: _Confirmed) -> None:
    """Starts the busy process, kills it at a random moment (sometimes while it opens) and hears what it confirmed."""
    command = [sys.executable, "-m", "memlab.record.crash", "--busy", str(home), "0", str(rng.randrange(1 << 30))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        if rng.random() < 0.8:
            lines.append(process.stdout.readline())
        death = threading.Timer(rng.uniform(0, LONGEST_LIFE), process.kill)
        death.start()
        lines += process.stdout.readlines()
        death.join()
    if process.returncode != -signal.SIGKILL:
        raise RuntimeError(f"the busy process ended by itself with status {process.returncode}")
    for line in lines:
        if line.endswith("\n"):  # the last one may be cut
            confirmed.hear(json.loads(line))


def _check(home: Path, confirmed: _Confirmed) -> tuple[int, list[str]]:
    """How many edits are there without confirmation, and what is wrong."""
    database = open_database(home)
    there = {info.name: info for info in Workspaces(database).list()}
    wrong: list[str] = []
    new = 0
    deltas: set[Path] = set()
    for name in there:
        ledger = Ledger(database, name)
        wrong += [f"{name}: {problem.message}" for problem in ledger.verify()]
        rows = ledger.rows()
        deltas |= {delta_file(home, row.delta) for row in rows if row.delta}
        if name in EDITED:
            expected = confirmed.edits[name]
            lost = [n for n, (hash_, _, _) in expected.items() if n > len(rows) or rows[n - 1].hash != hash_]
            wrong += [f"{name}: the confirmed edit {n} is lost" for n in lost]
            for row in rows[len(expected) :]:
                expected[row.sequence] = (row.hash, row.kind, row.target)
                new += 1
            if [row.sequence for row in ledger.active()] != _reference_fold(expected):
                wrong.append(f"{name}: the state is not the fold of the confirmed edits")
    if new > 1:
        wrong.append(f"{new} edits are there without a confirmation")
    for name, edits in confirmed.imports.items():
        if name not in there or there[name].edits != edits:
            wrong.append(f"the confirmed import {name} is lost or not whole")
    for path in confirmed.exports[-1:]:
        with open_archive(Path(path)):
            pass
    left = {*(home / "tmp").glob("*"), *(home / "exports").glob(".*"), *(home / "deltas").glob("*")} - deltas
    wrong += [f"the orphan file {path} is left" for path in sorted(left)]
    return new, wrong


def _reference_fold(edits: dict[int, tuple[str, str, int | None]]) -> list[int]:
    """A change is active unless the last undo or redo about it is an undo."""
    last = {target: kind for _, (_, kind, target) in sorted(edits.items()) if target is not None}
    return [n for n, (_, kind, _) in sorted(edits.items()) if kind in CHANGES and last.get(n) != "undo"]


def _something(kind: str, rng: random.Random) -> dict[str, Any]:
    """Parameters of some size, as an edit of this kind has them."""
    text = "x" * rng.randrange(1, TEXT_LIMIT)
    lesson = {"title": text[:10], "text": text, "spans": None}
    sources = [
        {"corpus": "0" * 64, "document": "d", "start": n, "end": n + 1, "text": "x", "source": "base"}
        for n in range(rng.randrange(1, 30))
    ]
    return ({"teaches": lesson} if kind != "forget" else {}) | ({"forgets": sources} if kind != "teach" else {})


class _Busy:
    """The process that is killed: edits, exports and imports at random, and says what it has done."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home, self.rng = home, random.Random(seed)
        sweep(home)
        self.database = open_database(home)
        self.workspaces = Workspaces(self.database)
        (home / "exports").mkdir(exist_ok=True)
        if all(info.name != EDITED[1] for info in self.workspaces.list()):
            self.workspaces.create(EDITED[1])
        self.say("start")

    def say(self, did: str, **what: Any) -> None:
        print(json.dumps({"did": did, **what}), flush=True)

    def work(self) -> None:
        """Goes on until it is killed."""
        steps = [self.teach] * 5 + [self.teach_weights] * 2 + [self.undo] * 3 + [self.redo] * 2 + [self.pass_on] * 2
        while True:
            step = self.rng.choice(steps)
            step(Ledger(self.database, self.rng.choice(EDITED)))

    def confirm(self, row: EditRow) -> None:
        self.say(
            "edit", workspace=row.workspace, sequence=row.sequence, hash=row.hash, kind=row.kind, target=row.target
        )

    def teach(self, ledger: Ledger) -> None:
        kind = self.rng.choice(CHANGES)
        self.confirm(ledger.append(kind, "something", _something(kind, self.rng), "crash test"))

    def teach_weights(self, ledger: Ledger) -> None:
        with files_locked(self.home), temporary_file(self.home) as written:
            written.write_bytes(self.rng.randbytes(200_000))
            delta = keep_delta(self.home, written)
            row = ledger.append("teach", "weights", _something("teach", self.rng), "crash test", delta=delta)
        self.confirm(row)

    def undo(self, ledger: Ledger) -> None:
        if active := ledger.active():
            self.confirm(ledger.undo(self.rng.choice([None, self.rng.choice(active).id]), "crash test"))

    def redo(self, ledger: Ledger) -> None:
        if undone := {row.target for row in ledger.rows()} - {row.sequence for row in ledger.active()} - {None}:
            self.confirm(ledger.redo(self.rng.choice([None, *undone]), "crash test"))

    def pass_on(self, ledger: Ledger) -> None:
        """Exports a workspace and imports it under another name; keeps three of those."""
        path = self.workspaces.export(ledger.workspace, self.home / "exports" / f"{ledger.workspace}.zip")
        self.say("export", path=str(path))
        name = f"import {self.rng.randrange(1 << 30)}"
        made = self.workspaces.import_(path, name)
        self.say("import", workspace=name, edits=made.edits)
        for old in [info.name for info in self.workspaces.list() if info.name.startswith("import")][3:]:
            self.say("will delete", workspace=old)
            self.workspaces.delete(old, old)


def _main() -> int:
    parser = argparse.ArgumentParser("python -m memlab.record.crash", description=__doc__)
    parser.add_argument("home", type=Path, help="an empty folder")
    parser.add_argument("kills", type=int, nargs="?", default=50)
    parser.add_argument("seed", type=int, nargs="?", default=0)
    parser.add_argument("--busy", action="store_true", help=argparse.SUPPRESS)  # be the process that is killed
    given = parser.parse_args()
    if given.busy:
        _Busy(given.home, given.seed).work()
    report = crash_test(given.home, given.kills, given.seed, lambda fraction, message: print(message, file=sys.stderr))
    print(json.dumps(report.to_dict(), indent=1))
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(_main())
