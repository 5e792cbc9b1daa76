"""`memlab edit`: edits of the kinds that systems declare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from memlab.cli.common import as_utf8, author_options, every_command, open_lab, show, standard_input
from memlab.errors import InputError


@click.command()
@click.argument("kind", required=False)
@click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE", help="A field of the kind's form; may be repeated."
)
@click.option(
    "--parameters", metavar="JSON", help='In place of --set: all parameters as a JSON object ("-": standard input).'
)
@author_options
@every_command
def edit(
    kind: str | None,
    given: tuple[str, ...],
    parameters: str | None,
    author: str,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Record an edit of a KIND that a system declares; without KIND, list the kinds and the fields of their forms."""
    if given and parameters is not None:
        raise click.UsageError("Give --set or --parameters, not both.")
    lab = open_lab(home, workspace)
    if kind is None:
        if given or parameters is not None:
            raise click.UsageError("Name the kind of edit. memlab edit lists them.")
        every = lab.recording.kinds()
        show({"kinds": [k.to_dict() for k in every]}, as_json, [line for k in every for line in _described(k)])
        return
    if parameters is None:
        chosen = lab.recording.kind(kind)
        values = lab.recording.of_form(kind, _pairs(given)) if given or chosen.form else {}
    else:
        values = _object(parameters)
    made = lab.record(kind, values, author=author, dry_run=dry_run)
    line = f"{'would be ' if made.dry_run else ''}edit {made.seq}: {made.summary}"
    show({**made.to_dict(), "parameters": dict(made.parameters)}, as_json, [line])


def _pairs(given: Sequence[str]) -> dict[str, str]:
    """name=value pairs. Raises click.UsageError for anything else."""
    out: dict[str, str] = {}
    for word in map(as_utf8, given):
        name, equals, value = word.partition("=")
        if not equals:
            raise click.UsageError(f"{word!r} sets nothing. Write --set NAME=VALUE.")
        if name in out:
            raise click.UsageError(f"{name!r} is set twice.")
        out[name] = value
    return out


def _object(text: str) -> dict[str, Any]:
    """A JSON object. Raises InputError for anything else."""
    said = standard_input() if text == "-" else as_utf8(text)
    try:
        found = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The parameters are no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise InputError(f"The parameters are a JSON object, not {said.strip()[:40]!r}.")
    return found


def _described(kind: Any) -> list[str]:
    """One line about a kind, then its fields or where its edits are made."""
    lines = [f"{kind.name:<18} {kind.title or kind.name}  (changes: {kind.part})"]
    if kind.elsewhere is not None:
        return [*lines, f"  {kind.elsewhere}"]
    for field in kind.form:
        optional = "" if field.required else "; may be left out"
        lines.append(f"  {field.name:<16} {field.label}: {field.help} Allowed: {field.allowed}{optional}.")
    return lines if kind.form else [*lines, "  no form: give --parameters"]
