"""`memlab batch`."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import click

from memlab.cli.common import MethodCommand, every_command, open_lab, read_lines, show
from memlab.errors import InputError
from memlab.outside import write_text

if TYPE_CHECKING:
    from memlab.results import BatchRow

LONGEST = 220  # characters of a cause in a line
WIDTH = 80  # characters of a prompt in a line; JSON and CSV have all of them


@click.command(cls=MethodCommand)
@click.argument("file", type=click.Path(path_type=Path), default="-")
@click.option("--method", help="See memlab systems (default: what fits each prompt).")
@click.option("--model", help="Bundled name, folder, or hub name (default: the model of the datastore).")
@click.option("--datastore", help="The datastore that is searched (default: the bundled one).")
@click.option("--as-of", type=int, help="Ask in the state after this many edits.")
@click.option(
    "--preset", default="calibrated", show_default=True, help="calibrated or paper: values of the settings not given."
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="With --json: cut the distributions to this many words.",
)
@click.option(
    "--expected", metavar="COLUMN", help="FILE is a CSV or JSONL table with a column prompt; COLUMN has the answers."
)
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Also write the table as a CSV FILE.")
@every_command
def batch(
    file: Path,
    method: str | None,
    model: str | None,
    datastore: str | None,
    as_of: int | None,
    preset: str,
    top: int,
    expected: str | None,
    table: Path | None,
    as_json: bool,
    home: Path | None,
    workspace: str,
    **settings: str | None,
) -> None:
    """Ask every line of FILE (standard input without one, or with "-"); a line that cannot be asked says why.

    FILE is text with a prompt on each line, or a table with a column prompt (CSV, or a JSON object on each line).
    Where the expected answer is known (from a column of FILE, or from the bundled world), every row says whether
    memory helped, misled, or neither; for a wrong answer also why, and what would repair it.
    """
    from memlab.corpus.prompt_table import prompts_of
    from memlab.results.batch import MARK, batch_csv, tally

    given = {name: value for name, value in settings.items() if value is not None}
    prompts = prompts_of(read_lines(file), expected)
    lab = open_lab(home, workspace)
    how = {"method": method, "model": model, "datastore": datastore, "as_of": as_of, "preset": preset}
    rows = lab.ask_many(prompts.lines, prompts.expected, **how, **given)
    reasons = {row.error for row in rows}
    if len(rows) > 1 and len(reasons) == 1 and rows[0].error is not None:  # the settings, or the kind of prompt
        raise InputError(f"None of the {len(rows)} prompts can be asked, all for the same reason. {rows[0].error}")
    if table is not None:
        write_text(table, batch_csv(rows), MARK)
    answered = sum(row.prediction is not None for row in rows)
    verdicts = [f"{count} {name}" for name, count in tally(rows).items()]
    told = ", ".join([f"{answered} of {len(rows)} answered", *verdicts])
    show([row.to_dict(top) for row in rows], as_json, [*map(_line, rows), told])


def _line(row: BatchRow) -> str:
    prompt, p = shorten(row.prompt, WIDTH, placeholder=" …"), row.prediction
    if p is None:
        return f"{row.line:4}  {prompt}  !  {' '.join(str(row.error).split())}"
    said = (f"model {p.lm[0].token} {p.lm[0].p:.2f}", f"memory {p.knn[0].token} {p.knn[0].p:.2f}")
    judged = "" if row.verdict is None else f"  {row.verdict.name}: expected {' or '.join(row.verdict.expected)}"
    why = ""
    if row.cause is not None:
        repair = f" Repair: {row.cause.repairs[0].label}." if row.cause.repairs else ""
        why = f"\n      {row.cause.name}: {shorten(row.cause.sentence, LONGEST, placeholder=' …')}{repair}"
    return f"{row.line:4}  {prompt}  ->  {p.answer} {p.mixture[0].p:.2f}   ({', '.join(said)}){judged}{why}"
