"""memlab: a workbench for language models with memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memlab.errors import MemlabError
from memlab.results import Fact, Prediction

if TYPE_CHECKING:
    from memlab.lab import Lab

__version__ = "0.1.0"
__all__ = ["Fact", "Lab", "MemlabError", "Prediction", "__version__"]


def __getattr__(name: str) -> Any:
    """`memlab.Lab` on first use: it brings torch, which takes seconds to import."""
    if name == "Lab":
        from memlab.lab import Lab

        return Lab
    raise AttributeError(f"module 'memlab' has no attribute {name!r}")
