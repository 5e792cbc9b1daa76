"""memlab: a workbench for language models with memory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memlab.errors import MemlabError

if TYPE_CHECKING:
    from memlab.lab import Lab
    from memlab.results import Fact, Prediction

__version__ = "0.1.0"
__all__ = ["Fact", "Lab", "MemlabError", "Prediction", "__version__"]

DECLARATIONS = "memlab.systems.registry:registry"  # what all systems declare, for `memlab.declare.provided`

_LATER = {"Fact": "memlab.results", "Lab": "memlab.lab", "Prediction": "memlab.results"}


def __getattr__(name: str) -> Any:
    """Imported at first use: `Lab` brings torch, the results numpy, and the command line's help needs neither."""
    if name not in _LATER:
        raise AttributeError(f"module 'memlab' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
