"""The model without a memory: the baseline for every memory."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.declare import Method, Recipe, System


@dataclass(frozen=True)
class Settings:
    """The model alone has no settings."""


METHOD = Method(
    name="base",
    title="Model alone",
    paper="no memory",
    kinds=("causal", "masked"),
    help="The model without a memory, with the workspace's edits of its weights.",
    settings=Settings,
    reader="memlab.systems.plain.reader:PlainReader",
    abilities=("ask", "read", "generate"),
    unable={
        "sweep": "The model alone has no gate and no neighbors to vary.",
        "explain": "The model alone has no neighbors that could decide its answer.",
    },
    columns={"base": "base", "short-term": "short-term"},
    remembers=False,
)

MAKE = "memlab.systems.plain.recipe:make"

SYSTEM = System(
    name="plain",
    title="Model alone",
    paper="no memory",
    group="Language models",
    summary="A masked or causal model without a memory, with the workspace's edits of its weights: the baseline.",
    methods=(METHOD,),
    recipes=(
        Recipe("base", "base", "Causal model on a text", "a text", steps=900, seed=0, minutes=4.0),
        Recipe("short-term", "short-term", "The same with short-term memory", "a text", steps=900, seed=0, minutes=5.0),
        Recipe(
            name="atlas-mlm",
            kind="masked",
            title="Masked model of the bundled world",
            data="atlas",
            steps=1100,
            seed=2026,
            minutes=20.0,
            bundled=True,
            make=MAKE,
        ),
        Recipe(
            name="atlas-clm",
            kind="causal",
            title="Causal model of the bundled world",
            data="atlas",
            steps=1600,
            seed=2026,
            minutes=30.0,
            bundled=True,
            make=MAKE,
        ),
    ),
)
