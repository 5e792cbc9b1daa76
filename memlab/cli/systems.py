"""`memlab systems | run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from memlab.cli.common import every_command, open_lab, run_here, show


@click.command()
@every_command
def systems(as_json: bool, home: Path | None, workspace: str) -> None:
    """The systems from papers that this installation has, what they offer, and those that cannot be used."""
    from memlab.systems.registry import registry

    found = registry()
    lines: list[str] = []
    for system in found.systems.values():
        lines.append(f"{system.name:<18} {system.title}  ({system.paper})")
        for m in system.methods:
            gates = f"; gates: {', '.join(m.gates)}" if m.gates else ""
            lines.append(f"  {m.name:<16} {', '.join(m.kinds)}; can {', '.join(m.abilities)}{gates}")
        lines += [f"  {e.name:<16} edit: {e.title or e.name}" for e in system.edits]
        lines += [f"  {s.name:<16} study: {s.help}" for s in system.studies]
        lines += [f"  {c.name:<16} lab.{c.name}: {c.help}" for c in system.chapters]
        lines += [f"  {c.name:<16} command: memlab {c.words}" for c in system.commands]
        lines += [f"  {w.name:<16} kind of job" for w in system.work]
        lines += [f"  {c.name:<16} way to correct a fact" for c in system.corrections]
    lines += [f"{broken.name:<18} cannot be used: {broken.reason}" for broken in found.unavailable]
    document = {
        "systems": [system.to_dict() for system in found.systems.values()],
        "unavailable": [broken.to_dict() for broken in found.unavailable],
    }
    show(document, as_json, lines)


class StudyCommand(click.Command):
    """A command that takes the settings of the study as options: --name value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.ignore_unknown_options = True
        ctx.allow_extra_args = True
        return super().parse_args(ctx, args)


@click.command(cls=StudyCommand)
@click.argument("system")
@click.argument("study")
@every_command
@click.pass_context
def run(ctx: click.Context, system: str, study: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """Run a STUDY of a SYSTEM; its settings are options (--seed 1). memlab systems lists the studies."""
    lab = open_lab(home, workspace)
    result = run_here(lab, "study", f"{system}: {study}", system=system, study=study, settings=_settings(ctx.args))
    show(result.to_dict(), as_json, _lines(result.to_dict()))


def _settings(words: list[str]) -> dict[str, str]:
    """--name value pairs. Raises click.UsageError for anything else."""
    out: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, given, value = word.partition("=")
        if not name.startswith("--"):
            raise click.UsageError(f"{word!r} is not a setting. Write --name value.")
        found = value if given else next(rest, None)
        if found is None:
            raise click.UsageError(f"{name} has no value. Write {name} value.")
        out[name[2:].replace("-", "_")] = found
    return out


def _lines(document: dict[str, Any]) -> list[str]:
    return [f"{name}: {value}" for name, value in document.items() if not isinstance(value, dict | list)]
