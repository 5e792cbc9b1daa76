"""The `memlab` command. Thin, like a page: read options, one call into the lab, print.

Exit status: 0 done, 1 a MemlabError (one line on stderr), 2 wrong usage. With --json, standard output
is one JSON document and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memlab import __version__
from memlab.errors import InputError, MemlabError

if TYPE_CHECKING:
    from memlab.lab import Lab


class _Commands(click.Group):
    """A group that prints a MemlabError as one line and ends with status 1."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except MemlabError as error:
            click.echo(f"memlab: {' '.join(str(error).split())}", err=True)
            sys.exit(1)


def _common(command: Callable) -> Callable:
    """The options that every command has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("--home", type=click.Path(path_type=Path), help="Home folder (default: $MEMLAB_HOME)."),
        click.option("--workspace", default="default", show_default=True, help="Workspace."),
    ):
        command = option(command)
    return command


def _settings(command: Callable) -> Callable:
    """One option for every setting of every method, made from the declarations."""
    from memlab.methods import METHODS

    seen: dict[str, click.Option] = {}
    for method in METHODS.values():
        for field in method.fields():
            if field.name not in seen:
                seen[field.name] = click.option(  # type: ignore[assignment]
                    f"--{field.name}", metavar="VALUE", help=f"{field.label}: {field.help} Allowed: {field.allowed}."
                )
    for option in reversed(seen.values()):
        command = option(command)  # type: ignore[operator]
    return command


def _lab(home: Path | None, workspace: str) -> Lab:
    from memlab.lab import Lab

    return Lab.open(home, workspace)


def _print(document: Any, as_json: bool, lines: list[str]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False) if as_json else "\n".join(lines))


def _progress(fraction: float, message: str) -> None:
    end = "\n" if fraction >= 1 else "\r"
    click.echo(f"  {fraction:4.0%}  {message:<70.70}", err=True, nl=False)
    click.echo(end, err=True, nl=False)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="memlab")
def main() -> None:
    """A workbench for language models with memory."""


@main.command()
@click.argument("prompt", required=False)
@click.option("--method", help="bert-knn for a prompt with [MASK], knn-lm for next words (default: what fits).")
@click.option("--model", help="Bundled name, folder, or hub name (default: the model of the datastore).")
@click.option("--datastore", help="Whose entries are searched (default: the bundled one).")
@click.option("--as-of", type=int, help="The state after so many edits.")
@click.option("--preset", default="calibrated", show_default=True, help="calibrated or paper: settings not given.")
@click.option("--top", type=click.IntRange(1), help="With --json: cut the distributions to so many words.")
@_settings
@_common
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
    p = _lab(home, workspace).ask(text, method, model, datastore, as_of, preset, **given)
    best, lam = p.mixture[0], p.gate.knn_weight
    lines = [
        f"{p.prompt}  ->  {best.token}",
        f"  {p.model} says   {_words(p.lm)}",
        f"  memory says      {_words(p.knn)}",
        f"  mixture          {_words(p.mixture)}",
        f"  {lam:.2f} x {p.knn.of(best.id):.2f} + {1 - lam:.2f} x {p.lm.of(best.id):.2f} = {best.p:.2f}"
        f"   ({p.method}, {p.datastore}, {_short(p.settings)})",
        *(f"  {n.weight:5.1%}  {n.left[-45:]}[{n.value}]{n.right[:35]}  ({n.document})" for n in p.neighbors[:5]),
        *(f"  note: {notice}" for notice in p.notices),
    ]
    _print(p.to_dict(top), as_json, [" ".join(line.splitlines()) for line in lines])


def _words(distribution: Any) -> str:
    return ", ".join(f"{w.token} {w.p:.2f}" for w in distribution.top(4))


def _short(settings: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _author(command: Callable) -> Callable:
    """The options of every command that edits."""
    command = click.option("--dry-run", is_flag=True, help="Only say what would change.")(command)
    return click.option("--author", default="anonymous", show_default=True, help="Who edits.")(command)


def _print_edit(edit: Any, as_json: bool) -> None:
    lines = [f"{'would be ' if edit.dry_run else ''}edit {edit.seq}: {edit.summary}"]
    lines += [f"  forgets {s.text!r} in {s.document}" for s in edit.sources[:20]]
    if len(edit.sources) > 20:
        lines.append(f"  ... and {len(edit.sources) - 20} more")
    lines += [f"  remembers {text}" for text in edit.remembers]
    _print(edit.to_dict(), as_json, lines)


@main.command()
@click.argument("text", required=False)
@click.option("--value", help="Remember only this word of the text (default: every word).")
@_author
@_common
def teach(
    text: str | None, value: str | None, author: str, dry_run: bool, as_json: bool, home: Path | None, workspace: str
) -> None:
    """Teach the memory a sentence or short TEXT (standard input without one, or with "-")."""
    told = sys.stdin.read() if text in (None, "-") else str(text)
    _print_edit(_lab(home, workspace).teach(told, value, author, dry_run), as_json)


@main.command()
@click.option("--entry", "entries", type=int, multiple=True, help="Number of an entry; may be repeated.")
@click.option("--document", help="A whole document, by title.")
@click.option("--fact", nargs=3, metavar="SUBJECT RELATION OBJECT", help="Everything that states a fact.")
@click.option("--prompt", help="What this prompt retrieves.")
@click.option("--weight-above", default=0.0, show_default=True, help="With --prompt: only neighbors of more weight.")
@click.option("--datastore", help="Whose entries are meant (default: the bundled one).")
@_author
@_common
def forget(
    entries: tuple[int, ...],
    document: str | None,
    fact: tuple[str, str, str] | None,
    prompt: str | None,
    weight_above: float,
    datastore: str | None,
    author: str,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Forget entries, a document, a fact, or what a prompt retrieves: for every method, model and datastore."""
    from memlab.results import Fact

    stated = Fact(*fact) if fact else None
    lab = _lab(home, workspace)
    edit = lab.forget(list(entries) or None, document, stated, prompt, weight_above, datastore, author, dry_run)
    _print_edit(edit, as_json)


