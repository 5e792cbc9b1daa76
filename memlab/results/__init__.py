"""What travels between rooms: frozen dataclasses, each with `to_dict()`.

One question gives a `Prediction` with three complete distributions (model, memory, mixture), the
neighbors behind the memory's answer, and the gate that mixed them. Pages, figures, JSON, CSV,
notebooks and tests read these objects; nothing is computed in a page.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memlab.results.about import About
    from memlab.results.batch import BatchRow, batch_csv
    from memlab.results.cause import Cause, Repair
    from memlab.results.comparison import Comparison, Difference, WordChange, compare
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
    from memlab.results.side_effects import AnswerChange, EditEffects, GroupScore
    from memlab.results.trace import Trace, TraceArrays, TraceStep
    from memlab.results.trace_token import Cached, Remembered, TraceToken
    from memlab.results.verdict import Verdict

__all__ = [
    "ENDINGS",
    "NO_GATE",
    "SCHEMA_VERSION",
    "About",
    "AnswerChange",
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
    "EditEffects",
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
    "WordChange",
    "WordProbability",
    "batch_csv",
    "compare",
    "lambda_gate",
]

_LATER = {  # module of this package -> the names that it holds
    "about": "About",
    "batch": "BatchRow batch_csv",
    "cause": "Cause Repair",
    "comparison": "Comparison Difference WordChange compare",
    "distribution": "Distribution WordProbability",
    "edits": "Edit Source",
    "explanation": "KeyHealth KeyMap LayerLens LayerReading MapPoint OccludedWord Occlusion QueryHealth SmallestSet Sweep Turn",
    "facts": "Article Fact",
    "found_source": "FoundSource FoundSources",
    "gate": "NO_GATE Gate GateInfo lambda_gate",
    "generation": "ENDINGS Branch CopiedSpan Generation GenerationPair Node",
    "prediction": "SCHEMA_VERSION Neighbor Prediction PromptToken Timings TippingPoint",
    "side_effects": "GroupScore EditEffects AnswerChange",
    "trace": "Trace TraceArrays TraceStep",
    "trace_token": "Cached Remembered TraceToken",
    "verdict": "Verdict",
}
_FORMER = {"Moved": "EditEffects", "MovedRow": "AnswerChange", "WordMoved": "WordChange"}  # for one more release
_MODULES = {name: module for module, names in _LATER.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Imported at first use: declarations, and with them the help of the command line, need few of these and no numpy."""
    if name in _FORMER:
        warnings.warn(f"memlab.results.{name} is now {_FORMER[name]}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(__name__), _FORMER[name])
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
