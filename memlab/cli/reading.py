"""`memlab read` and `memlab evaluate perplexity`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from memlab.cli.common import (
    ReadCommand,
    as_utf8,
    declared_methods,
    dtype_option,
    every_command,
    memory_options,
    open_lab,
    progress,
    say_of_texts,
    short,
    show,
    standard_input,
    text_options,
)
from memlab.cli.measuring import evaluate
from memlab.results import Article


@click.command(cls=ReadCommand)
@click.argument("file", required=False)
@click.option("--text", help='The passage itself ("-": standard input).')
@click.option("--article", help="An article of the bundled world, by title.")
@memory_options
@click.option("--short-term", "--memory", "short_term", type=int, default=0, help="Tokens carried across segments.")
@click.option("--cache", type=int, default=0, help="Size of the continuous cache; 0 is off.")
@click.option(
    "--theta", type=float, help="Sharpness of the continuous cache (default: fitted to the length of the states)."
)
@click.option("--lam-cache", type=float, default=0.1, show_default=True, help="Weight of the continuous cache.")
@click.option("--window", type=int, help="Tokens of a window, without special tokens.")
@click.option("--stride", type=int, help="Tokens from the start of one window to the next.")
@click.option(
    "--leave-out",
    default="self",
    show_default=True,
    help="What a text may not retrieve: self, near (near-duplicates too) or nothing.",
)
@click.option("--cut", is_flag=True, help="Cut a text that is too long instead of refusing it.")
@text_options
@every_command
def read(
    file: str | None,
    text: str | None,
    article: str | None,
    hidden: bool,
    text_column: str | None,
    without_license: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
    **options: Any,
) -> None:
    """Read a FILE (standard input without one, or with "-") token by token: what memory changes, and why."""
    lab = open_lab(home, workspace)
    if sum(given is not None for given in (file, text, article)) > 1:
        raise click.UsageError("The passage is given twice. Give FILE, --text or --article.")
    if article is not None:
        passage = lab.article(article, as_of=options["as_of"]).text
    elif text is not None and text != "-":
        passage = as_utf8(text)
    elif file in (None, "-"):
        passage = standard_input()
    else:
        collection = lab.texts_of(
            Path(str(file)), hidden=hidden, text_column=text_column, without_license=without_license
        )
        passage = "\n\n".join(a.text for a in collection.articles)
        say_of_texts(collection.report)
    given = {name: value for name, value in options.items() if value is not None}
    trace = lab.read(Article("passage", "passage", passage), **given)
    show(trace.to_dict(), as_json, _lines(trace))


def _lines(trace: Any) -> list[str]:
    s = trace.summary
    lines = [
        f"{trace.method}, {trace.model}, {trace.datastore or 'no datastore'}: {short(trace.settings)}",
        f"{s['tokens']} tokens, perplexity {_figure(s['perplexity'])}, without memory {_figure(s['perplexity_without_memory'])}",
        *(
            f"  {_sources(c):<40} {_figure(c['perplexity'])}"
            + (f"   ({c['impossible']:.0%} of the tokens are impossible)" if c["impossible"] else "")
            for c in s["combinations"]
        ),
    ]
    if s["worsened"] is not None:
        gain = "" if s["mean_gain"] is None else f"; mean gain {s['mean_gain']:.3f} nats"
        lines.append(f"Memory makes {s['worsened']:.0%} of the tokens less likely{gain}.")
    if s["recall"] is not None:
        lines.append(f"Recall of the approximate index: {s['recall']:.3f}.")
    if s["searches_saved"]:
        lines.append(f"Searches saved: {s['searches_saved']:.0%}.")
    lines += [f"note: {notice}" for notice in trace.notices]
    lines.append(f"{'token':<16}{'gain':>7}{'gate':>7}  memory would say")
    for t in trace:
        gain = "" if t.gain is None else f"{t.gain:+.2f}"
        gate = "" if t.gate is None else f"{t.gate:.2f}"
        said = ", ".join(f"{n.token} {n.weight:.2f}" for n in t.neighbors[:4])
        lines.append(f"{t.text.strip()[:15]:<16}{gain:>7}{gate:>7}  {said}")
    return [" ".join(line.splitlines()) for line in lines]


def _sources(c: dict[str, Any]) -> str:
    on = [name.replace("_", "-") for name in ("local", "short_term", "long_term") if c[name]]
    return " + ".join(on)


def _figure(value: float | None) -> str:
    return "infinite" if value is None else f"{value:.3f}"


class PerplexityCommand(click.Command):
    """A command with an option for the models of each method that was trained with its memory."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        at = next(i for i, param in enumerate(own) if param.name == "window")
        named = [m for m in declared_methods("read") if "own" in m.columns.values()]
        more = [
            click.Option(
                [f"--{m.name}-model", "own_models"],
                multiple=True,
                help=f"{m.title} model of each run (default: the bundled one).",
            )
            for m in named
        ]
        return [*own[:at], *more, *own[at:]]


