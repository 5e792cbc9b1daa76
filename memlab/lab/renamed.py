"""Names of Lab that moved behind another name. They work for one more release, with a DeprecationWarning."""

from __future__ import annotations

import warnings
from operator import attrgetter
from typing import Any

RENAMED = {
    "smallest_set": "explain.smallest_set",
    "occlusion": "explain.occlusion",
    "layers": "explain.layers",
    "map": "explain.map",
    "sweep": "explain.sweep",
    "health": "explain.health",
    "bench_explaining": "explain.benchmarks",
    "moved": "side_effects.of",
    "difference": "side_effects.difference",
    "trace_step": "reading.step",
    "reading_settings": "reading.settings",
    "reading_code": "reading.code",
    "reads_at_once": "reading.is_cached",
    "passage_of": "reading.text_of_file",
    "generate_pair": "generation.pair",
    "generate_without": "generation.without_memory",
    "continue_generation": "generation.extend",
    "choose_token": "generation.choose_token",
    "generation_step": "generation.step",
    "decoding_settings": "generation.decoding_settings",
    "token_named": "generation.token_named",
    "grow": "trees.replay",
    "tokens_left": "trees.tokens_left",
    "train_gate": "gates.train",
    "train_gate_on_held_out": "gates.train_on_held_out",
    "gate_is_trained": "gates.is_trained",
    "build_bundled": "building.bundled",
    "build_order": "building.order",
    "read_texts": "building.read_texts",
    "keep_texts": "building.keep_texts",
    "delete_datastore": "building.delete",
    "preparation": "building.preparation",
    "train_text": "training.text",
    "reported_perplexities": "perplexity.reported",
    "part_of": "perplexity.part_of",
    "atlas_part": "perplexity.atlas_part",
    "bench_reading": "benchmarks.reading",
    "submit": "work.submit",
    "run_job": "work.run",
    "resume_job": "work.resume",
    "stop_job": "work.stop",
    "remove_job": "work.remove",
    "job": "work.job",
    "jobs": "work.jobs",
    "outcome": "work.outcome",
    "wait_for_job": "work.wait",
    "lesson": "lessons.get",
    "lesson_problems": "lessons.problems",
    "save_lesson": "lessons.save",
    "new_lesson": "lessons.new",
    "add_to_lesson": "lessons.add_step",
    "import_lesson": "lessons.import_",
    "delete_lesson": "lessons.delete",
    "create_workspace": "workspaces.create",
    "rename_workspace": "workspaces.rename",
    "copy_workspace": "workspaces.copy",
    "delete_workspace": "workspaces.delete",
    "export_workspace": "workspaces.export",
    "import_workspace": "workspaces.import_",
    "code": "reports.code",
    "command": "reports.command",
    "versions": "reports.versions",
    "report": "reports.html",
    "relations": "inventory.relations",
    "stories": "inventory.stories",
    "causal_datastores": "inventory.causal_datastores",
}


def renamed(lab: object, name: str) -> Any:
    """The attribute that a former name of Lab stands for, with a warning. Raises AttributeError for any other name."""
    if name not in RENAMED:
        raise AttributeError(f"{type(lab).__name__!r} object has no attribute {name!r}")
    warnings.warn(f"lab.{name} is now lab.{RENAMED[name]}", DeprecationWarning, stacklevel=3)
    return attrgetter(RENAMED[name])(lab)