@main.command()
@click.argument("subject")
@click.argument("relation")
@click.argument("old")
@click.argument("new")
@_author
@_common
def correct(
    subject: str,
    relation: str,
    old: str,
    new: str,
    author: str,
    dry_run: bool,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Forget that the RELATION of SUBJECT is OLD and teach that it is NEW, as one edit."""
    from memlab.results import Fact

    _print_edit(_lab(home, workspace).correct(Fact(subject, relation, old), new, author, dry_run), as_json)


@main.command()
@click.argument("edit", required=False)
@_common
def undo(edit: str | None, as_json: bool, home: Path | None, workspace: str) -> None:
    """Take an EDIT back, by number or id (default: the last one)."""
    _print_edit(_lab(home, workspace).undo(edit), as_json)


@main.command()
@click.argument("edit", required=False)
@_common
def redo(edit: str | None, as_json: bool, home: Path | None, workspace: str) -> None:
    """Put an undone EDIT back (default: the one undone last)."""
    _print_edit(_lab(home, workspace).redo(edit), as_json)


@main.command()
@click.option("--verify", is_flag=True, help="Check the chain of hashes: no row changed, missing or reordered.")
@_common
def history(verify: bool, as_json: bool, home: Path | None, workspace: str) -> None:
    """The edits of the workspace."""
    lab = _lab(home, workspace)
    edits = lab.history()
    document: dict[str, Any] = {"workspace": workspace, "edits": [e.to_dict() for e in edits]}
    lines = [f"{e.seq:4}  {e.time}  {e.kind:8} {e.author:12} {e.summary}" for e in edits] or ["no edits yet"]
    if verify:
        problems = lab.verify()
        document |= {"verified": not problems, "problems": [p.to_dict() for p in problems]}
        lines += [f"problem: {p.to_dict()}" for p in problems] or ["verified: no row changed, missing or reordered"]
    _print(document, as_json, lines)


@main.command()
@_common
def models(as_json: bool, home: Path | None, workspace: str) -> None:
    """The models that can be used by name."""
    found = _lab(home, workspace).models()
    lines = [f"{m.name:<20} {m.kind:<8} {m.size_mb:8.1f} MB{'  bundled' if m.bundled else ''}" for m in found]
    _print([m.to_dict() for m in found], as_json, lines)


@main.command()
@_common
def datastores(as_json: bool, home: Path | None, workspace: str) -> None:
    """The datastores of the home folder."""
    found = _lab(home, workspace).datastores()
    lines = [
        f"{s.name:<28} {s.state:<9} {s.model:<14} key {s.key:<12} {s.entries:>8} entries {s.documents:>6} texts {s.index} {s.why}"
        for s in found
    ]
    _print([s.to_dict() for s in found], as_json, [line.rstrip() for line in lines])


@main.command()
@click.argument("texts", nargs=-1, type=click.Path(path_type=Path))
@click.option("--name", help="Name of the datastore (default: the first file's name).")
@click.option("--model", default="atlas-mlm", show_default=True, help="Bundled name, folder, or hub name.")
@click.option("--key", "keys", multiple=True, help="Which representation is the key; several give a datastore each.")
@click.option("--index", help="flat, ivf, hnsw or ivfpq (default: by size).")
@click.option("--window", type=int, help="Causal models: tokens of a window, without special tokens.")
@click.option("--stride", type=int, help="Causal models: a window begins every so many tokens.")
@_common
def build(
    texts: tuple[Path, ...],
    name: str | None,
    model: str,
    keys: tuple[str, ...],
    index: str | None,
    window: int | None,
    stride: int | None,
    as_json: bool,
    home: Path | None,
    workspace: str,
) -> None:
    """Build a datastore from TEXTS (files or folders: txt, md, csv, jsonl, parquet; gzip is read).

    Without TEXTS: builds and calibrates the bundled datastores, if they are not there or damaged.
    """
    lab = _lab(home, workspace)
    if not texts:
        built = lab.build_bundled(_progress)
    else:
        built = lab.build(
            lab.read_texts(texts), name or texts[0].name.split(".")[0], model, keys, index, window, stride, _progress
        )
    _print(
        [s.to_dict() for s in built], as_json, [f"{s.name}: {s.entries} entries of {s.documents} texts" for s in built]
    )


@main.command()
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the model's folder is written (default: models/NAME in the home folder).",
)
@click.option("--steps", type=click.IntRange(1), help="Fewer or more training steps than the recipe's.")
@_common
def train(name: str, out: Path | None, steps: int | None, as_json: bool, home: Path | None, workspace: str) -> None:
    """Train a bundled model (atlas-mlm, atlas-clm) again from its recipe, score it, and write its card."""
    info = _lab(home, workspace).train(name, out, steps, _progress)
    _print(info.to_dict(), as_json, [f"{info.path}: {info.size_mb} MB", info.card])


@main.group(cls=_Commands)
def evaluate() -> None:
    """Measure: `memlab evaluate facts`."""


@evaluate.command("facts")
@click.option("--method", default="bert-knn", show_default=True, help="bert-knn or knn-lm.")
@click.option("--preset", default="calibrated", show_default=True, help="calibrated or paper.")
@click.option("--search", help="articles or all (default: the method's).")
@click.option(
    "--question", type=click.IntRange(0, 2), help="Only this held-out question template (default: all three)."
)
@_common
def evaluate_facts(
    method: str, preset: str, search: str | None, question: int | None, as_json: bool, home: Path | None, workspace: str
) -> None:
    """Ask every fact of the bundled world that calibration has not seen, by its held-out questions."""
    numbers = (question,) if question is not None else (0, 1, 2)
    result = _lab(home, workspace).evaluate_facts(method, preset=preset, search=search, questions=numbers)
    lines = [
        f"{method}, {preset} settings: {_short(result['settings'])}",
        f"{'':10}{'questions':>10}{'model':>8}{'memory':>8}{'mixture':>8}{'kind':>8}{'baseline':>9}",
    ]
    for exposure in dict.fromkeys(row["exposure"] for row in result["results"]):
        model, memory, mixture = (row for row in result["results"] if row["exposure"] == exposure)
        lines.append(
            f"{exposure:10}{model['questions']:10}{model['p@1']:8.3f}{memory['p@1']:8.3f}{mixture['p@1']:8.3f}"
            f"{model['kind']:8.3f}{model['baseline']:9.3f}"
        )
    _print(result, as_json, lines)


@main.command()
@click.option(
    "--repeat", default=60, show_default=True, type=click.IntRange(5), help="Questions measured of each kind."
)
@_common
def bench(repeat: int, as_json: bool, home: Path | None, workspace: str) -> None:
    """Measure asking, mixing and building against bare forward passes and searches of the same run."""
    result = _lab(home, workspace).bench(repeat)
    lines = []
    for row in result["results"]:
        figures = ", ".join(
            f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items() if k != "name"
        )
        lines.append(f"{row['name']:<24} {figures}")
    _print(result, as_json, lines)


@main.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535), help="Port on localhost.")
@click.option("--browser/--no-browser", default=True, help="Open a browser window.")
@_common
def serve(port: int, browser: bool, as_json: bool, home: Path | None, workspace: str) -> None:
    """Open the pages in the browser."""
    from memlab.bundle import bundle
    from memlab.record.home import home_folder

    folder = home_folder(home)  # not the lab: the pages open it, and it takes seconds to import
    app = bundle() / "app.py"
    if not app.is_file():
        raise InputError(f"{app} is missing. Install memlab again.")
    url = f"http://localhost:{port}"
    _print({"url": url, "home": str(folder)}, as_json, [f"memlab: {url}   (home: {folder}; Ctrl+C ends it)"])
    environment = {**os.environ, "MEMLAB_HOME": str(folder)}
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(port)]
    command += ["--server.headless", "true"]  # else Streamlit lays advice for developers over the page
    if browser:
        subprocess.Popen([sys.executable, "-m", "memlab.browser", str(port)], stderr=subprocess.DEVNULL)
    sys.stdout.flush()
    if os.name == "posix":  # becomes the server, so that whoever ends this process ends the server
        os.execve(command[0], command, environment)
    try:
        sys.exit(subprocess.call(command, env=environment))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
