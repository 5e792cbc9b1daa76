"""`memlab datastores | index | build | train`."""

from __future__ import annotations

from pathlib import Path

import click

from memlab.cli.common import (
    dtype_option,
    every_command,
    open_lab,
    progress,
    run_here,
    say_of_texts,
    show,
    text_options,
)
from memlab.corpus.hub_name import hub_name
from memlab.corpus.one_file import TextOptions, title_of


class TrainCommand(click.Command):
    """A command whose --kind lists the recipes that systems declare."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        from memlab.systems.registry import registry

        recipes = [r for s in registry().systems.values() for r in s.recipes if not r.bundled]
        help = "With --text: the kind of model [default: base]."
        kind = click.Option(["--kind"], type=click.Choice([r.kind for r in recipes]), help=help)
        own = super().get_params(ctx)
        at = next(i for i, param in enumerate(own) if param.name == "encoder")
        return [*own[:at], kind, *own[at:]]


@click.command()
@click.argument("name", required=False)
@click.option("--verify", is_flag=True, help="Check every byte of their files against the hashes of what was built.")
@every_command
def datastores(name: str | None, verify: bool, as_json: bool, home: Path | None, workspace: str) -> None:
    """The datastores of the home folder; with NAME, what that one holds.

    Counts, the most frequent values, how many entries and texts occur more than once, and a sample.
    """
    if name is not None:
        if verify:
            raise click.UsageError("--verify checks all datastores: give it without a NAME.")
        building = open_lab(home, workspace).building
        holds = building.contents(name)
        info = building.info(name)
        lines = [*(f"from {source.sentence()}" for source in info.sources), *holds.lines()]
        show(
            {**info.to_dict(), "contents": holds.to_dict()}, as_json, [f"{name}: {info.model}, key {info.key}", *lines]
        )
        return
    if verify:
        checks = open_lab(home, workspace).building.verify()
        lines = [" ".join((f"{check.name:<28} {check.state:<9}", *check.problems)).rstrip() for check in checks]
        show([check.to_dict() for check in checks], as_json, lines)
        if any(check.state == "damaged" for check in checks):
            raise click.exceptions.Exit(1)
        return
    found = open_lab(home, workspace).datastores()
    lines = [
        f"{s.name:<28} {s.state:<9} {s.model:<14} key {s.key:<12} {s.entries:>8} entries {s.documents:>6} texts {s.index} {s.why}"
        for s in found
    ]
    show([s.to_dict() for s in found], as_json, [line.rstrip() for line in lines])


@click.command()
@click.argument("name")
@click.option("--recipe", help="Give the datastore this index: flat, ivf, hnsw, fastscan or rabitq.")
@every_command
def index(name: str, recipe: str | None, as_json: bool, home: Path | None, workspace: str) -> None:
    """Compare index recipes over the keys of the datastore NAME, or with --recipe change its index.

    Nothing is encoded again. recall: share of the ten nearest keys that a search finds.
    """
    building = open_lab(home, workspace).building
    if recipe is not None:
        changed = building.change_index(name, recipe, progress)
        show(changed.to_dict(), as_json, [f"{changed.name}: {changed.index}, {changed.entries:,} entries"])
        return
    found = building.compare_indexes(name, progress)
    lines = [
        f"{'recipe':10}{'lists':>7}{'recall@10':>11}{'p50 ms':>9}{'p95 ms':>9}{'made in s':>11}{'bytes an entry':>16}"
    ]
    for p in found.points:
        mark = "  in use" if p.in_use and p.usual else ""
        lines.append(
            f"{p.recipe:10}{p.lists or '':>7}{p.recall:11.3f}{p.p50_ms:9.2f}{p.p95_ms:9.2f}{p.build_s:11.1f}{p.bytes:16.0f}{mark}"
        )
    lines += [f"{left}: not meant for this many entries" for left in found.passed_over]
    show(found.to_dict(), as_json, lines)


@click.command()
@click.argument("texts", nargs=-1, type=click.Path(path_type=Path))
@click.option("--name", help="Name of the datastore (default: the first file's name).")
@click.option("--model", default="atlas-mlm", show_default=True, help="Bundled name, folder, or hub name.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    help="The representation that serves as key; several give a datastore each, and calibration's best is the default "
    "(without this: ffn, the paper's, for causal models that have it).",
)
@click.option("--index", help="flat, ivf, hnsw, fastscan or rabitq (default: by size).")
@click.option("--window", type=int, help="Causal models: tokens of a window, without special tokens.")
@click.option("--stride", type=int, help="Causal models: tokens from the start of one window to the next.")
@text_options
@dtype_option
@every_command
def build(
    texts: tuple[Path, ...],
    name: str | None,
    model: str,
    keys: tuple[str, ...],
    index: str | None,
    window: int | None,
    stride: int | None,
    hidden: bool,
    text_column: str | None,
    without_license: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Build a datastore from TEXTS (files or folders: txt, md, csv, jsonl, parquet; gzip is read; or data sets of the hub).

    hf:OWNER/DATASET[:CONFIG][/SPLIT] is a data set of the Hugging Face hub (extra memlab[datasets]), for example
    hf:Salesforce/wikitext:wikitext-2-raw-v1/train or hf:OWNER/DATASET/train[:1000]; the split is train where none is
    given. Only tables and texts are read; code of a data set never runs.

    At the end, temperature (or scale) and lambda are tuned on held-out words of the same texts, and the gain is
    printed; a collection of fewer than about two thousand words is not calibrated, and answers say so.

    Without TEXTS: builds and calibrates the bundled datastores where they are missing or damaged.
    """
    lab = open_lab(home, workspace)
    if not texts:
        built = run_here(lab, "prepare", "Building the bundled memories")
    else:
        options = TextOptions(hidden, text_column, without_license)
        order = lab.building.order(texts, name or _name_of(texts[0]), model, keys, index, window, stride, options)
        built = run_here(lab, "build", f"Building the datastore {order['name']}", **order)
    lines = [f"{s.name}: {s.entries} entries of {s.documents} texts, key {s.key}; {s.calibration}" for s in built]
    if built and built[0].report is not None:
        lines += [f"  note: {line}" for line in built[0].report.lines()]
    if built and built[0].contents is not None:
        lines += [f"  {line}" for line in built[0].contents.lines()]
    show([s.to_dict() for s in built], as_json, lines)


