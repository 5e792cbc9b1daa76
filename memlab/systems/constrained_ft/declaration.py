"""What constrained fine-tuning offers: edits of weights, the benchmark, the sweep, stacked edits, retraining."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.declare import Chapter, Command, Correction, LessonAction, LongWork, Page, Study, System, setting
from memlab.systems.constrained_ft.ledger import KINDS

METHODS = ("ft", "ftm", "fta", "ft+ftm", "ft+fta")
WHERE = ("first", "middle", "last", "all", "embeddings", "head")
MODELS = ("atlas-mlm", "atlas-clm")
NORMS = ("none", "inf", "l2")
DRAWN = "drawn"  # facts that a study draws itself
PARTS = ("all", "attention", "feed-forward")


@dataclass(frozen=True)
class BenchmarkSettings:
    """Settings of the editing benchmark."""

    model: str = setting("atlas-mlm", "Model", "The bundled model whose facts are changed.", choices=MODELS)
    facts: int = setting(
        32,
        "|M|",
        "How many facts are changed in one edit; the paper uses 32, 128, 512 and 2048.",
        low=1,
        high=512,
        log=True,
    )
    method: str = setting(
        "fta",
        "Method",
        "ftm trains the modified facts only, fta mixes unmodified ones into every batch; ft+ trains the original sentences first.",
        choices=METHODS,
    )
    norm: str = setting("inf", "Norm", "The norm of the constraint; none trains without one.", choices=NORMS)
    delta: float = setting(
        0.01,
        "δ",
        "Radius of the constraint: how far weights may move. Not used with the norm none.",
        low=1e-6,
        high=1000.0,
        log=True,
    )
    blocks: str = setting("first", "Blocks", "Which part of the model may change.", choices=WHERE)
    part: str = setting("all", "Part", "All of a block, its attention, or its feed-forward layer.", choices=PARTS)
    steps: int = setting(
        120,
        "Steps",
        "Maximum number of steps; training ends earlier when the new facts are learned.",
        low=1,
        high=5000,
        log=True,
    )
    seed: int = setting(
        0, "Seed", "Draws the facts, their new objects and the order of the sentences.", low=0, high=10_000
    )


@dataclass(frozen=True)
class SweepSettings:
    """Settings of the sweep over delta, blocks and |M|."""

    model: str = setting("atlas-mlm", "Model", "The bundled model whose facts are changed.", choices=MODELS)
    method: str = setting("ftm", "Method", "As in an edit.", choices=METHODS)
    norm: str = setting("inf", "Norm", "The norm of the constraint.", choices=("inf", "l2"))
    grid: str = setting(
        "short",
        "Grid",
        "short: 4 values of δ, first and last block, 32 facts. full: 6 values of δ, first, middle, last and all blocks, 1, 8, 32 and 128 facts.",
        choices=("short", "full"),
    )
    steps: int = setting(80, "Steps", "Maximum number of steps for each point.", low=1, high=5000, log=True)
    seed: int = setting(0, "Seed", "Draws facts, new objects and sentences.", low=0, high=10_000)


@dataclass(frozen=True)
class StackSettings:
    """Settings of stacked edits."""

    model: str = setting("atlas-mlm", "Model", "The bundled model whose facts are changed.", choices=MODELS)
    edits: int = setting(
        8,
        "Edits",
        "How many edits are made one after the other, each on top of those before.",
        low=2,
        high=200,
        log=True,
    )
    facts: int = setting(1, "Facts each", "How many facts each of them changes.", low=1, high=64, log=True)
    method: str = setting("ftm", "Method", "As in an edit.", choices=METHODS)
    norm: str = setting("inf", "Norm", "The norm of the constraint.", choices=NORMS)
    delta: float = setting(0.01, "δ", "Radius of the constraint.", low=1e-6, high=1000.0, log=True)
    anchor: str = setting(
        "current",
        "Measured from",
        "current: each edit may move the weights by δ again. base: all edits together.",
        choices=("current", "base"),
    )
    blocks: str = setting("first", "Blocks", "Which part of the model may change.", choices=WHERE)
    steps: int = setting(60, "Steps", "Maximum number of steps for each edit.", low=1, high=5000, log=True)
    seed: int = setting(0, "Seed", "Draws facts, new objects and sentences.", low=0, high=10_000)


@dataclass(frozen=True)
class RetrainSettings:
    """Settings of retraining from scratch."""

    model: str = setting(
        "atlas-mlm", "Model", "The recipe that is trained again, on the corrected corpus.", choices=MODELS
    )
    facts: int = setting(32, "|M|", "How many facts of the corpus are changed.", low=1, high=512, log=True)
    edits: str = setting(
        DRAWN,
        "Facts",
        'drawn: |M| known facts at random. Otherwise a list, and |M| is ignored: "France|capital|Lyon; Germany|capital|Bonn".',
    )
    steps: int = setting(
        0,
        "Steps",
        "Steps of training; 0 takes those of the recipe (1,100 for atlas-mlm, 1,600 for atlas-clm); the progress says how long they take. With fewer steps the model is weaker.",
        low=0,
        high=100_000,
    )
    seed: int = setting(
        0, "Seed", "Draws the facts and their new objects; the recipe keeps its own seed.", low=0, high=10_000
    )


_HERE = "memlab.systems.constrained_ft"
_STUDIES = f"{_HERE}.studies"

SYSTEM = System(
    name="constrained_ft",
    title="Constrained fine-tuning",
    paper="Zhu, Rawat, Zaheer, Bhojanapalli, Li, Yu & Kumar, arXiv 2020",
    group="Changing what a model knows",
    summary=(
        "Chosen facts inside a trained model get new objects by fine-tuning, while no weight may move further than δ. "
        "Every edit is a delta that can be undone, and its side effects are measured."
    ),
    edits=KINDS,
    pages=(
        Page(
            "modify", "Change", "Modify weights", "Facts trained into the weights of a model under a constraint.", "tune"
        ),
    ),
    chapters=(
        Chapter(
            "modifying", "Edits of weights in detail: known facts, new objects, reports, training again.",
            f"{_HERE}.chapter:Modifying", verbs=("modify",),
        ),
    ),
    commands=(
        Command("modify", f"{_HERE}.command:modify"),
        Command("editing", f"{_HERE}.command:evaluate_editing", within="evaluate"),
    ),
    work=(
        LongWork("modify", f"{_HERE}.chapter:modify_as_job"),
        LongWork("train-again", f"{_HERE}.chapter:train_again_as_job"),
        LongWork("reencode", f"{_HERE}.chapter:reencode_as_job", resumable=True),
        LongWork("memory-or-weights", f"{_HERE}.comparing:compare"),
    ),
    lesson_actions=(
        LessonAction(
            "modify", ("subject", "relation", "new", "method?", "norm?", "delta?"), f"{_HERE}.lesson:modify", f"{_HERE}.lesson:check"
        ),
    ),
    hints={"edited weights": "Encoding the memory again with the edited weights: memlab modify --reencode NAME."},
    corrections=(Correction("weights", f"{_HERE}.comparing:correct", check=f"{_HERE}.comparing:check"),),
    studies=(
        Study("editing", "Editing benchmark", "Change |M| known facts at once and measure what was learned and what was lost.", BenchmarkSettings, f"{_STUDIES}:benchmark"),
        Study("sweep", "Sweep", "A_M and A_F\\S over δ, blocks and |M|, with the frontier of the two.", SweepSettings, f"{_STUDIES}:sweep"),
        Study("stack", "Stacked edits", "Edits on top of each other: all scores, perplexity and the weights' norm after each.", StackSettings, f"{_STUDIES}:stack"),
        Study("retrain", "RT: retrain", "Train the model from scratch on the corrected corpus: the upper bound, for many times the work (about 20 minutes on two cores; run it again with the same settings to resume a stopped run).", RetrainSettings, f"{_STUDIES}:retrain", resumable=True),
    ),
    words={
        "A_M": "share of the modified facts whose held-out question is answered with the new object",
        "A_F\\S": "share of the unmodified known facts that are still answered correctly",
        "A-bar": "the mean of A_M and A_F\\S",
        "constraint": "the limit δ on how far fine-tuning may move the weights, in a norm",
        "weights version": "a model with the workspace's edits of its weights; it shares all unchanged tensors with its base",
        "efficacy": "share of edits after which the new object is likelier than the old one in the sentence that trained it",
        "two-hop question": "a question whose answer follows from the edited fact and another one",
    },
)  # fmt: skip
