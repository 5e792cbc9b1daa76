"""The `memlab` command. Thin, like a page: read options, one call into the lab, print.

Exit status: 0 done, 1 a MemlabError (one line on stderr), 2 wrong usage. With --json, standard output
is one JSON document and nothing else.
"""

from __future__ import annotations

import click

from memlab import __version__
from memlab.cli.common import LazyCommands, open_lab
from memlab.commands import OPENS

COMMANDS = {  # name -> "module:command"; the module is imported when the command is used. Systems declare theirs.
    "ask": "memlab.cli.asking:ask",
    "batch": "memlab.cli.batch:batch",
    "read": "memlab.cli.reading:read",
    "generate": "memlab.cli.generating:generate",
    "teach": "memlab.cli.editing:teach",
    "forget": "memlab.cli.editing:forget",
    "correct": "memlab.cli.editing:correct",
    "edit": "memlab.cli.recording:edit",
    "undo": "memlab.cli.editing:undo",
    "redo": "memlab.cli.editing:redo",
    "history": "memlab.cli.editing:history",
    "moved": "memlab.cli.editing:moved",
    "sources": "memlab.cli.editing:sources",
    "lessons": "memlab.cli.lessons:lessons",
    "models": "memlab.cli.models:models",
    "datastores": "memlab.cli.making:datastores",
    "index": "memlab.cli.making:index",
    "build": "memlab.cli.making:build",
    "jobs": "memlab.cli.jobs:jobs",
    "train": "memlab.cli.making:train",
    "evaluate": "memlab.cli.measuring:evaluate",
    "bench": "memlab.cli.measuring:bench",
    "crashtest": "memlab.cli.crashing:crashtest",
    "serve": "memlab.cli.serving:serve",
    "systems": "memlab.cli.systems:systems",
    "run": "memlab.cli.systems:run",
    "workspace": "memlab.cli.workspaces:workspace",
}


@click.group(cls=LazyCommands, later=COMMANDS, within="", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="memlab")
@click.pass_context
def main(ctx: click.Context) -> None:
    """A workbench for language models with memory."""
    ctx.meta[OPENS] = open_lab  # for the commands of systems, which may not import the lab
