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

_LAZY = {"Fact": "memlab.results", "Lab": "memlab.lab", "Prediction": "memlab.results"}


def __getattr__(name: str) -> Any:
    """Imports at first use: `Lab` needs torch and the results numpy; the command line's help needs neither."""
    if name not in _LAZY:
        raise AttributeError(f"module 'memlab' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
