"""What SPALM declares; the paper's combination is in `combination.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from memlab.declare import Method, ModelFormat, Recipe, ReportedTable, System, setting

GATES: Mapping[str, float | None] = {"learned": None, "local": 1.0, "memory": 0.0}


@dataclass(frozen=True)
class Settings:
    """Defaults are those of the lecture's figures; with `lam` above 0, kNN-LM is mixed in after SPALM."""

    k: int = setting(4, "neighbors K", "How many retrieved tokens are mixed in.", low=1, high=64)
    gate: str = setting(
        "learned",
        "gate",
        "As the model computes it, or forced: local is g = 1 (no memory), memory is g = 0 (memory only).",
        choices=tuple(GATES),
    )
    lam: float = setting(
        0.0,
        "lambda of kNN-LM",
        "Weight of kNN-LM's distribution, mixed in after SPALM's softmax; 0 is SPALM alone.",
        low=0.0,
        high=1.0,
        step=0.01,
    )
    temperature: float = setting(
        10.0, "temperature T", "Divides the distances in kNN-LM's distribution.", low=0.01, high=1000.0, log=True
    )
    knn_k: int = setting(
        256,
        "neighbors of kNN-LM",
        "How many entries kNN-LM's distribution is computed from.",
        low=1,
        high=4096,
        log=True,
    )


METHOD = Method(
    name="spalm",
    title="SPALM",
    paper="Yogatama, de Masson d'Autume & Kong, TACL 2021",
    kinds=("causal",),
    help="Next words: retrieved tokens and the model's own state mixed by a learned gate before the softmax.",
    settings=Settings,
    reader="memlab.systems.spalm.reader:SpalmReader",
    abilities=("ask", "read", "generate", "sweep"),
    unable={
        "explain": "SPALM mixes vectors before the softmax: no neighbor has a share of the probability that could be removed."
    },
    model="atlas-spalm",
    gates=tuple(GATES),
    hidden=("lam", "temperature", "knn_k"),
    columns={"spalm": "own"},
    takes_cache=False,
    scorer="memlab.systems.spalm.perplexity:scorer",
)

WITH_KNN = replace(
    METHOD,
    name="spalm+knn-lm",
    title="SPALM + kNN-LM",
    help="SPALM, with the distribution of kNN-LM over the same memory mixed in after its softmax.",
    hidden=(),
    columns={"spalm+knn-lm": "own+memory"},
)

GATE_FILE = "spalm.safetensors"
FORMAT = ModelFormat(
    name="spalm",
    title="SPALM",
    load="memlab.systems.spalm.model:spalm_model",
    files=(GATE_FILE,),
    method=METHOD.name,
    note="It reads with the keys of the frozen encoder that it was trained with, from the datastore of that training.",
    not_added="This is a SPALM, which needs the encoder that it was trained with. Copy both folders into models/ of the home folder.",
)

TRAINING = "memlab.systems.spalm.training:SpalmTraining"

SYSTEM = System(
    name="spalm",
    title="SPALM",
    paper="Yogatama, de Masson d'Autume & Kong: Adaptive Semiparametric Language Models. TACL 2021",
    group="Semiparametric language models",
    summary=(
        "One model with three sources: local context, short-term memory of earlier segments, long-term memory of the training "
        "text. A learned gate mixes them before the softmax, as vectors and not as distributions."
    ),
    methods=(METHOD, WITH_KNN),
    model_formats=(FORMAT,),
    recipes=(
        Recipe(
            name="spalm",
            kind="spalm",
            title="SPALM trained on a text",
            data="a text, and a base model trained on the same text",
            steps=900,
            seed=0,
            minutes=6.0,
            train=TRAINING,
        ),
        Recipe(
            name="atlas-spalm",
            kind="spalm",
            title="SPALM of the bundled world",
            data="atlas",
            steps=700,
            seed=2026,
            minutes=6.0,
            bundled=True,
            train=TRAINING,
            encoder="atlas-clm",
        ),
    ),
    reported=(
        ReportedTable(
            title="Perplexity (enwik8: bits per character)",
            source="as printed in the source lectures",
            columns=("data", "base", "short-term memory", "kNN-LM", "SPALM"),
            rows=(
                {
                    "data": "WikiText-103",
                    "base": "21.8",
                    "short-term memory": "19.1",
                    "kNN-LM": "18.0",
                    "SPALM": "17.6*",
                },
                {"data": "WMT", "base": "16.5", "short-term memory": "15.5", "kNN-LM": "15.2", "SPALM": "14.1"},
                {"data": "enwik8", "base": "1.05", "short-term memory": "1.01", "kNN-LM": "1.02", "SPALM": "1.00"},
            ),
            note="* The lecture does not explain the asterisk; probably SPALM together with kNN-LM.",
        ),
    ),
    words={
        "local weight g": "SPALM's gate: the weight of the model's own state. Near 1 the memory is ignored, near 0 it decides.",
        "short-term memory": "States of earlier segments of the same text that attention can still see.",
        "long-term memory": "The tokens that followed the nearest contexts of the training text.",
    },
)
