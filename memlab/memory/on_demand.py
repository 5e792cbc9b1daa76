"""A datastore whose keys are still being encoded: the articles of a question are encoded first.

Entries, values and texts are known at once (that needs tokenization only, and gives the same entry
numbers as the finished datastore); keys are encoded when a question asks for them and kept per article.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from memlab.errors import StoreError
from memlab.lm.model import LanguageModel
from memlab.memory.articles import ArticleSearch
from memlab.memory.datastore import Documents
from memlab.memory.entries import encode_keys, entries_of
from memlab.results import Article

_KEPT = 256  # articles whose keys are kept


class OnDemandStore:
    """Used like a `Datastore` for searches within articles."""

    ready = False
    words: Mapping[str, int] = {}

    def __init__(self, name: str, model: LanguageModel, documents: Sequence[Article], key: str) -> None:
        self.name, self.model, self.key = name, model, key
        whole = entries_of(model, documents)
        self.values, self.spans = whole.values, whole.spans
        count = np.bincount(whole.spans[:, 0], minlength=len(documents))
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
        self.documents = Documents(list(documents), first, count)
        self._keys: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def articles(self) -> ArticleSearch:
        texts = [a.text for a in self.documents.articles]
        return ArticleSearch.over(texts, [a.title for a in self.documents.articles])

    def check(self, model: LanguageModel) -> None:
        """Raises StoreError unless this model encodes the keys."""
        if (model.weights_hash, model.tokenizer_hash) != (self.model.weights_hash, self.model.tokenizer_hash):
            raise StoreError(
                f"The datastore {self.name!r} is made by {self.model.name}; read with {model.name} it would give nonsense. "
                "Use the model that makes it, or build a datastore for this one."
            )

    def source_of(self, entry: int) -> str:
        """Where an entry comes from."""
        return "base"

    def gather(self, entries: np.ndarray) -> np.ndarray:
        """(n, d) float32 keys of some entries; articles whose keys are not kept are encoded now."""
        out = np.empty((len(entries), self.model.width(self.key)), np.float32)
        rows = self.spans[entries, 0]
        for row in np.unique(rows):
            mine = rows == row
            out[mine] = self._of(int(row))[entries[mine] - self.documents.first[row]]
        return out

    def _of(self, row: int) -> np.ndarray:
        with self._lock:
            if row not in self._keys:
                one = entries_of(self.model, [self.documents.articles[row]])
                self._keys[row] = encode_keys(self.model, one, (self.key,))[self.key]
                if len(self._keys) > _KEPT:
                    self._keys.popitem(last=False)
            return self._keys[row]
