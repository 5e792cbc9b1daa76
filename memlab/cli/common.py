"""What the commands share: options, opening the lab, printing."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memlab.corpus.door import checked_text, decoded, decoded_lines, shown
from memlab.errors import InputError, MemlabError

if TYPE_CHECKING:
    from memlab.declare import Method
    from memlab.lab import Lab
    from memlab.results.texts import TextReport


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
    """

    def __init__(self, *args: Any, later: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.later = dict(later)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in self.later:
            module, name = self.later[cmd_name].split(":")
            self.commands[cmd_name] = getattr(import_module(module), name)
        return super().get_command(ctx, cmd_name)


class MethodCommand(click.Command):
    """A command with one option for every setting of every method, made from the declarations when they are needed.

    They stand after the command's own options and before those of every command. `ability`: what the methods must be able to.
    """

    ability = "ask"

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        taken = {param.name for param in own}
        at = next(i for i, param in enumerate(own) if param.name in COMMON)
        return [*own[:at], *(option for option in _settings(self.ability) if option.name not in taken), *own[at:]]


class ReadCommand(MethodCommand):
    """The same for methods that read token by token."""

    ability = "read"


def declared_methods(ability: str = "ask") -> tuple[Method, ...]:
    """The methods with an ability, whose settings are options."""
    from memlab.systems.registry import registry

    return tuple(registry().able(ability).values())


def method_names(ability: str) -> str:
    """Their names in words, for help texts."""
    return ", ".join(m.name for m in declared_methods(ability))


@cache
def _settings(ability: str) -> tuple[click.Option, ...]:
    found: dict[str, click.Option] = {}
    for method in declared_methods(ability):
        for field in method.fields(ability):
            help = f"{field.label}: {field.help} Allowed: {field.allowed}."
            found.setdefault(field.name, click.Option([f"--{field.name}"], metavar="VALUE", help=help))
    return tuple(found.values())


COMMON = ("workspace", "home", "as_json")  # the options that `every_command` adds


def every_command(command: Callable) -> Callable:
    """The options that every command has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("--home", type=click.Path(path_type=Path), help="Home folder (default: $MEMLAB_HOME)."),
        click.option("--workspace", default="default", show_default=True, help="Workspace."),
    ):
        command = option(command)
    return command


def memory_options(command: Callable) -> Callable:
    """The options of every command that reads or writes token by token: who reads, which memory, which gate."""
    for option in (
        click.option(
            "--preset", default="calibrated", show_default=True, help="calibrated or paper: settings not given."
        ),
        click.option("--as-of", type=int, help="The state after so many edits."),
        click.option("--key", help="Which representation is compared."),
        click.option("--lam", help="Weight of the memory's distribution."),
        click.option("--k", help="Neighbors."),
        click.option("--gate", help="Of the method; memlab systems lists the gates."),
        click.option("--datastore", help="Whose entries are searched (default: that of the model)."),
        click.option("--model", help="A causal model: bundled name, folder, or hub name."),
        click.option("--method", help="See memlab systems (default: the first that reads with this model)."),
    ):
        command = option(command)
    return command


def text_options(command: Callable) -> Callable:
    """The options of every command that reads files of texts."""
    for option in (
        click.option(
            "--without-license", is_flag=True, help="Of a Project Gutenberg book only what is between its marks."
        ),
        click.option("--text-column", help="Of a table: the column of the texts (default: text, content, body ...)."),
        click.option("--hidden", is_flag=True, help="Of a folder: hidden files and folders too."),
    ):
        command = option(command)
    return command


def say_of_texts(report: TextReport) -> None:
    """What was left out when texts were read, on standard error."""
    for line in report.lines():
        click.echo(shown(f"  note: {line}"), err=True)


def open_lab(home: Path | None, workspace: str) -> Lab:
    from memlab.lab import Lab

    return Lab.open(home, workspace)


def show(document: Any, as_json: bool, lines: list[str]) -> None:
    if as_json:  # a path that does not decode is written with JSON's own escapes, which give it back
        text = json.dumps(_plain(document), ensure_ascii=False, allow_nan=False)
        click.echo(text.encode("utf-8", "backslashreplace").decode())
    else:
        click.echo(shown("\n".join(lines)))


def _plain(document: Any) -> Any:
    """The same with null for numbers that JSON does not have: infinite ones, and those that are not known."""
    if isinstance(document, dict):
        return {key: _plain(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_plain(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def given_text(argument: str | None, option: str | None) -> str:
    """A text given as an argument or as --text; standard input for "-" or where there is none. Raises InputError."""
    if argument is not None and option is not None:
        raise InputError("The text is given twice. Leave out --text, or the argument.")
    text = argument if option is None else option
    return standard_input() if text in (None, "-") else checked_text(as_utf8(str(text)))


def as_utf8(argument: str) -> str:
    """A text of the command line as UTF-8 where the locale claims another encoding; what is not stays broken."""
    try:
        return os.fsencode(argument).decode()
    except (UnicodeDecodeError, UnicodeEncodeError):
        return argument


def standard_input() -> str:
    """What is typed or piped in, independent of the encoding that the terminal declares. Raises InputError for what is not UTF-8."""
    return decoded(sys.stdin.buffer.read(), "Standard input").replace("\r\n", "\n")


def read(file: Path) -> str:
    """The text of a file; "-" is standard input. Raises InputError."""
    return standard_input() if str(file) == "-" else decoded(_bytes_of(file), str(file)).replace("\r\n", "\n")


def read_lines(file: Path) -> list[str]:
    """The lines of a file; "-" is standard input. A broken line stays broken, the others can be used. Raises InputError."""
    return decoded_lines(sys.stdin.buffer.read() if str(file) == "-" else _bytes_of(file))


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from None


def progress(fraction: float, message: str) -> None:
    """One line on standard error, written over; nothing before something is done, so that an error message is the only output."""
    if fraction <= 0:
        return
    end = "\n" if fraction >= 1 else "\r"
    click.echo(f"  {fraction:4.0%}  {message:<70.70}", err=True, nl=False)
    click.echo(end, err=True, nl=False)


def short(settings: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def author_options(command: Callable) -> Callable:
    """The options of every command that edits."""
    command = click.option("--dry-run", is_flag=True, help="Only say what would change.")(command)
    return click.option("--author", default="anonymous", show_default=True, help="Who edits.")(command)
