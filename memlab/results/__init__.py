"""What travels between rooms: frozen dataclasses, each with `to_dict()`.

One question gives a `Prediction` with three complete distributions (model, memory, mixture), the
neighbors behind the memory's answer, and the gate that mixed them. Pages, figures, JSON, CSV,
notebooks and tests read these objects; nothing is computed in a page.
"""

from memlab.results.about import About
from memlab.results.batch import BatchRow, batch_csv
from memlab.results.cause import Cause, Repair
from memlab.results.comparison import Comparison, Difference, WordMoved, compare
from memlab.results.distribution import Distribution, WordProbability
from memlab.results.edits import Edit, Source
from memlab.results.explanation import (
    KeyHealth,
    KeyMap,
    LayerLens,
    LayerReading,
    MapPoint,
    OccludedWord,
    Occlusion,
    QueryHealth,
    SmallestSet,
    Sweep,
    Turn,
)
from memlab.results.facts import Article, Fact
from memlab.results.found_source import FoundSource, FoundSources
from memlab.results.gate import NO_GATE, Gate, GateInfo, lambda_gate
from memlab.results.generation import ENDINGS, Branch, CopiedSpan, Generation, GenerationPair, Node
from memlab.results.prediction import SCHEMA_VERSION, Neighbor, Prediction, PromptToken, Timings, TippingPoint
from memlab.results.side_effects import GroupScore, Moved, MovedRow
from memlab.results.trace import Trace, TraceArrays, TraceStep
from memlab.results.trace_token import Cached, Remembered, TraceToken
from memlab.results.verdict import Verdict

__all__ = [
    "ENDINGS",
    "NO_GATE",
    "SCHEMA_VERSION",
    "About",
    "Article",
    "BatchRow",
    "Branch",
    "Cached",
    "Cause",
    "Comparison",
    "CopiedSpan",
    "Difference",
    "Distribution",
    "Edit",
    "Fact",
    "FoundSource",
    "FoundSources",
    "Gate",
    "GateInfo",
    "Generation",
    "GenerationPair",
    "GroupScore",
    "KeyHealth",
    "KeyMap",
    "LayerLens",
    "LayerReading",
    "MapPoint",
    "Moved",
    "MovedRow",
    "Neighbor",
    "Node",
    "OccludedWord",
    "Occlusion",
    "Prediction",
    "PromptToken",
    "QueryHealth",
    "Remembered",
    "Repair",
    "SmallestSet",
    "Source",
    "Sweep",
    "Timings",
    "TippingPoint",
    "Trace",
    "TraceArrays",
    "TraceStep",
    "TraceToken",
    "Turn",
    "Verdict",
    "WordMoved",
    "WordProbability",
    "batch_csv",
    "compare",
    "lambda_gate",
]
