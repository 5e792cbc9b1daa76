"""A memory that is not a datastore: what a search and an answer need of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import numpy as np

from memlab.memory.articles import ArticleSearch
from memlab.memory.datastore import Documents
from memlab.memory.found import Found


class OwnStore(ABC):
    """A memory as one state of a workspace sees it: used like a datastore, searched in its own way, never changed.

    Entries that were removed keep their numbers and are not found.
    """

    ready = True
    words: Mapping[str, int] = {}
    name: str
    values: np.ndarray
    spans: np.ndarray
    documents: Documents

    @abstractmethod
    def __len__(self) -> int:
        """Number of entries, removed ones included."""

    @abstractmethod
    def search(self, queries: np.ndarray, k: int) -> Found:
        """The k best entries of each query (B, d), best first; -1 where there are fewer."""

    @abstractmethod
    def gather(self, entries: np.ndarray) -> np.ndarray:
        """(n, d) keys of some entries."""

    @abstractmethod
    def source_of(self, entry: int) -> str:
        """ "base", or the edit that the entry comes from."""

    @abstractmethod
    def without(self, entries: Iterable[int]) -> OwnStore:
        """The same memory with some entries left out. Raises NotFound for a number without an entry."""

    @property
    def articles(self) -> ArticleSearch:
        """Article search over the texts of the entries."""
        found = self.documents.articles
        return ArticleSearch.over([a.text for a in found], [a.title for a in found])
