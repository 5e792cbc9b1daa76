"""What travels between rooms: frozen dataclasses, each with `to_dict()`.

One question gives a `Prediction` with three complete distributions (model, memory, mixture), the
neighbors behind the memory's answer, and the gate that mixed them. Pages, figures, JSON, CSV,
notebooks and tests read these objects; nothing is computed in a page.
"""

from memlab.results.distribution import Distribution, WordProbability
from memlab.results.facts import Article, Edit, Fact, Source
from memlab.results.prediction import SCHEMA_VERSION, Gate, Neighbor, Prediction, PromptToken, Timings, TippingPoint

__all__ = [
    "SCHEMA_VERSION",
    "Article",
    "Distribution",
    "Edit",
    "Fact",
    "Gate",
    "Neighbor",
    "Prediction",
    "PromptToken",
    "Source",
    "Timings",
    "TippingPoint",
    "WordProbability",
]
