"""`memlab teach | forget | correct | undo | redo | history`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from memlab.cli.common import author_options, every_command, open_lab, show


def _print_edit(edit: Any, as_json: bool) -> None:
    lines = [f"{'would be ' if edit.dry_run else ''}edit {edit.seq}: {edit.summary}"]
    lines += [f"  forgets {s.text!r} in {s.document}" for s in edit.sources[:20]]
    if len(edit.sources) > 20:
        lines.append(f"  ... and {len(edit.sources) - 20} more")
    lines += [f"  remembers {text}" for text in edit.remembers]
    show(edit.to_dict(), as_json, lines)


@click.command()
@click.argument("text", required=False)
@click.option("--value", help="Remember only this word of the text (default: every word).")
@author_options
@every_command
def teach(
    text: str | None, value: str | None, author: str, dry_run: bool, as_json: bool, home: Path | None, workspace: str
) -> None:
    """Teach the memory a sentence or short TEXT (standard input without one, or with "-")."""
    told = sys.stdin.read() if text in (None, "-") else str(text)
    _print_edit(open_lab(home, workspace).teach(told, value, author, dry_run), as_json)


@click.command()
@click.option("--entry", "entries", type=int, multiple=True, help="Number of an entry; may be repeated.")
@click.option("--document", help="A whole document, by title.")
@click.option("--fact", nargs=3, metavar="SUBJECT RELATION OBJECT", help="Everything that states a fact.")
@click.option("--prompt", help="What this prompt retrieves.")
@click.option("--weight-above", default=0.0, show_default=True, help="With --prompt: only neighbors of more weight.")
@click.option("--datastore", help="Whose entries are meant (default: the bundled one).")
@author_options
@every_command
def forget(
    entries: tuple[int, ...],
    document: str | None,
    fact: tuple[str, str, str] | None,
    prompt: str | None,
    weight_above: float,
    datastore: str | None,
    author: str,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Forget entries, a document, a fact, or what a prompt retrieves: for every method, model and datastore."""
    from memlab.results import Fact

    stated = Fact(*fact) if fact else None
    lab = open_lab(home, workspace)
    edit = lab.forget(list(entries) or None, document, stated, prompt, weight_above, datastore, author, dry_run)
    _print_edit(edit, as_json)


@click.command()
@click.argument("subject")
@click.argument("relation")
@click.argument("old")
@click.argument("new")
@author_options
@every_command
def correct(
    subject: str,
    relation: str,
    old: str,
    new: str,
    author: str,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Forget that the RELATION of SUBJECT is OLD and teach that it is NEW, as one edit."""
    from memlab.results import Fact

    _print_edit(open_lab(home, workspace).correct(Fact(subject, relation, old), new, author, dry_run), as_json)


@click.command()
@click.argument("edit", required=False)
@every_command
def undo(edit: str | None, as_json: bool, home: Path | None, workspace: str) -> None:
    """Take an EDIT back, by number or id (default: the last one)."""
    _print_edit(open_lab(home, workspace).undo(edit), as_json)


@click.command()
@click.argument("edit", required=False)
@every_command
def redo(edit: str | None, as_json: bool, home: Path | None, workspace: str) -> None:
    """Put an undone EDIT back (default: the one undone last)."""
    _print_edit(open_lab(home, workspace).redo(edit), as_json)


@click.command()
@click.option("--verify", is_flag=True, help="Check the chain of hashes: no row changed, missing or reordered.")
@every_command
def history(verify: bool, as_json: bool, home: Path | None, workspace: str) -> None:
    """The edits of the workspace."""
    lab = open_lab(home, workspace)
    edits = lab.history()
    document: dict[str, Any] = {"workspace": workspace, "edits": [e.to_dict() for e in edits]}
    lines = [f"{e.seq:4}  {e.time}  {e.kind:8} {e.author:12} {e.summary}" for e in edits] or ["no edits yet"]
    if verify:
        problems = lab.verify()
        document |= {"verified": not problems, "problems": [p.to_dict() for p in problems]}
        lines += [f"problem: {p.to_dict()}" for p in problems] or ["verified: no row changed, missing or reordered"]
    show(document, as_json, lines)
