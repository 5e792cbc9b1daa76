"""`memlab teach | forget | correct | undo | redo | history`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from memlab.cli.common import as_utf8, author_options, every_command, given_text, open_lab, show
from memlab.errors import RecordError


def _print_edit(edit: Any, as_json: bool) -> None:
    lines = [f"{'would be ' if edit.dry_run else ''}edit {edit.seq}: {edit.summary}"]
    lines += [f"  forgets {s.text!r} in {s.document}" for s in edit.sources[:20]]
    if len(edit.sources) > 20:
        lines.append(f"  ... and {len(edit.sources) - 20} more")
    lines += [f"  remembers {text}" for text in edit.remembers]
    lines += [f"  note: {notice}" for notice in edit.notices]
    show(edit.to_dict(), as_json, lines + (_moved_lines(edit.moved) if edit.moved else []))


def _moved_lines(moved: Any) -> list[str]:
    """The scores, then the edit's own questions and the neighbors whose answer changed."""
    lines = [f"what else moved ({moved.method}, {moved.datastore}):"]
    for s in moved.scores:
        what = "unchanged" if s.group == "neighborhood" else "as wanted"
        count = "1 question" if s.questions == 1 else f"{s.questions} questions"
        lines.append(
            f"  {s.group:12} {s.score:6.1%} {what} of {count} (right before {s.before:.1%}, after {s.after:.1%})"
        )
    if moved.harmonic is not None:
        lines.append(f"  harmonic mean of the three: {moved.harmonic:.3f}")
    for row in moved.table[:20]:
        shared = f"  [{row.shared}]" if row.shared else ""
        change = f"{row.before or '-'} -> {row.after or '-'}"
        lines.append(f"  {row.prompt}  {change}  p({row.word}) {row.p_before:.2f} -> {row.p_after:.2f}{shared}")
    if len(moved.table) > 20:
        lines.append(f"  ... and {len(moved.table) - 20} more")
    return lines + [f"  note: {note}" for note in moved.notes]


def _scores_option(command: Any) -> Any:
    help = "Measure what else moves, and record it (default: only with --dry-run)."
    return click.option("--scores/--no-scores", default=None, help=help)(command)


