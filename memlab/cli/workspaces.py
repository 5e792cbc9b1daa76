"""`memlab workspace list | create | rename | copy | delete | export | import`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from memlab.cli.common import Commands, open_lab, show
from memlab.errors import InputError


@click.group(cls=Commands)
def workspace() -> None:
    """Workspaces: each has its own edits over the same models and datastores."""


def _options(command: Callable) -> Callable:
    """The options of every command here; NAME already says which workspace, so there is no --workspace."""
    command = click.option("--home", type=click.Path(path_type=Path), help="Home folder (default: $MEMLAB_HOME).")(
        command
    )
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def _line(info: Any) -> str:
    origin = f"   from {info.base}" if info.base else ""
    return f"{info.name:<24} {info.edits:5} edits   made {info.created}{origin}"


@workspace.command("list")
@_options
def list_(as_json: bool, home: Path | None) -> None:
    """The workspaces of the home folder."""
    found = open_lab(home, "default").workspaces()
    show([info.to_dict() for info in found], as_json, [_line(info) for info in found])


@workspace.command()
@click.argument("name")
@_options
def create(name: str, as_json: bool, home: Path | None) -> None:
    """Make an empty workspace."""
    info = open_lab(home, "default").workspaces.create(name)
    show(info.to_dict(), as_json, [_line(info)])


@workspace.command()
@click.argument("name")
@click.argument("new")
@_options
def rename(name: str, new: str, as_json: bool, home: Path | None) -> None:
    """Give a workspace another name."""
    info = open_lab(home, "default").workspaces.rename(name, new)
    show(info.to_dict(), as_json, [_line(info)])


@workspace.command()
@click.argument("name")
@click.argument("new", required=False)
@click.option("--as-of", type=int, help="Only the edits up to this number (default: all).")
@_options
def copy(name: str, new: str | None, as_of: int | None, as_json: bool, home: Path | None) -> None:
    """Make a workspace with the same edits (default name: "NAME copy")."""
    info = open_lab(home, "default").workspaces.copy(name, new, as_of)
    show(info.to_dict(), as_json, [_line(info)])


@workspace.command()
@click.argument("name")
@click.option(
    "--yes-delete", "repeated", metavar="NAME", help="The name once more, as confirmation; a terminal prompts for it."
)
@_options
def delete(name: str, repeated: str | None, as_json: bool, home: Path | None) -> None:
    """Remove a workspace and its edits for good."""
    lab = open_lab(home, "default")
    if repeated is None and not as_json and sys.stdin.isatty():
        question = f"Its edits are gone for good. To delete it, type its name ({name})"
        repeated = click.prompt(question, default="", show_default=False, err=True)
    if repeated is None:
        raise InputError(f"Deleting cannot be undone. Repeat the name to confirm: --yes-delete {name!r}.")
    lab.workspaces.delete(name, repeated)
    show({"deleted": name}, as_json, [f"deleted {name}"])


@workspace.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_options
def export(name: str, file: Path | None, as_json: bool, home: Path | None) -> None:
    """Write a workspace to one FILE (default: NAME.zip); an earlier export there is replaced."""
    written = open_lab(home, "default").workspaces.export(name, file or f"{name}.zip")
    show({"workspace": name, "file": str(written)}, as_json, [f"{name} -> {written}"])


@workspace.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--name", help="Its name here (default: the one it was exported under or, where that is taken, a free one)."
)
@_options
def import_(file: Path, name: str | None, as_json: bool, home: Path | None) -> None:
    """Make a workspace from an exported FILE, whole or not at all."""
    info = open_lab(home, "default").workspaces.import_(file, name)
    taken = [f"(there is a workspace {info.instead_of} already)"] if info.instead_of else []
    show(info.to_dict(), as_json, [_line(info), *taken])
