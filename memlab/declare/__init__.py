"""What a system declares about itself: methods, edits, studies, recipes, reported tables. Imports nothing heavy."""

from memlab.declare.late import load
from memlab.declare.method import ABILITIES, KINDS, KnnDistribution, Method
from memlab.declare.settings import Field, checked, fields, setting
from memlab.declare.system import API, Recipe, ReportedTable, Study, System

__all__ = [
    "ABILITIES",
    "API",
    "KINDS",
    "Field",
    "KnnDistribution",
    "Method",
    "Recipe",
    "ReportedTable",
    "Study",
    "System",
    "checked",
    "fields",
    "load",
    "setting",
]
