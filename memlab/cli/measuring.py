"""`memlab evaluate | bench`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memlab.cli.common import LazyCommands, every_command, open_lab, progress, short, show
from memlab.errors import InputError, StoppedError

if TYPE_CHECKING:
    from memlab.lab import Lab

LATER = {
    "perplexity": "memlab.cli.reading:perplexity",
}


@click.group(cls=LazyCommands, later=LATER, within="evaluate")
def evaluate() -> None:
    """Measure: held-out questions about facts, LAMA, the perplexity of texts, beliefs."""


@evaluate.command("facts")
@click.option("--method", help="One that can ask; see memlab systems (default: the first for masked models).")
@click.option("--as-of", type=int, help="With the memory and weights after this many edits (default: all; 0: none).")
@click.option("--preset", default="calibrated", show_default=True, help="calibrated or paper.")
@click.option("--search", help="Which entries are searched: articles or all (default: the method's).")
@click.option(
    "--question", type=click.IntRange(0, 2), help="Only this held-out question template (default: all three)."
)
@every_command
def evaluate_facts(
    method: str | None,
    as_of: int | None,
    preset: str,
    search: str | None,
    question: int | None,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Ask every fact of the bundled world that calibration has not seen, by its held-out questions."""
    numbers = (question,) if question is not None else (0, 1, 2)
    lab = open_lab(home, workspace)
    result = lab.evaluate_facts(method, preset=preset, search=search, questions=numbers, as_of=as_of)
    lines = [
        f"{result['settings']['method']}, {preset} settings: {short(result['settings'])}",
        f"{'':10}{'questions':>10}{'model':>8}{'memory':>8}{'mixture':>8}{'kind':>8}{'baseline':>9}",
    ]
    for exposure in dict.fromkeys(row["exposure"] for row in result["results"]):
        rows = [row for row in result["results"] if row["exposure"] == exposure]
        by = {row["method"]: row for row in rows}
        model, memory, mixture = by["lm"], by.get("knn"), rows[-1]
        alone = "" if memory is None else f"{memory['p@1']:.3f}"
        lines.append(
            f"{exposure:10}{model['questions']:10}{model['p@1']:8.3f}{alone:>8}{mixture['p@1']:8.3f}"
            f"{model['kind']:8.3f}{model['baseline']:9.3f}"
        )
    show(result, as_json, lines)


@evaluate.command("lama")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A folder laid out as LAMA is.")
@click.option("--relations", help="Comma-separated, such as P19,P101 (default: all that fit the model).")
@click.option("--limit", type=int, help="At most this many facts of each relation.")
@click.option("--model", help="Bundled name, folder, or hub name (default: the bundled masked model).")
@click.option("--method", help="A method with p_kNN (default: the first for the kind of model).")
@click.option("--preset", default="calibrated", show_default=True, help="calibrated or paper.")
@every_command
def evaluate_lama(
    data: Path,
    relations: str | None,
    limit: int | None,
    model: str | None,
    method: str | None,
    preset: str,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Ask LAMA's facts: P@1 of the model, of the memory of the sentences that state them, and of the mixture.

    Masked models fill the gap; causal ones are asked left to right, for relations whose object ends the sentence. Edits of
    the workspace, of memory or weights, are not part of the measurement.
    """
    names = tuple(name.strip() for name in (relations or "").split(",") if name.strip())
    result = open_lab(home, workspace).evaluate_lama(
        data, names, limit, model, method=method, preset=preset, progress=progress
    )
    lines = [short(result["settings"]), f"{'':10}{'questions':>10}{'side':>12}{'P@1':>8}{'interval':>16}"]
    for row in result["results"]:
        low, high = row["interval"]
        lines.append(
            f"{row['relation']:10}{row['questions']:10}{row['method']:>12}{row['p@1']:8.3f}{f'{low:.3f} to {high:.3f}':>16}"
        )
    for name, reasons in result["passed_over"].items():
        if reasons:
            lines.append(f"{name}: skipped " + ", ".join(f"{count} {why}" for why, count in reasons.items()))
    lines += [f"note: {note}" for note in result["notes"]]
    show(result, as_json, lines)


@click.command()
@click.option(
    "--repeat", default=60, show_default=True, type=click.IntRange(5), help="Questions measured of each kind."
)
@click.option(
    "--only", metavar="PART", help="One part, such as 'edit visible' (default: all; a wrong name lists them)."
)
@click.option(
    "--entries",
    metavar="N[,N...]",
    help="Measure only how search scales: every index recipe over these numbers of entries, such as 10000,100000,1000000.",
)
@click.option("--text", multiple=True, type=click.Path(path_type=Path), help="With --entries: files to remember.")
@click.option(
    "--datastore", metavar="NAME", help="Measure only asking, reading and building with this datastore and its model."
)
@click.option(
    "--asked", multiple=True, type=click.Path(path_type=Path),
    help="With --text or --datastore: files to ask with, which the memory must not hold.",
)  # fmt: skip
@click.option("--model", help="With --entries: the causal model whose keys these are (default: the bundled one).")
@click.option("--index", help="With --entries: only these recipes, comma-separated (default: all).")
@every_command
def bench(repeat: int, only: str | None, as_json: bool, home: Path | None, workspace: str, **given: Any) -> None:
    """Measure asking, editing, building and searching against bare forward passes and searches of the same run.

    Each row is printed as soon as it is measured (with --json on standard error; the document follows at the end,
    also after Ctrl+C). With --entries: recall, time and memory of every index recipe over that many entries. With
    --datastore: a memory of your own and the model that made it, which may be a large one.
    """
    if given["datastore"] and (given["entries"] or only):
        raise InputError("--datastore measures what can be measured with that memory; leave out --entries and --only.")
    lab = open_lab(home, workspace)
    if given["datastore"]:
        measured = lab.benchmarks.own(given["datastore"], given["asked"], repeat)
    else:
        measured = _growth(lab, given) if given["entries"] else lab.bench_rows(repeat, only, progress)
    rows: list[dict[str, Any]] = []
    stopped = False
    try:
        for row in measured:
            rows.append(row)
            click.echo(_bench_line(row), err=as_json)
    except KeyboardInterrupt:
        stopped = True
    if as_json:
        from memlab.bench.document import document

        show(document(rows, complete=not stopped), as_json, [])
    if stopped:
        raise StoppedError(f"Stopped; {len(rows)} rows were measured.")


def _growth(lab: Lab, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of `bench --entries`."""
    try:
        counts = tuple(int(n.replace("_", "")) for n in given["entries"].split(","))
    except ValueError:
        raise InputError(
            f"--entries {given['entries']!r} is not a list of whole numbers. Give some, such as 10000,100000,1000000."
        ) from None
    recipes = tuple(r.strip() for r in (given["index"] or "").split(",") if r.strip())
    return lab.benchmarks.growth(counts, given["text"], given["asked"], given["model"], recipes, progress)


def _bench_line(row: dict[str, Any]) -> str:
    figures = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items() if k != "name")
    return f"{row['name']:<24} {figures}"
