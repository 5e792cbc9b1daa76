"""What BeliefBank declares. Solver, feedback and metrics are in files of their own."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.declare import (
    Chapter,
    Command,
    LessonAction,
    LessonClaim,
    Page,
    Recipe,
    ReportedTable,
    Study,
    System,
    setting,
)
from memlab.systems.beliefbank.state import EDITS


@dataclass(frozen=True)
class EvaluateSettings:
    """Settings of `memlab evaluate beliefs`; an empty text takes the default."""

    data: str = setting(
        "", "data", "Folder in the BeliefBank form or a constraint graph file; empty: the bundled world."
    )
    model: str = setting("", "model", "A model that memlab can load; empty: atlas-qa.")
    simulated: float = setting(
        0.0,
        "simulated error rate",
        "Above 0: no model, but the true answers with this share inverted.",
        low=0.0,
        high=0.99,
    )
    prompt: str = setting("", "prompt", "Name of a prompt; empty: the model's default.")
    entities: int = setting(
        0,
        "entities",
        "Number of test entities; 0: all, or as many as can be asked within the minutes.",
        low=0,
        high=100000,
    )
    minutes: float = setting(
        15.0,
        "minutes",
        "Time budget: if all entities would take longer, fewer are asked, and the result says so.",
        low=0.1,
        high=100000.0,
    )
    questions: int = setting(0, "questions per entity", "At most this many per entity; 0: all.", low=0, high=100000)
    batches: int = setting(10, "batches", "Number of batches in which the questions arrive.", low=1, high=100)
    orders: int = setting(
        2, "orders", "Number of random orders of the questions; intervals are over orders.", low=1, high=50
    )
    ways: str = setting(
        "", "ways", "Comma-separated, of raw, on-topic, relevant, constraints, relevant+constraints; empty: all five."
    )
    lam: float = setting(
        1.0, "λ of beliefs", "What flipping a belief costs, times its weight.", low=0.01, high=100.0, log=True
    )
    forward: float = setting(
        10.0, "weight of implications and exclusions", "What violating one costs.", low=0.01, high=100.0, log=True
    )
    back: float = setting(1.0, "weight of backward rules", "What violating one costs.", low=0.01, high=100.0, log=True)
    measure: str = setting("p", "weight of a belief", "p, or log-odds.", choices=("p", "log-odds"))
    seconds: float = setting(5.0, "time limit per entity (s)", "Time limit of the solver.", low=0.01, high=600.0)
    seed: int = setting(0, "seed", "Seed of orders and feedback.", low=0, high=1000000)


@dataclass(frozen=True)
class TrainSettings:
    """Settings of the study that trains a model on yes-or-no questions and writes its card."""

    name: str = setting("atlas-qa", "name", "Folder within the home's models.")
    data: str = setting("", "data", "Folder or file with entities and facts; empty: the bundled world.")
    steps: int = setting(850, "steps", "Training steps of 64 passages each.", low=1, high=100000)
    seed: int = setting(2026, "seed", "Seed of passages and initial weights.", low=0, high=1000000)
    told_true: int = setting(6, "true facts told", "Per entity, in the training text.", low=1, high=1000)
    told_false: int = setting(14, "false facts told", "Per entity, in the training text.", low=1, high=1000)
    held: float = setting(
        0.0,
        "entities held out",
        "Share of the test entities that the training text never mentions; the model is tested on them.",
        low=0.0,
        high=0.9,
    )


@dataclass(frozen=True)
class TransferSettings:
    """Settings of the study that trains a small model on some entities and evaluates it on the others."""

    name: str = setting("beliefs-transfer", "name", "Folder within the home's models.")
    data: str = setting("", "data", "Folder or file with entities and facts; empty: the bundled world.")
    held: float = setting(0.33, "entities held out", "Share of the test entities.", low=0.05, high=0.9)
    steps: int = setting(600, "steps", "Training steps of 64 passages each.", low=1, high=100000)
    wrong: float = setting(0.0, "wrong facts", "Share of the told facts whose label is inverted.", low=0.0, high=0.5)
    made_up: float = setting(
        0.6,
        "made-up names",
        "Share of passages with made-up names, in which only the statements before a question give the answer.",
        low=0.0,
        high=1.0,
    )
    questions: int = setting(0, "questions per entity", "At most this many per entity; 0: all.", low=0, high=100000)
    batches: int = setting(10, "batches", "Number of batches in which the questions arrive.", low=1, high=100)
    orders: int = setting(
        3, "orders", "Number of random orders of the questions; intervals are over orders.", low=1, high=50
    )
    forward: float = setting(
        10.0, "weight of implications and exclusions", "What violating one costs.", low=0.01, high=100.0, log=True
    )
    back: float = setting(1.0, "weight of backward rules", "What violating one costs.", low=0.01, high=100.0, log=True)
    seed: int = setting(0, "seed", "Seed of weights, passages, orders and feedback.", low=0, high=1000000)


@dataclass(frozen=True)
class TuneSettings:
    """Settings of the study that tunes the solver's weights on calibration entities."""

    data: str = setting("", "data", "Folder or file; empty: the bundled world.")
    model: str = setting("", "model", "A model that memlab can load; empty: atlas-qa.")
    simulated: float = setting(
        0.0,
        "simulated error rate",
        "Above 0: no model, but the true answers with this share inverted.",
        low=0.0,
        high=0.99,
    )
    prompt: str = setting("", "prompt", "Name of a prompt; empty: the model's default.")
    questions: int = setting(0, "questions per entity", "At most this many per entity; 0: all.", low=0, high=100000)
    seed: int = setting(0, "seed", "Seed of the sample of questions.", low=0, high=1000000)


