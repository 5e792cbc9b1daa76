"""Memories that are not datastores: a method that declares one answers from it, and forgetting its entries edits it.

`Method.memory` names an `OwnMemory`; what is searched is a `memlab.memory.own_store.OwnStore`. It is found by the name
that answers give for their memory (`Prediction.datastore`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from memlab.declare import load
from memlab.declare.method import Method
from memlab.results import Article


class OwnMemory(ABC):
    """The memories that a method declares, for everything that refers to their entries or texts."""

    @abstractmethod
    def names(self, context: Any) -> Sequence[str]:
        """The names of the memories that exist."""

    @abstractmethod
    def owns(self, datastore: str, context: Any) -> bool:
        """Whether a memory of this name is one of these."""

    @abstractmethod
    def articles(self, datastore: str, context: Any, as_of: int | None) -> Sequence[Article]:
        """The texts of its entries, as the workspace sees them."""

    @abstractmethod
    def forgetting(self, datastore: str, entries: Sequence[int], context: Any) -> tuple[str, dict[str, Any]]:
        """Kind and parameters of the edit that takes entries out. Raises InputError, NotFound."""


def own_memory(methods: Iterable[Method], datastore: str | None, context: Any) -> OwnMemory | None:
    """The declared memory of this name; None where no method declares one, as for a datastore."""
    for reference in dict.fromkeys(m.memory for m in methods if m.memory is not None):
        found: OwnMemory = load(reference)()
        if datastore is not None and found.owns(datastore, context):
            return found
    return None
