"""Running the command line in tests, and reading what it printed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from memlab.cli import main

Run = Callable[..., Result]


def run_on(home: Path) -> Run:
    """Runs the command in this process, on a home folder."""

    def run(*arguments: object, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, [str(a) for a in arguments], input=typed, env={"MEMLAB_HOME": str(home)})

    return run


def run_beside(built_home: Path, folder: Path) -> Run:
    """The same on a home folder of the test's own, with the datastores of `built_home`."""
    shutil.copytree(built_home / "datastores", folder / "datastores", copy_function=os.link)
    return run_on(folder)


def document(result: Result) -> Any:
    """The one JSON document of a command that succeeded; JSON has no NaN and no infinity."""
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout, parse_constant=_no_number)


def _no_number(name: str) -> float:
    raise AssertionError(f"{name} is no JSON")


def refused(result: Result) -> str:
    """The one line on standard error of a command that was refused."""
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line
