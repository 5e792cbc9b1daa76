"""`memlab jobs`, `memlab jobs stop`, `memlab jobs resume`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memlab.cli.common import Commands, at_interrupt, every_command, open_lab, progress, show
from memlab.errors import InputError, NotFound

if TYPE_CHECKING:
    from memlab.lab import Lab
    from memlab.record.job_info import JobInfo

SHORT = 8  # characters of an id that are shown


@click.group(cls=Commands, invoke_without_command=True)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="How many are listed.")
@every_command
@click.pass_context
def jobs(context: click.Context, limit: int, as_json: bool, home: Path | None, workspace: str) -> None:
    """Long work of all processes, newest first: what runs, what waits, and how the rest ended."""
    if context.invoked_subcommand is not None:
        return
    found = open_lab(home, workspace).work.jobs(limit)
    show([job.to_dict() for job in found], as_json, [_line(job) for job in found] or ["There are no jobs."])


@jobs.command("stop")
@click.argument("job_id", metavar="ID")
@every_command
def stop(job_id: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """Stop a job (ID, or its first characters), whichever process runs it."""
    lab = open_lab(home, workspace)
    job = lab.work.stop(_named(lab, job_id))
    job = lab.work.wait(job.id, timeout=5)
    show(job.to_dict(), as_json, [_line(job)])


@jobs.command("resume")
@click.argument("job_id", metavar="ID")
@every_command
def resume(job_id: str, as_json: bool, home: Path | None, workspace: str) -> None:
    """Continue a job that was stopped, interrupted or failed (ID, or its first characters), in this process."""
    lab = open_lab(home, workspace)
    found = _named(lab, job_id)
    with at_interrupt(lab.work.stop_here):
        job = lab.work.resume(found, progress)
    show(job.to_dict(), as_json, [_line(job)])


def _named(lab: Lab, beginning: str) -> str:
    """The id that begins with `beginning`. Raises NotFound where there is none, InputError where there are several."""
    found = [job.id for job in lab.work.jobs(limit=10_000) if beginning and job.id.startswith(beginning)]
    if len(found) > 1:
        raise InputError(f"{len(found)} jobs begin with {beginning!r}. Give more characters of the id.")
    if not found:
        raise NotFound(f"There is no job {beginning!r}. `memlab jobs` lists the jobs there are.")
    return found[0]


def _line(job: JobInfo) -> str:
    why = job.error or job.message
    return f"{job.id[:SHORT]}  {job.state:<11} {job.fraction:4.0%}  {job.created[:16]}  {job.title}  {why}".rstrip()
