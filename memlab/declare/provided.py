"""What systems declare for the rooms below them: those rooms ask here, and never import the registry of systems.

The package `memlab` names the function that returns them; it is loaded when something first asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from memlab.declare.late import load
from memlab.declare.lesson import LessonAction, LessonClaim
from memlab.declare.model_format import ModelFormat
from memlab.declare.surface import Page


class Declarations(Protocol):
    """The part of the registry that rooms below the systems use."""

    @property
    def model_formats(self) -> Mapping[str, ModelFormat]:
        """Formats of model folders by name."""

    @property
    def lesson_actions(self) -> Mapping[str, LessonAction]:
        """What steps of lessons can do, by name."""

    @property
    def lesson_claims(self) -> Mapping[str, LessonClaim]:
        """What steps of lessons can claim, by name."""

    @property
    def pages(self) -> Mapping[str, Page]:
        """Pages that systems bring, by name."""

    def hint(self, situation: str) -> str:
        """What systems say about a situation of `memlab.declare.hints`, each sentence with a space before it."""


def declared() -> Declarations:
    """The declarations of all systems."""
    return cast(Declarations, load(load("memlab:DECLARATIONS"))())
