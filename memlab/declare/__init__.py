"""What a system declares about itself: methods, edits, studies, recipes, chapters of the lab, commands ... Imports nothing heavy."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memlab.declare.late import load
from memlab.declare.method import ABILITIES, KINDS, PROMPTED, KnnDistribution, Method
from memlab.declare.settings import Field, checked, fields, setting
from memlab.declare.surface import Chapter, Command, Correction, LongWork, Page
from memlab.declare.system import API, Recipe, ReportedTable, Study, System

if TYPE_CHECKING:
    from memlab.declare.lesson import LessonAction, LessonClaim
    from memlab.declare.model_format import ModelFormat

__all__ = [
    "ABILITIES",
    "API",
    "KINDS",
    "PROMPTED",
    "Chapter",
    "Command",
    "Correction",
    "Field",
    "KnnDistribution",
    "LessonAction",
    "LessonClaim",
    "LongWork",
    "Method",
    "ModelFormat",
    "Page",
    "Recipe",
    "ReportedTable",
    "Study",
    "System",
    "checked",
    "fields",
    "load",
    "setting",
]

_LATER = {"LessonAction": "lesson", "LessonClaim": "lesson", "ModelFormat": "model_format"}


def __getattr__(name: str) -> Any:
    """Imported at first use: the command line's help needs none of these."""
    if name not in _LATER:
        raise AttributeError(f"module 'memlab.declare' has no attribute {name!r}")
    return getattr(import_module(f"memlab.declare.{_LATER[name]}"), name)
