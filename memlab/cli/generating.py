"""`memlab generate`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from memlab.cli.common import MethodCommand, every_command, given_text, memory_options, open_lab, short, show


class GenerateCommand(MethodCommand):
    """A command with the settings of the methods that generate."""

    ability = "generate"


@click.command(cls=GenerateCommand)
@click.argument("prompt", required=False)
@click.option("--text", help='The prompt itself ("-": standard input).')
@memory_options
@click.option("--max-tokens", type=int, default=40, show_default=True, help="Tokens to generate.")
@click.option("--temperature", default="0", show_default=True, help="Sampling temperature; 0 is greedy.")
@click.option(
    "--top-p",
    default="1",
    show_default=True,
    help="Sample from the most probable words whose probabilities sum to this.",
)
@click.option("--seed", default="0", show_default=True, help="The same seed draws the same words.")
@click.option("--copied-from", type=int, help="A span of at least this many tokens of a passage counts as copied.")
@click.option("--knn-temperature", help="Divides the distances of the neighbors.")
@click.option(
    "--compare/--alone", default=True, show_default=True, help="Also generate without memory, with the same model."
)
@every_command
def generate(
    prompt: str | None,
    text: str | None,
    compare: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
    **options: Any,
) -> None:
    """Continue a PROMPT (standard input without one, or with "-") with memory and without, token by token."""
    asked = given_text(prompt, text)
    lab = open_lab(home, workspace)
    given = {name: value for name, value in options.items() if value is not None}
    named = given.get("method")
    remembers = named is None or named not in lab.methods() or lab.methods()[named].remembers
    if compare and remembers:
        pair = lab.generation.pair(asked, **given)
        lines = [*_lines(pair.with_memory), "", *_lines(pair.without_memory)]
        show(pair.to_dict(), as_json, lines)
    else:
        alone = lab.generate(asked, **given)
        show(alone.to_dict(), as_json, _lines(alone))


def _lines(g: Any) -> list[str]:
    s = g.summary
    head = f"{g.method}, {g.model}, {g.datastore or 'no memory'}: {short({**g.settings, **_sampling(g.decoding)})}"
    lines = [head, "", g.text, ""]
    if s["mean_gate"] is not None:
        lines.append(f"Memory changed the most probable word in {s['changed']} of {s['tokens']} steps.")
    for span in g.copied:
        more = f" and {span.passages - 1} more" if span.passages > 1 else ""
        lines.append(f'  tokens {span.first} to {span.last - 1} "{span.text}" occur in {span.document}{more}')
    lines += [f"note: {notice}" for notice in g.notices]
    lines.append(f"{'token':<16}{'p':>6}{'model':>7}{'gate':>6}  instead")
    for t in g.tokens:
        p = "" if t.loss is None else f"{math.exp(-t.loss):.2f}"
        alone = "0" if t.loss_without_memory is None else f"{math.exp(-t.loss_without_memory):.2f}"
        gate = "" if t.gate is None else f"{t.gate:.2f}"
        instead = ", ".join(f"{w.token} {w.p:.2f}" for w in t.top["mixture"] if w.id != t.id and w.p >= 0.01)
        lines.append(f"{t.text.strip()[:15]:<16}{p:>6}{alone:>7}{gate:>6}  {instead}")
    return [" ".join(line.splitlines()) for line in lines]


def _sampling(decoding: Any) -> dict[str, Any]:
    if decoding["temperature"] == 0:
        return {"decoding": "greedy"}
    return {"sampling temperature": decoding["temperature"], "top_p": decoding["top_p"], "seed": decoding["seed"]}
