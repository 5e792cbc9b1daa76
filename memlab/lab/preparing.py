"""The bundled datastores: the job that builds them, and building one that is needed at once."""

from __future__ import annotations

from memlab.declare import Method
from memlab.evaluate.prepare import bundled_stores, prepare_bundled
from memlab.lab.context import Context
from memlab.lm.catalogue import BUNDLED, info
from memlab.progress import Progress, no_progress
from memlab.record.job_info import JobInfo
from memlab.systems.registry import registry


def calibrated_method(kind: str) -> Method:
    """The method that bundled datastores of a kind of model are calibrated for: the first that mixes in p_kNN."""
    return registry().calibrated(kind)


def preparation(context: Context) -> JobInfo | None:
    """The last job that builds the bundled datastores; None where none was needed."""
    return next(iter(context.jobs.list(1, "prepare")), None)


def build_if_bundled(context: Context, name: str, progress: Progress = no_progress) -> None:
    """Builds a bundled datastore that is needed whole, unless it is built or a job is building it."""
    model = next((m for m in BUNDLED if name == m or (name.startswith(f"{m}-") and name in bundled_stores())), None)
    if model is None or context.shelf.is_built(name):
        return
    job = preparation(context)
    if job is None or job.over:
        prepare_bundled(context.home, model, calibrated_method(info(model).kind), progress)
