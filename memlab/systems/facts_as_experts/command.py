"""`memlab facts`: searching and changing the fact memory of Facts as Experts without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from memlab.commands import author_options, every_command, open_lab, progress, show
from memlab.errors import InputError


@click.group()
def facts() -> None:
    """Rows (subject, relation, object) of the fact memory: search, add, replace, remove; no training."""


@facts.command()
@click.argument("text", required=False, default="")
@click.option("--changed", is_flag=True, help="Only facts that edits added.")
@click.option("--as-of", type=int, help="The state after this edit.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Show at most this many.")
@click.option("--model", help="A model with a fact memory (default: atlas-fae).")
@every_command
def search(
    text: str,
    changed: bool,
    as_of: int | None,
    limit: int,
    model: str | None,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """List the facts in memory that contain all words of TEXT."""
    found = open_lab(home, workspace).fact_memory.search(text, model, as_of, changed)
    lines = [
        f"{f.entry:>6}  {f.subject} | {f.relation} | {f.object}  ({f.exposure or f.source})" for f in found[:limit]
    ]
    lines.append(f"{len(found):,} facts" + (f", the first {limit} shown" if len(found) > limit else ""))
    show({"facts": [f.to_dict() for f in found[:limit]], "found": len(found)}, as_json, lines)


def _changing(command: Any) -> Any:
    """The options of all commands that change the memory."""
    for option in (
        click.option("--effect", is_flag=True, help="Ask about every fact before and after, and list what else moved."),
        click.option("--model", help="A model with a fact memory (default: atlas-fae)."),
    ):
        command = option(command)
    return every_command(author_options(command))


@facts.command()
@click.argument("rows", nargs=-1, required=True)
@_changing
def add(rows: tuple[str, ...], as_json: bool, home: Path | None, workspace: str, **given: Any) -> None:
    """Add ROWS: "France|capital|Lyon". An existing row gets a further object."""
    lab, effect = open_lab(home, workspace), given.pop("effect")
    _show(lab, lab.fact_memory.add([_fact(r, (3,)) for r in rows], **given), effect, as_json)


@facts.command()
@click.argument("rows", nargs=-1, required=True)
@_changing
def replace(rows: tuple[str, ...], as_json: bool, home: Path | None, workspace: str, **given: Any) -> None:
    """Give ROWS another object: "France|capital|Lyon", or with the old one "France|capital|Paris|Lyon"."""
    lab, effect = open_lab(home, workspace), given.pop("effect")
    _show(lab, lab.fact_memory.replace([_replacement(r) for r in rows], **given), effect, as_json)


@facts.command()
@click.argument("rows", nargs=-1, required=True)
@_changing
def remove(rows: tuple[str, ...], as_json: bool, home: Path | None, workspace: str, **given: Any) -> None:
    """Remove ROWS: "France|capital", or one object of a row, "France|capital|Paris"."""
    lab, effect = open_lab(home, workspace), given.pop("effect")
    _show(lab, lab.fact_memory.remove([_fact(r, (2, 3)) for r in rows], **given), effect, as_json)


@facts.command()
@click.argument("row")
@click.argument("new")
@click.option("--delta", default=0.01, show_default=True, help="Radius of the constraint of the edit of weights.")
@click.option(
    "--blocks", default="first", show_default=True, help="Which part of the model the edit of weights may change."
)
@every_command
def compare(row: str, new: str, delta: float, blocks: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """Correct one fact ROW ("France|capital|Paris") to NEW in the datastore, in the weights and in the fact memory,
    as dry runs."""
    settings = {"delta": delta, "blocks": blocks}
    found = open_lab(home, workspace).ways.compare(_fact(row, (3,)), new, settings, progress)
    show(found.to_dict(), as_json, found.lines())


def _pieces(text: str, allowed: tuple[int, ...], form: str) -> list[str]:
    pieces = [piece.strip() for piece in text.split("|")]
    if len(pieces) not in allowed or not all(pieces):
        raise InputError(f"{text!r} is not a row. Write {form}.")
    return pieces


def _fact(text: str, allowed: tuple[int, ...]) -> Any:
    from memlab.results import Fact

    form = "subject|relation or subject|relation|object" if 2 in allowed else "subject|relation|object"
    pieces = _pieces(text, allowed, f"{form}, for example France|capital|Paris")
    return Fact(pieces[0], pieces[1], pieces[2] if len(pieces) == 3 else "")


def _replacement(text: str) -> tuple[Any, str]:
    from memlab.results import Fact

    pieces = _pieces(text, (3, 4), "subject|relation|new object, or subject|relation|old object|new object")
    return Fact(pieces[0], pieces[1], pieces[2] if len(pieces) == 4 else ""), pieces[-1]


def _show(lab: Any, edit: Any, effect: bool, as_json: bool) -> None:
    lines = [f"{'would be ' if edit.dry_run else ''}edit {edit.seq}: {edit.summary}"]
    if not effect:
        show(edit.to_dict(), as_json, lines)
        return
    found = lab.fact_memory.effect(edit)
    for g in found.groups:
        lines.append(
            f"  {g.group:14} {g.asked:>5} asked  right {g.right_before:.3f} -> {g.right_after:.3f}  {g.moved} moved  {g.lost} lost"
        )
    lines += [f"  {m.prompt}  {m.before} -> {m.after}  [{m.group}]" for m in found.moved[:20]]
    show(found.to_dict(), as_json, lines)
