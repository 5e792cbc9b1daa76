"""`memlab models`, `memlab models check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memlab.cli.common import Commands, every_command, open_lab, show

if TYPE_CHECKING:
    from memlab.lm.catalogue import ModelInfo
    from memlab.lm.checking import ModelCheck


@click.group(cls=Commands, invoke_without_command=True)
@every_command
@click.pass_context
def models(context: click.Context, as_json: bool, home: Path | None, workspace: str) -> None:
    """The models that can be used by name."""
    if context.invoked_subcommand is not None:
        return
    found = open_lab(home, workspace).models()
    show([m.to_dict() for m in found], as_json, [_line(m) for m in found])


@models.command("check")
@click.argument("model", metavar="FOLDER")
@every_command
def check(model: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """Load a model (FOLDER, a bundled name, or a hub name) and say what the check of it found.

    A model that cannot be used is refused in one line that says what differs; the exit status is then 1.
    """
    found = open_lab(home, workspace).inventory.check_model(model)
    show(found.to_dict(), as_json, _report(found))


def _line(m: ModelInfo) -> str:
    tested = "tested" if m.tested else "architecture not tested"
    return (
        f"{m.name:<20} {m.kind:<8} {m.architecture:<14} {m.size_mb:8.1f} MB  {tested}{', bundled' if m.bundled else ''}"
    )


def _report(c: ModelCheck) -> list[str]:
    """What was found, a line for each thing."""
    keys = ", ".join(f"{key} ({width} numbers)" for key, width in c.keys.items())
    lines = [
        f"{c.name} can be used: {c.architecture} ({c.model_type}), {c.kind}, {c.parameters:,} parameters.",
        f"architecture          {'compared with the plain module by our tests' if c.tested else 'not among those that our tests compare'}",
        f"weights               none missing{f', {len(c.unexpected)} not used: ' + ', '.join(c.unexpected[:3]) if c.unexpected else ''}",
        f"vocabulary            {c.vocabulary:,} words, {c.tokens:,} tokens of the tokenizer",
        f"log-probabilities     differ from the module's own by at most {c.difference:.1g}",
        f"keys                  {keys}",
        f"limit                 {c.limit:,} tokens"
        + (f" (own table of {c.positions:,} positions)" if c.positions else ""),
        f"head                  {_HEAD[c.head]}",
    ]
    if c.kind == "causal":
        lines += [
            f"reading on            {_CACHE[c.cache]}",
            f"short-term memory     {'yes' if c.short_term else 'no'}",
        ]
    lines.append(f"padding               {_PADDING[c.padding]}")
    return lines + [f"note                  {note}" for note in c.notes]


_HEAD = {"parts": "applied to chosen positions", "own": "the model's own path, with what it does after its projection"}
_CACHE = {
    "plain": "with keys and values of earlier tokens",
    "own": "with the cache that its configuration asks for",
    "none": "the text is read again for every token: the model has no cache that gives the same",
}
_PADDING = {
    True: "texts of different lengths may be in one batch",
    False: "texts of one length are read together: padding would change the answers",
}