@evaluate.command("perplexity", cls=PerplexityCommand)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--atlas", is_flag=True, help="Articles about the bundled world in other words, written for measuring.")
@click.option("--part", default="all", show_default=True, help="Of a file: all, train, validation or test (90/5/5).")
@click.option("--validation", multiple=True, type=click.Path(path_type=Path), help="Text that settings are tuned on.")
@click.option(
    "--method",
    "methods",
    help="Comma-separated columns of the table; a wrong name lists them (default: the model alone, and with memory).",
)
@click.option("--model", "models", multiple=True, help="A causal model; several are runs with other seeds.")
@click.option(
    "--datastore", "datastores", multiple=True, help="Datastore of each model (default: the one that it made)."
)
@click.option(
    "--short-term-model",
    "short_term_models",
    multiple=True,
    help="The model that reads with short-term memory (default: --model).",
)
@click.option("--window", type=int, help="Tokens of a window, without special tokens.")
@click.option("--stride", type=int, help="Tokens from the start of one window to the next.")
@click.option("--memory", "--short-term", "memory", type=int, help="Tokens carried across segments.")
@click.option("--cache", type=int, default=0, help="Size of the continuous cache (default: 4 windows).")
@click.option("--k", type=int, help="Number of neighbors.")
@click.option("--temperature", type=float, help="Divides the distances.")
@click.option("--lam", type=float, help="Weight of the memory.")
@click.option("--key", help="The representation that serves as key.")
@click.option("--gate", "gates", multiple=True, help="Also learned or skip: trained on the validation text.")
@click.option(
    "--leave-out",
    default="self",
    show_default=True,
    help="What a text may not retrieve: self, near (near-duplicates too) or nothing.",
)
@click.option("--seed", default=0, show_default=True, help="Seed for the gates that are trained.")
@click.option("--losses", type=click.Path(path_type=Path), help="Write the loss of every token: .npz or .parquet.")
@text_options
@dtype_option
@every_command
def perplexity(
    files: tuple[Path, ...],
    atlas: bool,
    part: str,
    validation: tuple[Path, ...],
    methods: str | None,
    hidden: bool,
    text_column: str | None,
    without_license: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
    **options: Any,
) -> None:
    """Perplexity of FILES with and without memory, all methods on the same tokens.

    What is not given (temperature, lambda) is tuned on validation text: --validation, the validation part of the
    file with --part test, or the validation articles with --atlas.
    """
    lab = open_lab(home, workspace)
    if atlas == bool(files):
        raise click.UsageError("Give files, or --atlas.")
    texts, held = [], []
    if atlas:
        texts, held = lab.perplexity.atlas_part("test"), lab.perplexity.atlas_part("validation")
    how = {"hidden": hidden, "text_column": text_column, "without_license": without_license}
    for file in files:
        collection = lab.texts_of(file, **how)
        say_of_texts(collection.report)
        texts += lab.perplexity.part_of(file, part, collection)
        held += lab.perplexity.part_of(file, "validation", collection) if part == "test" and not validation else []
    for file in validation:
        held += lab.texts_of(file, **how).articles
    data = "atlas (test)" if atlas else ", ".join(f.name for f in files) + (f" ({part})" if part != "all" else "")
    wanted = None if methods is None else tuple(name.strip() for name in methods.split(",") if name.strip())
    options["own_models"] = options.get("own_models") or ()
    result = lab.evaluate_perplexity(texts, held, wanted, data=data, progress=progress, **options)
    show(result, as_json, _perplexity_lines(result))


def _perplexity_lines(result: dict[str, Any]) -> list[str]:
    settings = {k: v for k, v in result["settings"].items() if v not in (None, [], 0)}
    settings["tuned_on"] = f"{len(result['settings']['tuned_on'])} texts"
    lines = [
        f"{result['data']}: {short(settings)}",
        f"{'':22}{'perplexity':>11}{'interval':>20}{'tokens':>9}{'worse':>8}{'tokens/s':>10}",
    ]
    for row in result["results"]:
        low, high = row["interval"]
        worse = f"{row['worse_than_base']:.0%}" if "worse_than_base" in row else ""
        speed = f"{row['tokens_per_s']:.0f}" if row["tokens_per_s"] else ""
        lines.append(
            f"{row['method']:22}{row['perplexity']:11.3f}{f'{low:.2f} to {high:.2f}':>20}{row['tokens']:9}{worse:>8}{speed:>10}"
        )
    lines.append("worse: share of tokens that are less likely than under base.")
    lines += _gain_lines(result["by_frequency"])
    if result["recall"] is not None:
        lines.append(f"Recall of the approximate index against exact search: {result['recall']:.3f}.")
    if result["left_out"]:
        lines.append(
            f"{result['left_out']} tokens are entries of the datastore themselves; they did not retrieve themselves."
        )
    for kind, about in result["gates"].items():
        lines.append(
            f"{kind} gate: mean lambda {about['mean_lambda']:.2f}, searches saved {about['searches_saved']:.0%}."
        )
    lines += ["", "Reported by the papers at their full scale, not comparable with the above:"]
    for table in result["reported"]:
        lines.append(f"  {table['title']} ({table['source']}):")
        lines += [f"    {', '.join(f'{row[c]}' for c in table['columns'])}" for row in table["rows"]]
        lines += [f"    {table['note']}"] if table["note"] else []
    return lines


def _gain_lines(rows: list[dict[str, Any]]) -> list[str]:
    """One line for each method: its mean gain on tokens of each frequency, with intervals."""
    if not rows:
        return []
    bands = list(dict.fromkeys(row["frequency"] for row in rows if row["tokens"]))
    lines = [
        "",
        "Nats gained over base, by how many entries of the datastore hold the token (95% interval where there are enough):",
    ]
    lines.append(f"{'':22}" + "".join(f"{band:>24}" for band in bands))
    count = {row["frequency"]: f"{row['tokens']} tokens" for row in rows}
    lines.append(f"{'':22}" + "".join(f"{count[band]:>24}" for band in bands))
    for method in dict.fromkeys(row["method"] for row in rows):
        cells = [
            f"{row['gain']:.3f}" + (" [{:.3f}, {:.3f}]".format(*row["interval"]) if row["interval"] else "")
            for row in rows
            if row["method"] == method and row["tokens"]
        ]
        lines.append(f"{method:22}" + "".join(f"{cell:>24}" for cell in cells))
    return [*lines, ""]