HERE = "memlab.systems.beliefbank"

SYSTEM = System(
    name="beliefbank",
    title="BeliefBank",
    paper="Kassner, Tafjord, Schütze & Clark: BeliefBank: Adding Memory to a Pre-Trained Language Model for a Systematic Notion of Belief. EMNLP 2021",
    group="Beliefs",
    summary=(
        "A model's answers about a thing are kept as weighted beliefs; a weighted MaxSAT solver makes them consistent with constraints. "
        "The repaired beliefs are given back as context, so that later answers contradict them less."
    ),
    edits=EDITS,
    pages=(
        Page(
            "beliefs", "Change", "Beliefs", "What a model believes about a thing, contradictions, and a solver.", "hub"
        ),
    ),
    chapters=(
        Chapter(
            "beliefs",
            "Beliefs in detail: asking without keeping, pins, constraints, conflicts, reasons, proposals, own graphs.",
            f"{HERE}.chapter:Believing",
            verbs=("believe", "solve"),
        ),
    ),
    lesson_actions=(
        LessonAction("ask everything", ("thing",), f"{HERE}.lesson:ask_everything"),
        LessonAction("solve", ("thing",), f"{HERE}.lesson:solve"),
    ),
    lesson_claims=(
        LessonClaim(
            name="conflicts",
            help="whether beliefs about the thing contradict each other: some or none",
            page="beliefs",
            find=f"{HERE}.lesson:conflicts",
            choices=("some", "none"),
        ),
    ),
    hints={"encoder-decoder": "Encoder-decoder models answer yes-or-no questions: memlab believe --model NAME."},
    commands=(
        Command("believe", f"{HERE}.command:believe"),
        Command("beliefs", f"{HERE}.command:evaluate_beliefs", within="evaluate"),
    ),
    studies=(
        Study(
            name="evaluate",
            title="Evaluate in batches",
            help="F1 and consistency of raw, on-topic, relevant, constraints, and relevant + constraints, batch by batch.",
            settings=EvaluateSettings,
            run="memlab.systems.beliefbank.studies:evaluate",
            draw="memlab.systems.beliefbank.figures:draw",
        ),
        Study(
            name="tune",
            title="Tune the solver",
            help="Weights of forward and backward constraints, and p or log-odds, by F1 on calibration entities.",
            settings=TuneSettings,
            run="memlab.systems.beliefbank.studies:tune",
        ),
        Study(
            name="train",
            title="Train a model on yes-or-no questions",
            help="A small causal model from scratch, on sentences made from a constraint graph, with its card.",
            settings=TrainSettings,
            run="memlab.systems.beliefbank.qa_card:train",
        ),
        Study(
            name="transfer",
            title="Train on some entities, evaluate on the others",
            help="A small model from scratch that never met the entities it is asked about; the five ways, batch by batch.",
            settings=TransferSettings,
            run="memlab.systems.beliefbank.transfer:transfer",
            draw="memlab.systems.beliefbank.figures:draw",
        ),
    ),
    recipes=(
        Recipe(
            name="atlas-qa",
            kind="causal",
            title="Yes-or-no questions about the bundled constraint graph",
            data="sentences made from the bundled constraint graph; 20 of 258 facts of each entity, 8% of them wrong",
            steps=850,
            seed=2026,
            minutes=4.0,
            bundled=True,
            make=f"{HERE}.qa_card:make",
        ),
    ),
    reported=(
        ReportedTable(
            title="F1 of Macaw-large on silver facts, after batch 1 / 5 / 10 (%)",
            source="Kassner et al. 2021, figure 4",
            columns=("way", "batch 1", "batch 5", "batch 10"),
            rows=(
                {"way": "raw", "batch 1": "69.2", "batch 5": "69.3", "batch 10": "69.3"},
                {"way": "on-topic feedback", "batch 1": "69.2", "batch 5": "77.0", "batch 10": "77.8"},
                {"way": "relevant feedback", "batch 1": "69.2", "batch 5": "76.8", "batch 10": "79.5"},
                {"way": "constraints", "batch 1": "72.3", "batch 5": "80.1", "batch 10": "85.8"},
                {"way": "relevant + constraints", "batch 1": "72.4", "batch 5": "83.6", "batch 10": "86.6"},
            ),
            note="A person correcting about six beliefs after the first batch adds 2 points to each.",
        ),
        ReportedTable(
            title="Consistency of Macaw-large, after batch 1 / 5 / 10 (%)",
            source="Kassner et al. 2021, figure 4",
            columns=("way", "batch 1", "batch 5", "batch 10"),
            rows=(
                {"way": "raw", "batch 1": "73.2", "batch 5": "72.4", "batch 10": "72.5"},
                {"way": "on-topic feedback", "batch 1": "73.2", "batch 5": "73.5", "batch 10": "72.3"},
                {"way": "relevant feedback", "batch 1": "73.2", "batch 5": "80.6", "batch 10": "81.0"},
                {"way": "constraints", "batch 1": "98.2", "batch 5": "96.3", "batch 10": "96.0"},
                {"way": "relevant + constraints", "batch 1": "98.8", "batch 5": "97.9", "batch 10": "97.0"},
            ),
            note="The data shared today is a part of theirs (45 of 85 silver entities); figures measured here are not comparable with these.",
        ),
    ),
    words={
        "belief": "A sentence about an entity, a label (true or false) and a weight: the model's confidence.",
        "constraint": "A rule between properties of one entity: implies, excludes, or needs one of several.",
        "consistency": "1 - violated / applicable constraints; applicable where the antecedent is believed.",
        "flip": "A label that the solver changed, because keeping it would cost more.",
        "pinned": "A label that a person gave; the solver keeps it whatever it costs.",
    },
)
