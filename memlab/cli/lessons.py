"""`memlab lessons list | show | check | export | import | delete`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memlab.cli.common import Commands, every_command, open_lab, read, show
from memlab.corpus.lessons import MARK
from memlab.outside import write_text

if TYPE_CHECKING:
    from memlab.corpus.lessons import Lesson


@click.group(cls=Commands, invoke_without_command=True)
@every_command
@click.pass_context
def lessons(context: click.Context, as_json: bool, home: Path | None, workspace: str) -> None:
    """Lessons: ordered views with notes; some are bundled, others you make or import."""
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=as_json, home=home, workspace=workspace)


@lessons.command("list")
@every_command
def list_(as_json: bool, home: Path | None, workspace: str) -> None:
    """The lessons there are, the bundled ones first."""
    lab = open_lab(home, workspace)
    there = lab.lessons()
    problems = [f"cannot be used: {problem}" for problem in lab.lessons.problems()]
    show([lesson.to_dict() for lesson in there], as_json, [*map(_line, there), *problems])


@lessons.command("show")
@click.argument("name")
@every_command
def show_(name: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """The steps of a lesson: title, address within the app, what to say."""
    lesson = open_lab(home, workspace).lessons.get(name)
    lines = [_line(lesson), f"  {lesson.about}"]
    for n, step in enumerate(lesson.steps, 1):
        lines += [
            f"{n:3}. {step.title}{'  (guess first)' if step.guess else ''}",
            f"     {step.link}",
            f"     {step.note}",
            *([f"     does {step.do}"] if step.do is not None else []),
        ]
    show(lesson.to_dict(), as_json, [" ".join(line.splitlines()) for line in lines])


@lessons.command()
@click.argument("name")
@every_command
def check(name: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """Go through a lesson in a workspace of its own: make its edits, and check what its steps claim."""
    from memlab.lab.lesson_run import LessonRun

    lab = open_lab(home, workspace)
    run = LessonRun(lab, lab.lessons.get(name))
    try:
        found = [(step, run.check(n)) for n, step in enumerate(run.lesson.steps, 1)]
    finally:
        run.end()
    rows = [{"step": step.title, **check.to_dict()} for step, checks in found for check in checks]
    wrong = sum(not row["holds"] for row in rows)
    lines = [_checked(row) for row in rows] + [f"{len(rows) - wrong} of {len(rows)} claims hold."]
    show({"lesson": name, "holds": not wrong, "claims": rows}, as_json, lines)


def _checked(row: dict[str, Any]) -> str:
    found = "" if row["holds"] else f"  (found: {row['found']})"
    return f"{'holds' if row['holds'] else 'WRONG':<6} {row['step']}: {row['claim']} {row['says']}{found}"


@lessons.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@every_command
def export(name: str, file: Path | None, as_json: bool, home: Path | None, workspace: str) -> None:
    """Write a lesson to one FILE (default: NAME.json); an earlier export there is replaced."""
    lesson = open_lab(home, workspace).lessons.get(name)
    to = file or Path(f"{lesson.name}.json")
    write_text(to, lesson.to_json(), MARK)
    show({"lesson": lesson.name, "file": str(to)}, as_json, [f"{lesson.name} -> {to}"])


@lessons.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@every_command
def import_(file: Path, as_json: bool, home: Path | None, workspace: str) -> None:
    """Import a lesson from an exported FILE ("-": standard input), under its name or, where taken, a free one."""
    text = read(file)
    taken = open_lab(home, workspace).lessons.import_(text)
    show(taken.to_dict(), as_json, [_line(taken)])


@lessons.command()
@click.argument("name")
@every_command
def delete(name: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """Delete a lesson of your own."""
    open_lab(home, workspace).lessons.delete(name)
    show({"deleted": name}, as_json, [f"deleted {name}"])


def _line(lesson: Lesson) -> str:
    own = "bundled" if lesson.bundled else "your own"
    return f"{lesson.name:<28} {len(lesson.steps):3} steps  {lesson.minutes:3} minutes  {own:<9} {lesson.title}"
