"""`memlab ask`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memlab.cli.common import MethodCommand, every_command, given_text, open_lab, short, show
from memlab.outside import write_text

if TYPE_CHECKING:
    from memlab.figures.report import View
    from memlab.results import LayerLens, Occlusion, SmallestSet, Sweep

REPORT_MARKS = ('<meta name="generator" content="memlab">', " · memlab</title>")  # of a report now; of earlier ones


@click.command(cls=MethodCommand)
@click.argument("prompt", required=False)
@click.option("--text", help='The prompt, in place of PROMPT ("-": standard input).')
@click.option("--method", help="See memlab systems (default: what fits the prompt and the model).")
@click.option("--model", help="Bundled name, folder, or hub name (default: the model of the datastore).")
@click.option("--datastore", help="The datastore that is searched (default: the bundled one).")
@click.option("--as-of", type=int, help="Ask in the state after this many edits.")
@click.option(
    "--without", type=int, multiple=True, metavar="ENTRY", help="Leave an entry out, as if forgotten; may be repeated."
)
@click.option(
    "--sweep", metavar="SETTING", help="Also show the answer as a function of lam, k, temperature, scale or gate."
)
@click.option("--explain", is_flag=True, help="Also show the smallest set of neighbors, occluded words, and layers.")
@click.option("--report", type=click.Path(path_type=Path), help="Also write the answer as one HTML FILE.")
@click.option(
    "--preset", default="calibrated", show_default=True, help="calibrated or paper: values of the settings not given."
)
@click.option("--top", type=click.IntRange(1), help="With --json: cut the distributions to this many words.")
@every_command
def ask(
    prompt: str | None,
    text: str | None,
    method: str | None,
    model: str | None,
    datastore: str | None,
    as_of: int | None,
    without: tuple[int, ...],
    sweep: str | None,
    explain: bool,
    report: Path | None,
    preset: str,
    top: int | None,
    as_json: bool,
    home: Path | None,
    workspace: str,
    **settings: str | None,
) -> None:
    """Ask model and memory one PROMPT (standard input without one, or with "-")."""
    asked = given_text(prompt, text)
    given = {name: value for name, value in settings.items() if value is not None}
    lab = open_lab(home, workspace)
    p = lab.ask(asked, method, model, datastore, as_of, preset, without, **given)
    lines = [
        f"{p.prompt}  ->  {p.answer}",
        f"  {p.model} says   {_words(p.lm)}",
        f"  memory says      {_words(p.knn)}",
        f"  mixture          {_words(p.mixture)}",
        f"  {p.formula('x')}   ({p.method}, {p.datastore}, {short(p.settings)})",
        *(f"  {n.weight:5.1%}  {n.left[-45:]}[{n.value}]{n.right[:35]}  ({n.document})" for n in p.neighbors[:5]),
        *(f"  note: {notice}" for notice in p.notices),
    ]
    document = p.to_dict(top)
    views: list[View] = []
    if sweep is not None:
        swept = lab.explain.sweep(p, sweep)
        document["sweep"] = swept.to_dict()
        lines += _swept(swept)
        views.append(swept)
    if explain:
        smallest, words, layers = lab.explain.smallest_set(p), lab.explain.occlusion(p), lab.explain.layers(p)
        document["explain"] = {
            "smallest_set": smallest.to_dict(),
            "occlusion": words.to_dict(),
            "layers": layers.to_dict(),
        }
        lines += [_smallest(smallest), *_hidden(words), *_layers(layers)]
        views += [words, layers]
        if report is not None:  # the report also has the other views of the page
            if smallest.entries:
                views.append(lab.compare(p, lab.again(p, without=smallest.entries)))
            views += [lab.explain.map(p), lab.explain.health(p)]
    if report is not None:
        write_text(report, lab.reports.html(p, views), *REPORT_MARKS)
        document["report"] = str(report)
        lines.append(f"  report           {report}")
    show(document, as_json, [" ".join(line.splitlines()) for line in lines])


def _words(distribution: Any) -> str:
    return ", ".join(f"{w.token} {w.p:.2f}" for w in distribution.top(4))


def _swept(swept: Sweep) -> list[str]:
    turns = [f"  from {swept.over} {turn.at:.4g} on: {turn.after} instead of {turn.before}" for turn in swept.turns]
    low, high = swept.values[0], swept.values[-1]
    return [f"  swept over {swept.over}, {low:.4g} to {high:.4g}: the answer changes {_times(len(turns))}", *turns]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _smallest(found: SmallestSet) -> str:
    if found.after is None:
        return f"  no set of up to {found.tried} neighbors changes the answer"
    entries = ", ".join(f"{n.entry} ({n.value})" for n in found.removed)
    return f"  {found.after} instead of {found.answer} without {len(found.removed)} ({found.bound}): {entries}"


def _hidden(words: Occlusion) -> list[str]:
    return [f"  without {w.text!r} the neighbors' distance changes by {w.mean_change:+.3f}" for w in words.words]


def _layers(layers: LayerLens) -> list[str]:
    out = []
    for reading in layers.layers:
        kind = "" if reading.kind is None else f"{layers.kind} {reading.kind:.2f}, "
        first = ", ".join(word.token for word in reading.top[:3])
        out.append(f"  layer {reading.layer}: {kind}{' or '.join(layers.right)} {reading.right:.2f}; first {first}")
    return out
