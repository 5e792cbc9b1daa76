"""Building blocks of commands: the options that all share, opening the lab, reading files, printing.

A command is a `click.Command`. One that a system declares (`memlab.declare.Command`) looks like this:

    @click.command()
    @click.argument("text")
    @every_command
    def shout(text: str, as_json: bool, home: Path | None, workspace: str) -> None:
        '''Say TEXT in capitals.'''
        lab = open_lab(home, workspace)
        show({"text": text.upper()}, as_json, [text.upper()])

Its module is imported when the command is used or listed, so heavy imports belong inside the function.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memlab.corpus.door import checked_text, decoded, decoded_lines, shown
from memlab.errors import InputError

if TYPE_CHECKING:
    from memlab.reading.workspace import OpenLab
    from memlab.results.texts import TextReport


COMMON = ("workspace", "home", "as_json")  # the options that `every_command` adds


def every_command(command: Callable) -> Callable:
    """Adds the options that every command has: --json, --home and --workspace."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("--home", type=click.Path(path_type=Path), help="Home folder (default: $MEMLAB_HOME)."),
        click.option("--workspace", default="default", show_default=True, help="Workspace."),
    ):
        command = option(command)
    return command


def text_options(command: Callable) -> Callable:
    """Adds the options of every command that reads files of texts: --hidden, --text-column and --without-license."""
    for option in (
        click.option(
            "--without-license", is_flag=True, help="Read only what is between the marks of a Project Gutenberg book."
        ),
        click.option(
            "--text-column", help="The column of a table that holds the texts (default: text, content, body ...)."
        ),
        click.option("--hidden", is_flag=True, help="Read hidden files and folders of a folder too."),
    ):
        command = option(command)
    return command


def dtype_option(command: Callable) -> Callable:
    """Adds --dtype, which overrides $MEMLAB_DTYPE for this call."""
    return click.option(
        "--dtype",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        callback=_force_dtype,
        expose_value=False,
        help="Type that the model computes in (default: $MEMLAB_DTYPE, or the faster; bundled models keep float32).",
    )(command)


def _force_dtype(context: click.Context, _: click.Parameter, dtype: str | None) -> None:
    if dtype is None:
        return
    before = os.environ.get("MEMLAB_DTYPE")
    os.environ["MEMLAB_DTYPE"] = dtype

    def restore() -> None:
        os.environ.pop("MEMLAB_DTYPE", None)
        if before is not None:
            os.environ["MEMLAB_DTYPE"] = before

    context.call_on_close(restore)


def say_of_texts(report: TextReport) -> None:
    """Prints what was left out when texts were read, on standard error."""
    for line in report.lines():
        click.echo(shown(f"  note: {line}"), err=True)


OPENS = "memlab.opens"  # key of `click.Context.meta`: the function that opens a lab


def open_lab(home: Path | None, workspace: str) -> OpenLab:
    """The lab that a command works on.

    Raises:
        HomeError: the home folder cannot be used. NotFound: no such workspace.
        RuntimeError: the command was not called through `memlab.cli.main`, which knows how to open a lab.
    """
    opens = click.get_current_context().meta.get(OPENS)
    if opens is None:
        raise RuntimeError("open_lab works within a command of memlab: call it through memlab.cli.main.")
    opened: OpenLab = opens(home, workspace)
    return opened


def show(document: Any, as_json: bool, lines: list[str]) -> None:
    """Prints the document as JSON, or else the lines."""
    if as_json:  # a path that is not UTF-8 is written with JSON's own escapes, so that reading them restores it
        text = json.dumps(_plain(document), ensure_ascii=False, allow_nan=False)
        click.echo(text.encode("utf-8", "backslashreplace").decode())
    else:
        click.echo(shown("\n".join(lines)))


def _plain(document: Any) -> Any:
    """The same with null for the numbers that JSON cannot express: infinities and NaN."""
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
    """An argument decoded as UTF-8, whatever encoding the locale declares; unchanged where it is not UTF-8."""
    try:
        return os.fsencode(argument).decode()
    except (UnicodeDecodeError, UnicodeEncodeError):
        return argument


def standard_input() -> str:
    """Standard input as UTF-8, whatever encoding the terminal declares. Raises InputError where it is not UTF-8."""
    return decoded(sys.stdin.buffer.read(), "Standard input").replace("\r\n", "\n")


def read(file: Path) -> str:
    """The text of a file; "-" is standard input. Raises InputError."""
    return standard_input() if str(file) == "-" else decoded(_bytes_of(file), str(file)).replace("\r\n", "\n")


def read_lines(file: Path) -> list[str]:
    """The lines of a file; "-" is standard input. Raises InputError.

    A line that is not UTF-8 keeps its undecodable bytes as surrogates, so that the other lines can be used.
    """
    return decoded_lines(sys.stdin.buffer.read() if str(file) == "-" else _bytes_of(file))


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from None


def progress(fraction: float, message: str) -> None:
    """Reports progress on standard error: one line that is overwritten; in a file or a pipe, at most one line a second.

    Prints nothing while the fraction is 0, so that the message of an early error is the only output.
    """
    if fraction <= 0:
        return
    if not sys.stderr.isatty():
        if fraction >= 1 or time.monotonic() >= _next_line[0]:
            click.echo(f"  {fraction:4.0%}  {message[:70]}", err=True)
            _next_line[0] = time.monotonic() + 1
        return
    end = "\n" if fraction >= 1 else "\r"
    click.echo(f"  {fraction:4.0%}  {message:<70.70}", err=True, nl=False)
    click.echo(end, err=True, nl=False)


_next_line = [0.0]  # monotonic time from which `progress` prints its next line into a file or pipe


@contextmanager
def at_interrupt(stop: Callable[[], object]) -> Iterator[None]:
    """Calls `stop` on Ctrl+C, so that work ends at its next step and reports what it kept; a second Ctrl+C aborts."""

    def interrupted(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if sys.stderr.isatty():
            click.echo("\n  Stopping at the next step. Ctrl+C once more aborts.", err=True)
        stop()

    if threading.current_thread() is not threading.main_thread():  # the only one that receives Ctrl+C
        yield
        return
    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def short(settings: Any) -> str:
    """Settings in one line: "lam 0.5, k 16"."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def author_options(command: Callable) -> Callable:
    """Adds the options of every command that edits: --author and --dry-run."""
    command = click.option("--dry-run", is_flag=True, help="Only say what would change.")(command)
    return click.option("--author", default="anonymous", show_default=True, help="Who edits.")(command)
