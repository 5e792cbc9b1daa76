"""Shared by memlab's own commands: groups of commands, options of methods; and all of `memlab.commands`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memlab.commands import (
    COMMON,
    as_utf8,
    at_interrupt,
    author_options,
    dtype_option,
    every_command,
    given_text,
    progress,
    read,
    read_lines,
    say_of_texts,
    short,
    show,
    standard_input,
    text_options,
)
from memlab.declare import Command, load
from memlab.errors import InputError, MemlabError

if TYPE_CHECKING:
    from memlab.declare import Method
    from memlab.lab import Lab

__all__ = [
    "LazyCommands",
    "MethodCommand",
    "ReadCommand",
    "as_utf8",
    "at_interrupt",
    "author_options",
    "declared_methods",
    "dtype_option",
    "every_command",
    "given_text",
    "memory_options",
    "method_names",
    "open_lab",
    "progress",
    "read",
    "read_lines",
    "run_here",
    "say_of_texts",
    "short",
    "show",
    "standard_input",
    "text_options",
]


class Commands(click.Group):
    """A group that prints a MemlabError as one line and ends with status 1."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except MemlabError as error:
            click.echo(f"memlab: {' '.join(str(error).split())}", err=True)
            sys.exit(1)


class LazyCommands(Commands):
    """A group whose commands are imported when they are used, so that a wrong name or --help costs little.

    Args:
        later: name of a command -> "module:command".
        within: the group to which systems may add commands (`memlab.declare.Command.within`); None where they may not.
    """

    def __init__(self, *args: Any, later: Mapping[str, str], within: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.later, self.within = dict(later), within

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.later, *self._declared()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        known = super().get_command(ctx, cmd_name)
        if known is None and cmd_name in self.later:
            known = self.commands[cmd_name] = load(self.later[cmd_name])
        if known is None and cmd_name in (declared := self._declared()):
            return _loaded(declared[cmd_name])
        return known

    def _declared(self) -> Mapping[str, Command]:
        """The commands that systems declare; read only for a list, or for a name that is not one of memlab's own."""
        from memlab.systems.registry import registry

        return {} if self.within is None else registry().commands(self.within)


def _loaded(command: Command) -> click.Command:
    """A declared command; one that cannot be loaded is replaced by one that says why when it is listed or used."""
    try:
        found = load(command.code)
    except Exception as error:  # whatever the code of a system raises when it is imported
        return _broken(command, f"{type(error).__name__}: {error}")
    if not isinstance(found, click.Command):
        return _broken(command, f"{command.code} is a {type(found).__name__}; a click.Command is expected")
    return found


def _broken(command: Command, why: str) -> click.Command:
    reason = f"`memlab {command.words}` cannot be used: {why}."

    def refuse() -> None:
        raise InputError(reason)

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(command.name, callback=refuse, help=reason, context_settings=settings)


class MethodCommand(click.Command):
    """A command with one option for every setting of every method, made from the declarations when they are needed.

    They come after the command's own options and before those of every command. Only methods with `ability` count.
    """

    ability = "ask"

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        taken = {param.name for param in own}
        at = next(i for i, param in enumerate(own) if param.name in COMMON)
        return [*own[:at], *(option for option in _settings(self.ability) if option.name not in taken), *own[at:]]


class ReadCommand(MethodCommand):
    """A command with the settings of the methods that read token by token."""

    ability = "read"


def declared_methods(ability: str = "ask") -> tuple[Method, ...]:
    """The methods with an ability ("ask", "read", "generate" ...)."""
    from memlab.systems.registry import registry

    return tuple(registry().able(ability).values())


def method_names(ability: str) -> str:
    """The names of the methods with an ability, separated by commas, for help texts."""
    return ", ".join(m.name for m in declared_methods(ability))


@cache
def _settings(ability: str) -> tuple[click.Option, ...]:
    found: dict[str, click.Option] = {}
    for method in declared_methods(ability):
        for field in method.fields(ability):
            help = f"{field.label}: {field.help} Allowed: {field.allowed}."
            found.setdefault(field.name, click.Option([f"--{field.name}"], metavar="VALUE", help=help))
    return tuple(found.values())


def memory_options(command: Callable) -> Callable:
    """Adds the options of every command that reads or generates token by token: model, method, memory and gate."""
    for option in (
        click.option(
            "--preset",
            default="calibrated",
            show_default=True,
            help="calibrated or paper: values of the settings not given.",
        ),
        click.option("--as-of", type=int, help="Use the state after this many edits."),
        click.option("--key", help="The representation that serves as key."),
        click.option("--lam", help="Weight of the memory's distribution."),
        click.option("--k", help="Number of neighbors."),
        click.option("--gate", help="Gate of the method; memlab systems lists them."),
        click.option("--datastore", help="The datastore that is searched (default: that of the model)."),
        click.option("--model", help="A causal model: bundled name, folder, or hub name."),
        click.option("--method", help="See memlab systems (default: the first that reads with this model)."),
    ):
        command = option(command)
    return command


def open_lab(home: Path | None, workspace: str) -> Lab:
    """The lab of a home folder. Raises HomeError, NotFound."""
    from memlab.lab import Lab

    return Lab.open(home, workspace)


def run_here(lab: Lab, kind: str, title: str, /, **parameters: Any) -> Any:
    """Runs long work as a job of this process, with progress on standard error; Ctrl+C stops it as Stop does.

    Raises:
        StoppedError: it was stopped. MemlabError: whatever the work raises.
    """
    with at_interrupt(lab.work.stop_here):
        return lab.work.run(kind, title, progress, **parameters)
