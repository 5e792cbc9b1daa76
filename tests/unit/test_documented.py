"""What a person can use is documented: commands, options, settings, pages, variables of the environment."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import streamlit as st

from memlab.bundle import bundle
from memlab.cli import main
from memlab.cli.common import declared_methods

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def commands(
    command: click.Command = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it, also those within groups."""
    if path:
        yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


COMMANDS = dict(commands())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_readme_names_every_command(path: tuple[str, ...]) -> None:
    lines = [line for line in README.splitlines() if re.search(rf"memlab {path[0]}\b", line)]
    assert lines, f"README.md says nothing of `memlab {path[0]}`"
    missing = [word for word in path[1:] if not any(re.search(rf"\b{re.escape(word)}\b", line) for line in lines)]
    assert missing == [], f"no line of README.md about `memlab {path[0]}` names {missing}"


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_has_help(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help, f"`memlab {' '.join(path)}` has no docstring"
    options = [p for p in command.get_params(click.Context(command)) if isinstance(p, click.Option)]
    assert [o.name for o in options if not o.help] == []


@pytest.mark.parametrize("method", declared_methods(), ids=lambda m: m.name)
def test_every_setting_says_what_it_does_and_what_is_allowed(method: Any) -> None:
    assert method.help
    assert method.paper
    for field in method.fields():
        assert field.label, f"{method.name}.{field.name} has no label"
        assert field.help.endswith("."), f"the help of {method.name}.{field.name} is no sentence"
        assert field.choices or (field.low is not None and field.high is not None), f"{field.name} has no range"


def test_every_command_of_the_readme_is_there() -> None:
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    named = {*re.findall(r"^memlab ([a-z-]+)", shell, re.MULTILINE), *re.findall(r"`memlab ([a-z-]+)", README)}
    assert len(named) > 15
    assert named - {path[0] for path in COMMANDS} == set()


class Reached(Exception):
    """The app has declared its pages."""


@pytest.fixture(scope="module")
def pages() -> dict[str, dict[str, Any]]:
    """The pages that app.py declares: file -> what st.Page is told."""
    declared: dict[str, dict[str, Any]] = {}

    def page(file: str | Path | Callable[[], None], **about: Any) -> str:
        if callable(file):  # the page of a system; its text comes from the declaration
            return ""
        declared[Path(file).name] = about
        return str(file)

    def navigation(*arguments: object, **options: object) -> None:
        raise Reached

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(st, "Page", page)
        patch.setattr(st, "navigation", navigation)
        with pytest.raises(Reached):
            runpy.run_path(str(bundle() / "app.py"))
    return declared


def test_every_page_is_in_the_navigation(pages: dict[str, dict[str, Any]]) -> None:
    assert {file.name for file in (ROOT / "pages").glob("*.py")} == set(pages)


def test_every_page_has_help_and_stands_in_the_readme(pages: dict[str, dict[str, Any]]) -> None:
    for file, about in pages.items():
        assert about.get("help", "").endswith("."), f"{file} has no help in the navigation"
        assert f"*{about['title']}*" in README, f"README.md says nothing of the page {about['title']}"


def test_variables_of_the_environment_stand_in_the_readme() -> None:
    sources = [*(ROOT / "memlab").rglob("*.py"), ROOT / "app.py", *(ROOT / "pages").glob("*.py")]
    named = {name for file in sources for name in re.findall(r"\bMEMLAB_[A-Z_]+\b", file.read_text("utf-8"))}
    assert len(named) >= 2
    assert [name for name in sorted(named) if f"${name}" not in README] == []


def test_the_checks_before_a_commit_are_those_of_the_makefile() -> None:
    hooks, makefile = (ROOT / ".pre-commit-config.yaml").read_text("utf-8"), (ROOT / "Makefile").read_text("utf-8")
    for tool in ("ruff check", "ruff format", "pyrefly check", "lint-imports"):
        assert tool in hooks
        assert tool in makefile
    assert "repo: local" in hooks
    assert "http" not in hooks  # they run without a network
