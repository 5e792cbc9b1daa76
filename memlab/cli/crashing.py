"""`memlab crashtest`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from memlab.cli.common import progress, show


@click.command()
@click.option("--kills", default=50, show_default=True, type=click.IntRange(1), help="How often the process is killed.")
@click.option("--seed", default=0, show_default=True, help="Seed for the edits and the moments of the kills.")
@click.option("--folder", type=click.Path(path_type=Path), help="An empty folder (default: a temporary one).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def crashtest(kills: int, seed: int, folder: Path | None, as_json: bool) -> None:
    """Kill a process that edits, exports and imports, again and again, and check that nothing was lost.

    Uses a home folder of its own. Ends with status 1 when something was lost.
    """
    from memlab.lab import Lab

    report = Lab.crash_test(kills, seed, folder, progress)
    steps = ", ".join(f"{count} {kind}" for kind, count in sorted(report.steps.items()))
    lines = [
        f"{report.kills} kills in {report.seconds:.0f} s; confirmed before them: {steps}",
        f"{report.unconfirmed} edits were on disk unconfirmed; starts removed {report.swept} orphan files",
        *([f"problem: {problem}" for problem in report.problems] or ["nothing was lost"]),
    ]
    show(report.to_dict(), as_json, lines)
    if report.problems:
        sys.exit(1)
