"""The chapters of a lab, and what each of them is given.

A chapter is a class in a module of its own. It takes the context and, by name, the chapters that it needs; no two
chapters need each other. To add one: write the class, make it in `Chapters.of`, and name it on `Lab` (a property
for a group, a method for a verb), and in `memlab.declare.reserved`. Chapters of systems are declared by them instead (see
`memlab.lab.declared`).
"""

from __future__ import annotations

from dataclasses import dataclass

from memlab.lab.asking import Asking
from memlab.lab.batch import Batch
from memlab.lab.building import Building
from memlab.lab.context import Context
from memlab.lab.diagnosing import Diagnosing
from memlab.lab.editing import Editing
from memlab.lab.explaining import Explaining
from memlab.lab.gates import Gates
from memlab.lab.generating import Generating
from memlab.lab.house import LabHouse
from memlab.lab.inventory import Inventory
from memlab.lab.kept_batches import KeptBatches
from memlab.lab.lama import Lama
from memlab.lab.lessons import Lessons
from memlab.lab.library import ModelLibrary
from memlab.lab.measuring import Measuring
from memlab.lab.perplexity import Perplexity
from memlab.lab.reading import Reading
from memlab.lab.recording import Recording
from memlab.lab.reports import Reports
from memlab.lab.resolving import Resolver
from memlab.lab.side_effects import SideEffects
from memlab.lab.studies import Studies
from memlab.lab.training import Training
from memlab.lab.trees import Trees
from memlab.lab.workspaces import WorkspaceAdmin


@dataclass(frozen=True)
class Answering:
    """The chapters that answer; a view of a workspace needs no others."""

    inventory: Inventory
    house: LabHouse
    asking: Asking
    resolver: Resolver
    generation: Generating

    @classmethod
    def of(cls, context: Context) -> Answering:
        """For one view of a workspace."""
        inventory = Inventory(context)
        house = LabHouse(context, inventory)
        resolver = Resolver(house)
        return cls(inventory, house, Asking(context, house), resolver, Generating(resolver))


@dataclass(frozen=True)
class Chapters(Answering):
    """All chapters of a lab."""

    gates: Gates
    batch: Batch
    diagnosing: Diagnosing
    batches: KeptBatches
    explain: Explaining
    side_effects: SideEffects
    editing: Editing
    recording: Recording
    reading: Reading
    trees: Trees
    measuring: Measuring
    perplexity: Perplexity
    building: Building
    training: Training
    reports: Reports
    lessons: Lessons
    workspaces: WorkspaceAdmin
    studies: Studies
    library: ModelLibrary
    lama: Lama

    @classmethod
    def of(cls, context: Context) -> Chapters:
        """For a lab; makes objects only, and loads nothing."""
        a = Answering.of(context)
        side_effects = SideEffects(context, a.asking, lambda view: Answering.of(view).asking)
        building, diagnosing = Building(context), Diagnosing(context, a.asking)
        batch = Batch(context, a.asking, diagnosing)
        return cls(
            **vars(a),
            gates=Gates(a.house),
            batch=batch,
            diagnosing=diagnosing,
            batches=KeptBatches(context, batch),
            explain=Explaining(context, a.asking),
            side_effects=side_effects,
            editing=Editing(context, a.asking, side_effects),
            recording=Recording(context),
            reading=Reading(context, a.resolver),
            trees=Trees(context, a.generation),
            measuring=Measuring(a.house),
            perplexity=Perplexity(a.house),
            building=building,
            training=Training(a.house),
            reports=Reports(context),
            lessons=Lessons(context),
            workspaces=WorkspaceAdmin(context),
            studies=Studies(a.house),
            library=ModelLibrary(context),
            lama=Lama(a.house, building),
        )
