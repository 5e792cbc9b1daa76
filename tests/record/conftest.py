"""A home folder of its own for each test of the record, with its database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memlab.record.database import Database, open_database
from memlab.record.kinds import EditKind, register_kind
from memlab.record.ledger import Ledger
from memlab.record.workspaces import Workspaces

# a kind whose edits say anything, for tests of what holds for all kinds
register_kind(
    EditKind("note", "notes", lambda parameters, sequence: None, lambda rows, head: [r.summary for r in rows], str)
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MEMLAB_DATABASE_URL", raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def database(home: Path) -> Iterator[Database]:
    database = open_database(home)
    yield database
    database.close()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, "default")


@pytest.fixture
def workspaces(database: Database) -> Workspaces:
    return Workspaces(database)
