"""The crash test of the record, through the lab: processes that edit are killed, and the record is checked."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.bench.crash import EDITED, CrashReport, crash_test, orphans
from memlab.errors import InputError
from memlab.progress import Progress, no_progress
from memlab.record.files import files_locked, keep_delta, temporary_file
from memlab.record.home import home_folder
from memlab.record.kinds import kinds
from memlab.record.parameters import TEXT_LIMIT
from memlab.results import Article, Source
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab import Lab

TEXTS = [Article(f"text {n}", f"Text {n}", f"Lake {n} lies in the north of country {n}.") for n in range(20)]
STORE = "texts"


def run_crash_test(
    kills: int = 50,
    seed: int = 0,
    folder: str | Path | None = None,
    progress: Progress = no_progress,
) -> CrashReport:
    """Repeatedly kills a process that teaches, forgets, undoes, exports and imports, and checks what is left.

    Args:
        kills: how often.
        folder: an empty one; by default a temporary one.

    Raises:
        InputError: the folder is not empty, or `kills` is less than 1.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as own:
            return run_crash_test(kills, seed, own, progress)
    home = home_folder(folder)
    if any(home.iterdir()):
        raise InputError(f"The crash test needs an empty folder; {home} is not empty. Name another one.")
    from memlab.lab import Lab

    Lab.open(home).build(TEXTS, STORE)
    registry()  # registers the systems' kinds of edits for the check
    return crash_test(home, busy, kills, seed, progress)


def busy(home: Path, seed: int, ends: bool, sender: Connection) -> None:
    """Body of the process that is killed: random edits, exports and imports, each reported once it is confirmed."""
    from memlab.lab import Lab

    registry()  # registers the systems' kinds of edits
    first = Lab.open(home)
    sender.send({"did": "start", "left": [str(path) for path in orphans(home)]})
    if ends:
        return
    if all(info.name != EDITED[1] for info in first.workspaces()):
        first.workspaces.create(EDITED[1])
    (home / "exports").mkdir(exist_ok=True)
    rng = random.Random(seed)
    workers = [_Worker(Lab.open(home, name), rng, sender) for name in EDITED]
    while True:
        rng.choice(workers).step()


class _Worker:
    """Makes random edits, exports and imports in one workspace."""

    def __init__(self, lab: Lab, rng: random.Random, sender: Connection) -> None:
        self.lab, self.rng, self.sender = lab, rng, sender

    def step(self) -> None:
        """One edit, confirmed when it is done, or an export and import."""
        edits = [self.teach] * 5 + [self.forget] * 4 + [self.with_file] * 2 + [self.undo] * 3 + [self.redo] * 2
        act: Callable[[], object] = self.rng.choice([*edits, self.exchange, self.exchange])
        if act == self.exchange:
            return self.exchange()
        with suppress(InputError):  # nothing left to forget, undo or redo
            act()
            row = self.lab.context.ledger.rows()[-1]
            about = {"workspace": row.workspace, "sequence": row.sequence, "hash": row.hash, "target": row.target}
            self.sender.send({"did": row.kind, **about})

    def teach(self) -> None:
        text = "word " * self.rng.randrange(1, TEXT_LIMIT // 5)
        self.lab.teach(text)

    def forget(self) -> None:
        document = self.rng.choice(TEXTS)
        start = self.rng.randrange(len(document.text) - 1)
        end = self.rng.randrange(start + 1, len(document.text))
        self.lab.forget(sources=[Source("", document.id, start, end, "")], datastore=STORE)

    def with_file(self) -> None:
        """An edit with a file of weights, of a kind that declares an example."""
        declared = [kind for kind in kinds() if kind.example is not None]
        with files_locked(self.lab.home), temporary_file(self.lab.home) as written:
            written.write_bytes(self.rng.randbytes(200_000))
            delta = keep_delta(self.lab.home, written)
            kind = declared[int(delta, 16) % len(declared)]
            parameters = kind.example_for(delta)
            self.lab.context.ledger.append(kind.name, kind.summarized(parameters), parameters, delta=delta)

    def undo(self) -> None:
        active = [edit.seq for edit in self.lab.history() if edit.active and edit.target is None]
        self.lab.undo(self.rng.choice([None, *active]), anyway=True)

    def redo(self) -> None:
        undone = [edit.seq for edit in self.lab.history() if not edit.active]
        self.lab.redo(self.rng.choice([None, *undone]))

    def exchange(self) -> None:
        """Exports the workspace and imports it under another name; keeps three of those."""
        path = self.lab.workspaces.export(self.lab.workspace, self.lab.home / "exports" / f"{self.lab.workspace}.zip")
        self.sender.send({"did": "export", "path": str(path)})
        made = self.lab.workspaces.import_(path, f"import {self.rng.randrange(1 << 30)}")
        self.sender.send({"did": "import", "workspace": made.name, "edits": made.edits})
        for old in [info.name for info in self.lab.workspaces() if info.name.startswith("import")][3:]:
            self.sender.send({"did": "will delete", "workspace": old})
            self.lab.workspaces.delete(old, old)
