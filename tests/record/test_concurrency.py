"""Many writers at once, in threads and in processes: nothing is lost, mixed up or refused for a lock."""

from __future__ import annotations

import textwrap
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from memlab.record.database import Database
from memlab.record.ledger import Ledger
from memlab.record.workspaces import Workspaces
from tests.forks import Forks

THREADS, EDITS = 8, 50
NAMES = ("default", "second")
WRITER = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path
    from memlab.record.database import open_database
    from memlab.record.kinds import EditKind, register_kind
    from memlab.record.ledger import Ledger

    register_kind(EditKind("note", "notes", lambda parameters, sequence: None, lambda rows, head: rows, str))
    database = open_database(Path(sys.argv[1]))
    def write(thread):
        ledger = Ledger(database, ("default", "second")[thread % 2])
        for n in range(50):
            ledger.append("note", f"{thread}/{n}", {"workspace": ledger.workspace}, f"writer {thread}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, map(int, sys.argv[2:])))
"""


def check(database: Database) -> None:
    """Each of the eight writers' fifty edits is in its workspace, in the writer's order."""
    for parity, name in enumerate(NAMES):
        ledger = Ledger(database, name)
        rows = ledger.rows()
        assert [row.sequence for row in rows] == list(range(1, THREADS * EDITS // 2 + 1))
        assert ledger.verify() == []
        assert {row.parameters["workspace"] for row in rows} == {name}
        assert Counter(row.author for row in rows) == {f"writer {t}": EDITS for t in range(parity, THREADS, 2)}
        for thread in range(parity, THREADS, 2):
            written = [row.summary for row in rows if row.author == f"writer {thread}"]
            assert written == [f"{thread}/{n}" for n in range(EDITS)]


def test_eight_threads_write_fifty_edits_each_in_two_workspaces(database: Database, workspaces: Workspaces) -> None:
    workspaces.create("second")

    def write(thread: int) -> None:
        ledger = Ledger(database, NAMES[thread % 2])
        for n in range(EDITS):
            ledger.append("note", f"{thread}/{n}", {"workspace": ledger.workspace}, f"writer {thread}")
            assert ledger.head() >= n + 1

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(THREADS)))
    check(database)


def test_two_processes_write_the_same(home: Path, database: Database, workspaces: Workspaces, forked: Forks) -> None:
    workspaces.create("second")
    processes = [forked.start(textwrap.dedent(WRITER), str(home), *half) for half in ("0123", "4567")]
    assert [process.wait().returncode for process in processes] == [0, 0]
    check(database)


def test_undo_of_the_last_edit_by_many_undoes_each_once(database: Database, ledger: Ledger) -> None:
    for n in range(20):
        ledger.append("note", f"fact {n}", {})
    with ThreadPoolExecutor(THREADS) as pool:
        undone = list(pool.map(lambda _: ledger.undo().target, range(20)))
    assert sorted(undone, key=str) == sorted(range(1, 21), key=str)
    assert ledger.active() == []