def _name_of(text: Path) -> str:
    found = hub_name(text)
    return title_of(text) if found is None else found.short


@click.command(cls=TrainCommand)
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the model's folder is written (default: models/NAME in the home folder).",
)
@click.option("--steps", type=click.IntRange(1), help="Number of training steps (default: the recipe's).")
@click.option("--text", help="Train on 90% of this text (a file, a folder, or 'atlas', the bundled world) instead.")
@click.option(
    "--encoder", help="Where the kind needs one: the base model, trained on the same text, that makes its keys."
)
@click.option("--seed", type=int, help="With --text: seed for the weights and the order of the text [default: 0].")
@every_command
def train(
    name: str,
    out: Path | None,
    steps: int | None,
    text: str | None,
    kind: str | None,
    encoder: str | None,
    seed: int | None,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Train a model, score it, and write its card.

    Trains a bundled model again from its recipe, or with --text one of your own from scratch.
    """
    lab = open_lab(home, workspace)
    folder = str(out) if out else None
    if text is not None:
        if text != "atlas":
            say_of_texts(lab.texts_of(Path(text)).report)
        how = {"text": text, "kind": kind or "base", "encoder": encoder, "seed": seed or 0}
        info = run_here(lab, "train-text", f"Training {name}", name=name, steps=steps, out=folder, **how)
    elif kind is not None or encoder is not None or seed is not None:
        raise click.UsageError("--kind, --encoder and --seed are for a model of your own: give --text as well.")
    else:
        info = run_here(lab, "train", f"Training {name}", name=name, steps=steps, out=folder)
    show(info.to_dict(), as_json, [f"{info.path}: {info.size_mb} MB", info.card])
