"""What Facts as Experts declares; the paper's computation is in `combination.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memlab.declare import (
    Chapter,
    Command,
    Correction,
    LessonAction,
    Method,
    ModelFormat,
    Recipe,
    Study,
    System,
    setting,
)
from memlab.systems.facts_as_experts.ledger import KINDS

HERE = "memlab.systems.facts_as_experts"
MODEL = "atlas-fae"
GATES: Mapping[str, float | None] = {"learned": None, "context": 1.0, "memory": 0.0}


@dataclass(frozen=True)
class Settings:
    """How a question is answered."""

    k: int = setting(8, "facts k", "How many rows of the fact memory are retrieved and mixed.", low=1, high=256)
    gate: str = setting(
        "learned",
        "gate",
        "λ is the probability of the null fact. Learned: as computed. Forced: context is λ = 1 (no fact), memory is λ = 0.",
        choices=tuple(GATES),
    )


@dataclass(frozen=True)
class BleedSettings:
    """Settings of the bleed test."""

    replaced: int = setting(
        50, "Rows replaced", "How many rows of the fact memory get another object.", low=1, high=500, log=True
    )
    question: int = setting(
        0, "Question", "Which of the three held-out questions of each relation is asked.", low=0, high=2
    )
    one_by_one: int = setting(
        20,
        "One by one",
        "How many of them are also replaced alone, to count what each replacement moves.",
        low=0,
        high=100,
    )
    seed: int = setting(0, "Seed", "Draws the rows and their new objects.", low=0, high=10_000)


@dataclass(frozen=True)
class HeldOutSettings:
    """Settings of the test with facts that the training text never states."""

    question: int = setting(
        0, "Question", "Which of the three held-out questions of each relation is asked.", low=0, high=2
    )


METHOD = Method(
    name="facts-as-experts",
    title="Facts as Experts",
    paper="Verga, Sun, Baldini Soares & Cohen, NAACL 2021",
    kinds=("masked",),
    help="One missing name: rows of an editable fact memory, mixed with the context by the probability of a null fact.",
    settings=Settings,
    reader=f"{HERE}.reader:FactReader",
    abilities=("ask", "sweep"),
    unable={
        "explain": "Facts as Experts mixes vectors before the softmax: no row has a share of the probability that could be removed.",
        "read": "Facts as Experts fills one [MASK]; it does not read from left to right.",
        "generate": "Facts as Experts fills one [MASK]; it does not continue a text.",
    },
    model=MODEL,
    takes_cache=False,
    memory=f"{HERE}.store:FactMemory",
)

PARTS_FILE, FACTS_FILE = "fae.safetensors", "facts.csv"
FORMAT = ModelFormat(
    name="fae",
    title="Facts as Experts",
    load=f"{HERE}.model:fae_model",
    files=(PARTS_FILE, FACTS_FILE),
    method=METHOD.name,
    note="It has an entity memory and a fact memory of its own; the rows of the fact memory can be edited without training.",
    not_added="This model has memories of its own beside its weights. Copy its whole folder into models/ of the home folder.",
)

SYSTEM = System(
    name="facts_as_experts",
    title="Facts as Experts",
    paper="Verga, Sun, Baldini Soares & Cohen: Adaptable and Interpretable Neural Memory Over Symbolic Knowledge. NAACL 2021",
    group="Changing what a model knows",
    summary=(
        "A masked model reads a memory of entities inside the transformer and a memory of facts above it: keys are (subject, "
        "relation), values the objects. Rows are added, replaced and removed without training; a null fact says when the memory "
        "is not used."
    ),
    methods=(METHOD,),
    model_formats=(FORMAT,),
    edits=KINDS,
    chapters=(
        Chapter(
            "fact_memory",
            "Rows of the fact memory (Facts as Experts): search, add, replace and remove without training.",
            f"{HERE}.chapter:FactMemoryChapter",
        ),
    ),
    lesson_actions=(LessonAction("replace fact", ("subject", "relation", "object", "new"), f"{HERE}.lesson:replace"),),
    commands=(Command("facts", f"{HERE}.command:facts"),),
    corrections=(Correction("fact memory", f"{HERE}.correcting:correct"),),
    studies=(
        Study(
            name="bleed",
            title="Bleed test",
            help="Replaces rows of the fact memory and counts which other answers moved: same object, same relation, same subject, unrelated.",
            settings=BleedSettings,
            run=f"{HERE}.studies:bleed",
            draw=f"{HERE}.figures:draw_bleed",
        ),
        Study(
            name="held-out",
            title="Facts that the text never states",
            help="Accuracy on all facts with and without their rows; the text states frequent and rare facts, never unseen ones.",
            settings=HeldOutSettings,
            run=f"{HERE}.studies:held_out",
            draw=f"{HERE}.figures:draw_held_out",
        ),
    ),
    recipes=(
        Recipe(
            name=MODEL,
            kind="masked",
            title="Facts as Experts of the bundled world",
            data="atlas; starts from atlas-mlm",
            steps=320,
            seed=2026,
            minutes=6.0,
            bundled=True,
            make=f"{HERE}.recipe:make",
        ),
    ),
    words={
        "fact memory": "A table of facts: keys are made from subject and relation, values from the objects.",
        "null fact": "A key beside those of the facts that means: no fact helps here. Its probability is the gate λ.",
        "entity memory": "One embedding for every name, which the model reads at each mention, in the middle of the transformer.",
    },
)
