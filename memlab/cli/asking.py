"""`memlab ask`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from memlab.cli.common import every_command, method_settings, open_lab, short, show


@click.command()
@click.argument("prompt", required=False)
@click.option("--method", help="bert-knn for a prompt with [MASK], knn-lm for next words (default: what fits).")
@click.option("--model", help="Bundled name, folder, or hub name (default: the model of the datastore).")
@click.option("--datastore", help="Whose entries are searched (default: the bundled one).")
@click.option("--as-of", type=int, help="The state after so many edits.")
@click.option("--preset", default="calibrated", show_default=True, help="calibrated or paper: settings not given.")
@click.option("--top", type=click.IntRange(1), help="With --json: cut the distributions to so many words.")
@method_settings
@every_command
def ask(
    prompt: str | None,
    method: str | None,
    model: str | None,
    datastore: str | None,
    as_of: int | None,
    preset: str,
    top: int | None,
    as_json: bool,
    home: Path | None,
    workspace: str,
    **settings: str | None,
) -> None:
    """Ask model and memory one PROMPT (standard input without one, or with "-")."""
    text = sys.stdin.read() if prompt in (None, "-") else str(prompt)
    given = {name: value for name, value in settings.items() if value is not None}
    p = open_lab(home, workspace).ask(text, method, model, datastore, as_of, preset, **given)
    best, lam = p.mixture[0], p.gate.knn_weight
    lines = [
        f"{p.prompt}  ->  {best.token}",
        f"  {p.model} says   {_words(p.lm)}",
        f"  memory says      {_words(p.knn)}",
        f"  mixture          {_words(p.mixture)}",
        f"  {lam:.2f} x {p.knn.of(best.id):.2f} + {1 - lam:.2f} x {p.lm.of(best.id):.2f} = {best.p:.2f}"
        f"   ({p.method}, {p.datastore}, {short(p.settings)})",
        *(f"  {n.weight:5.1%}  {n.left[-45:]}[{n.value}]{n.right[:35]}  ({n.document})" for n in p.neighbors[:5]),
        *(f"  note: {notice}" for notice in p.notices),
    ]
    show(p.to_dict(top), as_json, [" ".join(line.splitlines()) for line in lines])


def _words(distribution: Any) -> str:
    return ", ".join(f"{w.token} {w.p:.2f}" for w in distribution.top(4))
