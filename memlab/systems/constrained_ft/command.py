"""`memlab modify`: facts in the weights of a model; `memlab evaluate editing`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from memlab.commands import at_interrupt, every_command, open_lab, progress, show
from memlab.errors import InputError


@click.command()
@click.argument("facts", nargs=-1)
@click.option("--file", type=click.Path(path_type=Path), help='Facts, one "subject|relation|new object" per line.')
@click.option(
    "--method",
    default="fta",
    show_default=True,
    help="ft, ftm, fta, ft+ftm or ft+fta. rt trains a new model from scratch on the corrected corpus; run the same "
    "command again to resume a stopped run.",
)
@click.option("--norm", default="inf", show_default=True, help="none, inf or l2.")
@click.option("--delta", default="auto", show_default=True, help="Radius of the constraint, or auto.")
@click.option(
    "--blocks", default="first", show_default=True, help="0,3 / first / middle / last / all / embeddings / head."
)
@click.option(
    "--part", default="all", show_default=True, help="Which part of the blocks: all, attention or feed-forward."
)
@click.option("--anchor", default="current", show_default=True, help="Where delta is measured from: current or base.")
@click.option("--model", help="Bundled name, folder, or hub name (default: the bundled masked model).")
@click.option("--forget", is_flag=True, help='Forget the facts instead: "subject|relation".')
@click.option(
    "--unknown", default="refuse", show_default=True, help="Facts that the model does not know: refuse or train."
)
@click.option("--steps", type=int, help="Maximum number of steps.")
@click.option(
    "--margin",
    type=float,
    help="With ftm: end as soon as log p(new) - log p(old) is at least this (default: no margin).",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Order of the sentences.")
@click.option("--again", type=int, metavar="EDIT", help="Train this edit again, on the weights without it.")
@click.option(
    "--reencode",
    metavar="NAME",
    help="Write the edited model under this name, and encode a datastore again with it.",
)
@click.option("--datastore", help="The datastore for --reencode (default: that of the bundled masked model).")
@click.option("--author", default="anonymous", show_default=True, help="Who edits.")
@click.option("--dry-run", is_flag=True, help="Train and measure, but record nothing.")
@every_command
def modify(
    facts: tuple[str, ...], file: Path | None, as_json: bool, home: Path | None, workspace: str, **given: Any
) -> None:
    """Give known FACTS new objects in the weights of a model: "France|capital|Lyon".

    Only the chosen blocks change, and no weight moves further than delta. `memlab undo` reverts it.
    """
    lab = open_lab(home, workspace)
    name, datastore = given.pop("reencode"), given.pop("datastore")
    if name is not None:
        if facts or file or given["again"]:
            raise click.UsageError("--reencode takes no facts.")
        with _stop_at_interrupt() as stop:
            store = lab.modifying.reencode(datastore or "atlas-mlm", name, progress, stop)
        said = f"{store.name}: {store.entries:,} entries, encoded by {store.model}"
        show(store.to_dict(), as_json, [said])
        return
    if datastore is not None:
        raise click.UsageError("--datastore can only be used with --reencode.")
    if given["method"] == "rt":
        _retrain(lab, [*facts, *(_lines(file) if file else [])], given, as_json)
        return
    if (again := given.pop("again")) is not None:
        if facts or file:
            raise click.UsageError("--again takes no facts.")
        from memlab.systems.constrained_ft.chapter import ModifyOptions

        with _stop_at_interrupt() as stop:
            edit = lab.modifying.train_again(again, ModifyOptions(given["author"], progress=progress, stop=stop))
    else:
        from memlab.systems.constrained_ft.selection import parsed

        forget = given.pop("forget")
        steps = {n: given.pop(n) for n in ("steps", "margin") if given[n] is not None}
        for name in ("steps", "margin"):
            given.pop(name, None)
        wanted = _facts([*facts, *(_lines(file) if file else [])], forget)
        given |= {"blocks": parsed(given["blocks"]), "delta": _delta(given["delta"], given["norm"])}
        goal = "forget" if forget else "change"
        with _stop_at_interrupt() as stop:
            edit = lab.modify(wanted, goal=goal, progress=progress, stop=stop, **given, **steps)
    show(edit.to_dict(), as_json, _said(edit))


_RETRAIN_TAKES = ("facts", "file", "method", "model", "steps", "seed", "as_json", "home", "workspace")


def _retrain(lab: Any, texts: list[str], given: dict[str, Any], as_json: bool) -> None:
    """RT, the study `retrain` with named facts. Raises UsageError for options that it does not take."""
    context = click.get_current_context()
    for name in given:
        source = context.get_parameter_source(name)
        if name not in _RETRAIN_TAKES and source is not None and source.name == "COMMANDLINE":
            raise click.UsageError(
                f"--{name.replace('_', '-')} does not belong to --method rt, which trains all weights."
            )
    facts = "; ".join(f"{f.subject}|{f.relation}|{f.object}" for f in _facts(texts, forget=False))
    settings = {
        "model": given["model"] or "atlas-mlm",
        "edits": facts,
        "steps": given["steps"] or 0,
        "seed": given["seed"],
    }
    with _stop_at_interrupt() as stop:
        result = lab.run("constrained_ft", "retrain", progress, stop, **settings).to_dict()
    lines = [
        f"model {result['model']}, trained in {result['steps']:,} steps, {result['seconds'] / 60:.0f} min; nothing was recorded"
    ]
    lines += [
        f"  {name:14} {result[name]:.3f}"
        for name in ("a_m", "a_fs", "efficacy", "paraphrase")
        if result.get(name) is not None
    ]
    show(result, as_json, [*lines, f'  ask it: memlab ask "..." --model {result["model"]} --method base'])


@contextmanager
def _stop_at_interrupt() -> Iterator[Callable[[], bool]]:
    """A `stop` that is True after Ctrl+C: the work ends at its next step; a second Ctrl+C aborts at once."""
    asked: list[bool] = []
    with at_interrupt(lambda: asked.append(True)):
        yield lambda: bool(asked)


def _facts(texts: list[str], forget: bool) -> list[Any]:
    """The facts in these texts. Raises InputError for a text of another form."""
    from memlab.results import Fact

    if not texts:
        raise click.UsageError('Name at least one fact: memlab modify "France|capital|Lyon".')
    out = []
    for text in texts:
        pieces = [piece.strip() for piece in text.split("|")]
        if len(pieces) not in ((2, 3) if forget else (3,)) or not all(pieces):
            form = "subject|relation" if forget else "subject|relation|new object"
            raise InputError(f"{text!r} is not a fact. Write {form}, for example France|capital|Lyon.")
        out.append(Fact(pieces[0], pieces[1], pieces[2] if len(pieces) == 3 else ""))
    return out


def _lines(file: Path) -> list[str]:
    from memlab.commands import read
    from memlab.corpus.door import lines

    return [line for line in lines(read(file)) if line.strip()]


def _delta(text: str, norm: str) -> float | str | None:
    if text == "auto":
        return None if norm == "none" else "auto"
    try:
        return float(text)
    except ValueError:
        raise InputError(f"delta is {text!r}; allowed is a positive number, or auto.") from None


def _said(edit: Any) -> list[str]:
    scores = edit.scores
    lines = [f"{'would be ' if edit.dry_run else ''}edit {edit.seq}: {edit.summary}"]
    names = {
        "a_m": "A_M", "a_fs": "A_F\\S", "a_bar": "A-bar", "perplexity_before": "perplexity of a fixed text before",
        "perplexity_after": "after", "still_deducible": "two-hop questions that still give the old fact",
        "norm_inf": "largest change", "bytes": "bytes", "seconds": "seconds",
    }  # fmt: skip
    lines += [f"  {said:44} {scores[name]:.4g}" for name, said in names.items() if name in scores]
    if edit.moved is not None:
        for row in edit.moved.table[:20]:
            shared = f"  [{row.shared}]" if row.shared else ""
            lines.append(
                f"  {row.prompt}  {row.before} -> {row.after}  p({row.word}) {row.p_before:.2f} -> {row.p_after:.2f}{shared}"
            )
        lines += [f"  note: {note}" for note in edit.moved.notes]
    return lines


def _text(lab: Any, file: Path | None) -> list[str]:
    """The lines of a text in any form that `memlab build` reads, or of standard input ("-")."""
    from memlab.commands import read

    if file is None:
        return []
    whole = [read(file)] if str(file) == "-" else [article.text for article in lab.building.read_texts([file])]
    return [line for text in whole for line in text.splitlines()]


def _evaluated(lab: Any, text: Path | None, given: dict[str, Any]) -> dict[str, Any]:
    """The scores, and what they were measured on."""
    from memlab.systems.constrained_ft.selection import parsed

    data, model, limit = given.pop("data"), given.pop("model"), given.pop("limit")
    settings = {name: value for name, value in given.items() if value is not None}
    if "blocks" in settings:
        settings["blocks"] = parsed(settings["blocks"])
    texts = [line for line in _text(lab, text) if line.strip() and not line.strip().startswith("= ")]  # no headings
    with _stop_at_interrupt() as stop:
        result: dict[str, Any] = lab.modifying.evaluate(data, model, limit, settings, texts, progress, stop)
    return result


@click.command("editing")
@click.option("--data", type=click.Path(path_type=Path), help="Flat CounterFact or zsRE; without it the bundled world.")
@click.option("--model", help="Bundled name, folder, or hub name (default: the bundled masked model).")
@click.option("--limit", type=int, default=32, show_default=True, help="Cases of the data; |M| on the bundled world.")
@click.option("--method", help="ft, ftm, fta, ft+ftm or ft+fta (default: fta; with --data ftm).")
@click.option("--norm", help="none, inf or l2 (default: inf).")
@click.option("--delta", type=float, help="Radius of the constraint (default: 0.01; with --data 0.002).")
@click.option("--blocks", help="0,3 / first / middle / last / all / embeddings / head.")
@click.option("--part", help="Which part of the blocks: all, attention or feed-forward.")
@click.option("--steps", type=int, help="Maximum number of steps.")
@click.option("--learning-rate", type=float, help="Learning rate of Adam (default: 0.001; with --data 0.0005).")
@click.option("--stop-loss", type=float, help="Mean loss in nats at which training ends (default: 0.05).")
@click.option(
    "--margin",
    type=float,
    help="With ftm: end as soon as log p(new) - log p(old) is at least this (default: no margin).",
)
@click.option("--seed", type=int, help="Seed for drawing facts and sentences.")
@click.option("--text", type=click.Path(path_type=Path), help="A fixed text for the perplexity before and after.")
@every_command
def evaluate_editing(as_json: bool, home: Path | None, workspace: str, text: Path | None, **given: Any) -> None:
    """Change facts in the weights, with the constraint and without, and measure what was learned and what was lost.

    Nothing is recorded: each edit is made on the model itself. Cases that the model does not know are skipped.
    """
    result = _evaluated(open_lab(home, workspace), text, given)
    lines = [f"{result['data']}, {result['model']}"]
    names = (
        "a_m",
        "a_fs",
        "efficacy",
        "paraphrase",
        "neighborhood",
        "harmonic",
        "generated",
        "perplexity_ratio",
        "seconds",
    )
    shown = [name for name in names if any(row.get(name) is not None for row in result["results"])]
    lines.append(f"{'':16}" + "".join(f"{name:>17}" for name in shown))
    for row in result["results"]:
        cells = (f"{row[name]:17.3f}" if row.get(name) is not None else f"{'':17}" for name in shown)
        lines.append(f"{row['method']:16}" + "".join(cells))
    lines += [f"skipped: {n} {why}" for why, n in result.get("passed_over_reasons", {}).items()]
    show(result, as_json, lines)
