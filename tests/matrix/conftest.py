"""The matrix of architectures: slow, so only when it is asked for (`-m matrix`, `make matrix`). Prints its table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny_models
from tests.matrix.rows import ROWS, table


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the matrix unless its marker is asked for."""
    if "matrix" in (config.option.markexpr or ""):
        return
    slow = [item for item in items if item.get_closest_marker("matrix")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("matrix")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS:
        terminalreporter.write_line("")
        for line in table():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a model of `tiny_models`, made once."""
    base = tmp_path_factory.mktemp("architectures")

    def folder(name: str) -> Path:
        out = base / name.replace(", ", "-").replace(" ", "-")
        return out if out.is_dir() else tiny_models.make(name, out)

    return folder
