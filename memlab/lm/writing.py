"""From generated ids to text, some ids at a time."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.lm.model import LanguageModel

_TAIL = 8  # earlier tokens that are decoded together with new ones, for the spaces between them
_HALF = "\ufffd"  # how a decoder shows bytes that are not a whole character yet


class Writer:
    """Decodes generated ids incrementally; `ids` are those of the text before them."""

    def __init__(self, model: LanguageModel, ids: Sequence[int]) -> None:
        self.model, self.written, self.waiting = model, list(ids), list[int]()

    def write(self, ids: Sequence[int]) -> str:
        """The characters that these ids add, with the space before them; "" while a character is incomplete."""
        self.waiting += ids
        before = self.written[-_TAIL:]
        text = self._decoded([*before, *self.waiting])
        if text.endswith(_HALF):
            return ""
        self.written += self.waiting
        self.waiting = []
        return text[len(self._decoded(before)) :]

    def _decoded(self, ids: Sequence[int]) -> str:
        return self.model.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
