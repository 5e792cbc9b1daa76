"""What systems declare for the rooms below them: those rooms ask here, and never import the registry of systems.

The package `memlab` says where the declarations are when it is imported; they are read when something first asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from memlab.declare.late import load
from memlab.declare.model_format import ModelFormat


class Declarations(Protocol):
    """The part of the registry that rooms below the systems use."""

    @property
    def model_formats(self) -> Mapping[str, ModelFormat]:
        """Formats of model folders by name."""


_where: list[str] = []


def declarations_at(reference: str) -> None:
    """Names the function, "module:name", that returns the declarations of all systems."""
    _where[:] = [reference]


def declared() -> Declarations:
    """The declarations of all systems."""
    return cast(Declarations, load(_where[0])())
