"""What SPALM declares: its settings, without the model's code, so that the command line's help needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.methods.declare import Method, setting

GATES = {"learned": None, "local": 1.0, "memory": 0.0}


@dataclass(frozen=True)
class Settings:
    """Defaults are those of the lecture's figures; `lam` above 0 is SPALM together with kNN-LM."""

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
        10.0, "temperature T", "Of kNN-LM's distribution: divides its distances.", low=0.01, high=1000.0, log=True
    )
    knn_k: int = setting(
        256, "neighbors of kNN-LM", "How many entries kNN-LM's distribution is made of.", low=1, high=4096, log=True
    )


METHOD = Method(
    name="spalm",
    title="SPALM",
    paper="Yogatama, de Masson d'Autume & Kong, TACL 2021",
    kind="causal",
    help="Next words: retrieved tokens and the model's own state mixed by a learned gate before the softmax.",
    settings=Settings,
)
