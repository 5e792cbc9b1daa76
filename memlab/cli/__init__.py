"""The `memlab` command. Thin, like a page: read options, one call into the lab, print.

Exit status: 0 done, 1 a MemlabError (one line on stderr), 2 wrong usage. With --json, standard output
is one JSON document and nothing else.
"""

from __future__ import annotations

import click

from memlab import __version__
from memlab.cli.asking import ask
from memlab.cli.batch import batch
from memlab.cli.common import Commands
from memlab.cli.crashing import crashtest
from memlab.cli.editing import correct, forget, history, moved, redo, sources, teach, undo
from memlab.cli.generating import generate
from memlab.cli.jobs import jobs
from memlab.cli.lessons import lessons
from memlab.cli.making import build, datastores, train
from memlab.cli.measuring import bench, evaluate
from memlab.cli.models import models
from memlab.cli.reading import read
from memlab.cli.serving import serve
from memlab.cli.workspaces import workspace


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="memlab")
def main() -> None:
    """A workbench for language models with memory."""


for command in (
    ask,
    batch,
    read,
    generate,
    teach,
    forget,
    correct,
    undo,
    redo,
    history,
    moved,
    sources,
    lessons,
    models,
    datastores,
    build,
    jobs,
    train,
    evaluate,
    bench,
    crashtest,
    serve,
    workspace,
):
    main.add_command(command)
