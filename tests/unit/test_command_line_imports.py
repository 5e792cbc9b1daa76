"""The command line's help and its refusals need none of the heavy libraries; those of a system's commands neither."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from memlab.cli import COMMANDS, main
from memlab.systems.registry import registry

NAMES = (*COMMANDS, *registry().commands())
HEAVY = (
    "torch",
    "transformers",
    "tokenizers",
    "faiss",
    "sklearn",
    "scipy",
    "pyarrow",
    "sqlalchemy",
    "streamlit",
    "plotly",
)
BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {heavy}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Blocked())
from click.testing import CliRunner
from memlab.cli import main
for line in sys.stdin.read().splitlines():
    result = CliRunner().invoke(main, line.split())
    print(result.exit_code, "Usage:" in result.output, line, repr(result.exception) if result.exit_code == 1 else "")
"""
WRONG = (
    "nothing",
    "ask --what x",
    "ask a b",
    "ask x --top 0",
    "ask x --top many",
    "batch a b",
    "read x --stride x",
    "generate x --max-tokens x",
    "teach a b",
    "forget --entry x",
    "correct France capital",
    "modify x --steps many",
    "believe --pin perhaps",
    "facts",
    "facts nothing",
    "evaluate beliefs x",
    "undo a b c",
    "train",
    "train x --kind other",
    "evaluate",
    "evaluate nothing",
    "evaluate facts --question 7",
    "bench --repeat 1",
    "crashtest --kills 0",
    "serve --port 0",
    "workspace nothing",
    "workspace delete",
    "jobs stop",
    "lessons show",
)


def _commands(command: click.Command, context: click.Context, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command, also of those within a group."""
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _commands(inner, click.Context(inner, context), (*path, name))


def _blocked(lines: list[str]) -> list[str]:
    """Runs command lines in a process that cannot import what is heavy: "status has-usage line exception"."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(heavy=HEAVY)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        env={**os.environ, "MEMLAB_HOME": "/nowhere"},
        check=True,
    )
    return [line.rstrip() for line in done.stdout.splitlines()]


def test_help_of_every_command_imports_nothing_heavy() -> None:
    lines = [" ".join([*path, "--help"]) for path in _commands(main, click.Context(main))]
    assert len(lines) > 30
    assert _blocked(lines) == [f"0 True {line}" for line in lines]


def test_wrong_usage_imports_nothing_heavy() -> None:
    assert _blocked(list(WRONG)) == [f"2 True {line}" for line in WRONG]


def test_without_an_argument_the_commands_are_listed() -> None:
    said = subprocess.run([sys.executable, "-m", "memlab"], capture_output=True, text=True)
    assert said.returncode == 2
    assert all(name in said.stdout + said.stderr for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_found_by_its_name(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name


def test_unknown_commands_are_none() -> None:
    assert main.get_command(click.Context(main), "nothing") is None


def test_lab_imports_no_library_before_it_is_needed() -> None:
    """Models, intervals and migrations bring theirs when the first model is read or the first number is asked for."""
    late = ("transformers", "scipy.stats", "scipy.optimize", "alembic", "sklearn", "huggingface_hub", "streamlit")
    code = f"import sys, memlab.lab; print([name for name in {late} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
