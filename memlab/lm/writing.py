"""From generated ids to text, some ids at a time."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.lm.model import LanguageModel

_TAIL = 8  # tokens before that decide about spaces
_HALF = "\ufffd"  # how a decoder shows bytes that are no whole character yet


class Writer:
    """Writes on behind a text that a model has read; `ids` are those of that text."""

    def __init__(self, model: LanguageModel, ids: Sequence[int]) -> None:
        self.model, self.written, self.waiting = model, list(ids), list[int]()

    def write(self, ids: Sequence[int]) -> str:
        """The characters that these ids add, with the space before them; none while a character is half said."""
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
