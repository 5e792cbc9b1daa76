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
    ),
)