@click.command()
@click.argument("text", required=False)
@click.option("--text", "given", help='The text, in place of TEXT ("-": standard input).')
@click.option("--value", help="Remember only this word of the text (default: every word).")
@_scores_option
@author_options
@every_command
def teach(
    text: str | None,
    given: str | None,
    value: str | None,
    scores: bool | None,
    author: str,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Teach the memory a sentence or short TEXT (standard input without one, or with "-")."""
    sentence = given_text(text, given)
    _print_edit(
        open_lab(home, workspace).teach(sentence, None if value is None else as_utf8(value), author, dry_run, scores),
        as_json,
    )


@click.command()
@click.option("--entry", "entries", type=int, multiple=True, help="Number of an entry; may be repeated.")
@click.option("--document", help="A whole document, by title.")
@click.option("--fact", nargs=3, metavar="SUBJECT RELATION OBJECT", help="Everything that states a fact.")
@click.option("--prompt", help="What this prompt retrieves.")
@click.option(
    "--weight-above", default=0.0, show_default=True, help="With --prompt: only neighbors with more weight than this."
)
@click.option(
    "--source",
    "places",
    type=(str, int, int),
    multiple=True,
    metavar="DOCUMENT START END",
    help="Characters of a document, as `memlab sources` finds them; may be repeated.",
)
@click.option("--datastore", help="The datastore that is meant (default: the bundled one).")
@_scores_option
@author_options
@every_command
def forget(
    entries: tuple[int, ...],
    document: str | None,
    fact: tuple[str, str, str] | None,
    prompt: str | None,
    weight_above: float,
    places: tuple[tuple[str, int, int], ...],
    datastore: str | None,
    scores: bool | None,
    author: str,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Forget entries, a document, a fact, places, or what a prompt retrieves: for every method, model and datastore."""
    from memlab.results import Fact, Source

    stated = Fact(*fact) if fact else None
    sources = [Source("", name, start, end, "") for name, start, end in places] or None
    edit = open_lab(home, workspace).forget(
        list(entries) or None,
        document,
        stated,
        prompt,
        weight_above,
        datastore,
        sources=sources,
        author=author,
        dry_run=dry_run,
        scores=scores,
    )
    _print_edit(edit, as_json)


@click.command()
@click.argument("subject")
@click.argument("relation")
@click.argument("old")
@click.argument("new")
@_scores_option
@author_options
@every_command
def correct(
    subject: str,
    relation: str,
    old: str,
    new: str,
    scores: bool | None,
    author: str,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Forget that the RELATION of SUBJECT is OLD and teach that it is NEW, as one edit."""
    from memlab.results import Fact

    lab = open_lab(home, workspace)
    _print_edit(lab.correct(Fact(subject, relation, old), new, author, dry_run, scores), as_json)


@click.command()
@click.argument("edit", required=False)
@click.option("--author", default="anonymous", show_default=True, help="Who undoes it.")
@click.option("--anyway", is_flag=True, help="Undo it even where later edits rest on it; they stay.")
@click.option("--with-dependents", is_flag=True, help="Undo the edits that rest on it as well.")
@every_command
def undo(
    edit: str | None,
    author: str,
    anyway: bool,
    with_dependents: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Take an EDIT back, by number or id (default: the last one)."""
    if anyway and with_dependents:
        raise click.UsageError("Give --anyway or --with-dependents, not both.")
    _print_edit(open_lab(home, workspace).undo(edit, author, anyway, with_dependents), as_json)


@click.command()
@click.argument("edit", required=False)
@click.option("--author", default="anonymous", show_default=True, help="Who puts it back.")
@every_command
def redo(edit: str | None, author: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """Put an undone EDIT back (default: the one undone last)."""
    _print_edit(open_lab(home, workspace).redo(edit, author), as_json)


@click.command()
@click.argument("edit")
@click.option("--method", help="The method that answers (default: what fits the datastore).")
@click.option("--datastore", help="The datastore that is asked (default: the one whose texts the edit names).")
@click.option(
    "--as-of", type=int, help="Ask with and without it in the state after this many edits (default: right after it)."
)
@every_command
def moved(
    edit: str,
    method: str | None,
    datastore: str | None,
    as_of: int | None,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """What else an EDIT moved: efficacy, paraphrase, neighborhood, and the answers that changed."""
    found = open_lab(home, workspace).side_effects.of(edit, method, datastore, as_of)
    show(found.to_dict(), as_json, _moved_lines(found))


@click.command()
@click.argument("text", required=False)
@click.option("--value", help="Only places that hold this whole word.")
@click.option("--document", help="Only documents with this id, title or part of a title.")
@click.option("--datastore", help="The datastore whose texts are searched (default: the bundled articles).")
@click.option("--limit", default=100, show_default=True, help="How many are listed.")
@every_command
def sources(
    text: str | None,
    value: str | None,
    document: str | None,
    datastore: str | None,
    limit: int,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Search the texts behind the memory for places that hold TEXT or a word, or that are in a document."""
    found = open_lab(home, workspace).sources(text, value, document, datastore, limit)
    lines = [f"{len(found.sources)} of {found.total} places"]
    for s in found.sources:
        gone = f"  forgotten by edit {s.forgotten_by}" if s.forgotten_by else ""
        where = f"{s.source.document} {s.source.start} {s.source.end}"
        lines.append(f"  {where}:  {s.left[-50:]}[{s.source.text}]{s.right[:40]}{gone}")
    show(found.to_dict(), as_json, [" ".join(line.splitlines()) for line in lines])


@click.command()
@click.option("--verify", is_flag=True, help="Check the chain of hashes: no row changed, missing or reordered.")
@every_command
def history(verify: bool, as_json: bool, home: Path | None, workspace: str) -> None:
    """The edits of the workspace. A damaged one is shown as such, together with the others."""
    try:
        lab = open_lab(home, workspace)
        edits, reason = lab.history(), None
        problems = lab.verify() if verify else []
    except RecordError as error:
        if not verify:
            raise
        edits, reason, problems = [], str(error), []
    document: dict[str, Any] = {"workspace": workspace, "edits": [e.to_dict() for e in edits]}
    lines = [_line(e) for e in edits] or ["no edits yet"]
    if reason is not None:  # nothing can be read: this is the problem that checking found
        lines, found = [], [{"sequence": 0, "kind": "changed", "message": reason}]
    else:
        found = [p.to_dict() for p in problems]
    if verify:
        document |= {"verified": not found, "problems": found}
        lines += [f"problem: {p['message']}" for p in found] or ["verified: no row changed, missing or reordered"]
    show(document, as_json, lines)
    if found:
        raise click.exceptions.Exit(1)


def _line(e: Any) -> str:
    if e.damaged:
        return f"{e.seq or '?':>4}  {e.summary}"
    groups = ((name, e.scores.get(name)) for name in ("efficacy", "paraphrase", "neighborhood"))
    scores = "".join(
        f"  {name} {round(score['score'] * score['questions'])}/{score['questions']}"
        for name, score in groups
        if isinstance(score, dict) and {"score", "questions"} <= set(score)
    )
    state = ("" if e.active else "  (undone)") + (f"  (weights {e.weights})" if e.weights else "")
    return f"{e.seq:4}  {e.time}  {e.kind:8} {e.author:12} {e.summary}{state}{scores}"
