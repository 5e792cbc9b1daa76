"""What a system declares about itself: methods, edits, studies, recipes, chapters of the lab, commands ... Imports nothing heavy."""

from memlab.declare.late import load
from memlab.declare.method import ABILITIES, KINDS, PROMPTED, KnnDistribution, Method
from memlab.declare.settings import Field, checked, fields, setting
from memlab.declare.surface import Chapter, Command, Correction, LongWork
from memlab.declare.system import API, Recipe, ReportedTable, Study, System

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
    "LongWork",
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
