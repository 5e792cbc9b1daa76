"""The chapters of a lab, and what each of them is given.

A chapter is a class in a module of its own. It takes the context and, by name, the chapters that it needs; no two
chapters need each other. To add one: write the class, make it in `Chapters.of`, and name it on `Lab` (a property
for a group, a method for a verb).
"""

from __future__ import annotations

from dataclasses import dataclass

from memlab.lab.answers import Answers
from memlab.lab.asking import Asking
from memlab.lab.asking_spalm import AskingSpalm
from memlab.lab.batch import Batch
from memlab.lab.building import Building
from memlab.lab.context import Context
from memlab.lab.editing import Editing
from memlab.lab.explaining import Explaining
from memlab.lab.gates import Gates
from memlab.lab.generating import Generating
from memlab.lab.inventory import Inventory
from memlab.lab.lessons import Lessons
from memlab.lab.measuring import Measuring
from memlab.lab.perplexity import Perplexity
from memlab.lab.reading import Reading
from memlab.lab.reports import Reports
from memlab.lab.resolving import Resolver
from memlab.lab.side_effects import SideEffects
from memlab.lab.training import Training
from memlab.lab.trees import Trees
from memlab.lab.workspaces import WorkspaceAdmin


@dataclass(frozen=True)
class Answering:
    """The chapters that answer; a view of a workspace needs no others."""

    inventory: Inventory
    asking: Asking
    gates: Gates
    resolver: Resolver
    generation: Generating
    answers: Answers

    @classmethod
    def of(cls, context: Context) -> Answering:
        """For one view of a workspace."""
        inventory = Inventory(context)
        asking = Asking(context, inventory)
        gates = Gates(context, inventory, asking)
        resolver = Resolver(context, inventory, asking, gates)
        generation = Generating(resolver)
        answers = Answers(asking, AskingSpalm(context, generation))
        return cls(inventory, asking, gates, resolver, generation, answers)


@dataclass(frozen=True)
class Chapters(Answering):
    """All chapters of a lab."""

    batch: Batch
    explain: Explaining
    side_effects: SideEffects
    editing: Editing
    reading: Reading
    trees: Trees
    measuring: Measuring
    perplexity: Perplexity
    building: Building
    training: Training
    reports: Reports
    lessons: Lessons
    workspaces: WorkspaceAdmin

    @classmethod
    def of(cls, context: Context) -> Chapters:
        """For a lab; makes objects only, and loads nothing."""
        a = Answering.of(context)
        side_effects = SideEffects(context, a.answers, lambda view: Answering.of(view).answers)
        return cls(
            **vars(a),
            batch=Batch(context, a.answers),
            explain=Explaining(context, a.answers),
            side_effects=side_effects,
            editing=Editing(context, a.answers, side_effects),
            reading=Reading(context, a.inventory, a.gates, a.resolver),
            trees=Trees(context, a.generation),
            measuring=Measuring(context, a.asking),
            perplexity=Perplexity(context, a.inventory, a.asking, a.gates),
            building=Building(context),
            training=Training(context),
            reports=Reports(context),
            lessons=Lessons(context),
            workspaces=WorkspaceAdmin(context),
        )
