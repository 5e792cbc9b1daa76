"""How texts are cut into the contexts in which the keys of entries are read, by kind of model.

Masked models (Kassner & Schuetze 2020, section 3): a context is a sentence; every occurrence of a single-token word that
is neither a stop word nor punctuation is an entry, read at its position in a copy where it alone is masked.

Causal models (Khandelwal et al. 2020, section 2): a context is a window of tokens; every token after the first is an
entry, read at the position before it. Windows overlap; each token is an entry once, with at least `window - stride`
tokens before it where the text has them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from memlab.corpus.model_kinds import CAUSAL, MASKED, model_kind, of_kind
from memlab.corpus.sentences import sentence_spans
from memlab.errors import InputError
from memlab.lm.model import LanguageModel

Part = tuple[int, int]
Placed = tuple[int, int, int, int]
"""An entry within its context: the position where its key is read, its token id, its first and last character."""


@dataclass(frozen=True)
class Reading:
    """How texts are cut into contexts. None: sentences (masked), windows with special tokens (causal).

    With `window` given, a causal text is cut into windows of that many tokens without special tokens,
    beginning every `stride` tokens.
    """

    window: int | None = None
    stride: int | None = None

    def checked(self, model: LanguageModel) -> Reading:
        """With both numbers filled in. Raises InputError unless 2 <= window <= `model.limit`, 1 <= stride <= window."""
        if self.window is None and self.stride is None:
            return self
        window = model.limit if self.window is None else self.window
        stride = max(1, window // 2) if self.stride is None else self.stride
        if not model_kind(model.kind).left_to_right:
            raise InputError(
                f"window and stride are for causal models; a {model.kind} model reads sentence by sentence."
            )
        if not 2 <= window <= model.limit or not 1 <= stride <= window:
            raise InputError(
                f"window {window} and stride {stride}: need 2 <= window <= {model.limit} and 1 <= stride <= window."
            )
        return Reading(window, stride)


WHOLE = Reading()


class Cutting(ABC):
    """How the texts of a kind of model become contexts and entries.

    Attributes:
        masked: whether the position of an entry is masked before its context is encoded, so that each entry has a copy of
            its context of its own; otherwise the entries of a context share it.
    """

    masked: ClassVar[bool]

    @abstractmethod
    def contexts(
        self, model: LanguageModel, text: str, reading: Reading, part: Part | None = None
    ) -> Iterator[tuple[list[int], list[Placed]]]:
        """Token ids and entries of each context of a text that begins in a part of it (characters; None: in all)."""

    @abstractmethod
    def cuts_words(self, model: LanguageModel) -> bool:
        """Whether each token of a taught word becomes an entry of its own; otherwise the whole word is one."""

    @abstractmethod
    def taught_parts(self, text: str) -> list[Part]:
        """The parts (characters) of a taught text that are read one by one."""

    @abstractmethod
    def allowed(self, model: LanguageModel) -> np.ndarray:
        """(V,) whether a token may be the value of an entry of a taught text."""

    @abstractmethod
    def around(self, model: LanguageModel, ids: Sequence[int], first: int, last: int) -> tuple[list[int], int]:
        """The context in which the word of tokens `first` to `last` is encoded, and the position of its key in it.

        A text that is longer than the model reads is cut.
        """


class _Sentences(Cutting):
    masked = True

    def contexts(
        self, model: LanguageModel, text: str, reading: Reading, part: Part | None = None
    ) -> Iterator[tuple[list[int], list[Placed]]]:
        """Sentences with [CLS] and [SEP]; a sentence that is too long is read in pieces."""
        spans = [(a, b) for a, b in sentence_spans(text) if part is None or part[0] <= a < part[1]]
        if not spans:
            return
        before, after = model.frame
        room = model.limit - len(before) - len(after)
        read = model.read_many([text[a:b] for a, b in spans])
        allowed = rememberable(model)
        for (begin, _end), (ids, offsets) in zip(spans, read, strict=True):
            whole = _whole_words(text, [(begin + a, begin + b) for a, b in offsets])
            for at in range(0, len(ids), room):
                piece = ids[at : at + room]
                entries = [
                    (len(before) + i, token, begin + offsets[at + i][0], begin + offsets[at + i][1])
                    for i, token in enumerate(piece)
                    if allowed[token] and whole[at + i]
                ]
                if entries:
                    yield [*before, *piece, *after], entries

    def cuts_words(self, model: LanguageModel) -> bool:
        return False

    def taught_parts(self, text: str) -> list[Part]:
        return sentence_spans(text)

    def allowed(self, model: LanguageModel) -> np.ndarray:
        return rememberable(model)

    def around(self, model: LanguageModel, ids: Sequence[int], first: int, last: int) -> tuple[list[int], int]:
        """The piece that contains the word, cut as `contexts` does (a word across a cut ends the piece)."""
        before, after = model.frame
        room = model.limit - len(before) - len(after)
        at = first - first % room
        if last >= at + room:
            at = max(0, last + 1 - room)
        context = [*before, *ids[at : first + 1], *ids[last + 1 : at + room], *after]
        return context, len(before) + first - at


class _Windows(Cutting):
    masked = False

    def contexts(
        self, model: LanguageModel, text: str, reading: Reading, part: Part | None = None
    ) -> Iterator[tuple[list[int], list[Placed]]]:
        """Windows of tokens; the target of position t is token t + 1."""
        special = reading.window is None
        read = _tokens(model, text)
        ids, offsets = read.ids, read.offsets
        lead = model.frame[0] if special else []
        window = (reading.window or min(model.limit, 128)) - len(lead)
        stride = reading.stride or max(1, window // 2)
        scored = 0 if lead else 1  # the first token has no context without a start token
        for at in range(0, max(1, len(ids)), stride):
            end = min(at + window, len(ids))
            if reading.stride == reading.window and reading.window is not None:
                scored = at + 1  # windows are independent: scored from its second token on
            begin = int(offsets[at, 0]) if at < len(ids) else 0
            if part is None or part[0] <= begin < part[1]:
                targets = range(max(scored, at if lead else at + 1), end)
                places = offsets[targets.start : end].tolist()
                entries = [
                    (len(lead) + t - 1 - at, int(ids[t]), a, b) for t, (a, b) in zip(targets, places, strict=True)
                ]
                if entries:
                    yield [*lead, *ids[at:end].tolist()], entries
            scored = max(scored, end)
            if end == len(ids):
                break

    def cuts_words(self, model: LanguageModel) -> bool:
        """A model that was not trained by memlab keeps its own pieces, which it can predict."""
        return model.unmet is None

    def taught_parts(self, text: str) -> list[Part]:
        return [(0, len(text))]

    def allowed(self, model: LanguageModel) -> np.ndarray:
        return np.ones(model.V, bool)

    def around(self, model: LanguageModel, ids: Sequence[int], first: int, last: int) -> tuple[list[int], int]:
        """The tokens just before the word."""
        before, after = model.frame
        room = model.limit - len(before) - len(after)
        context = [*before, *ids[max(0, first - room) : first]]
        return context, len(context) - 1


_CUTTINGS: dict[str, Cutting] = {MASKED.name: _Sentences(), CAUSAL.name: _Windows()}


def cutting(model: LanguageModel) -> Cutting:
    """How the texts of a model become entries. Raises InputError for a kind of model that makes no datastores."""
    return of_kind(_CUTTINGS, model.kind, "datastores")


@dataclass(frozen=True, eq=False)
class _Tokens:
    """A text as a model reads it: ids (n,) int32, first and last character of each (n, 2) int32."""

    ids: np.ndarray
    offsets: np.ndarray


@lru_cache(maxsize=1)  # the parts of a long document are read one after the other
def _tokens(model: LanguageModel, text: str) -> _Tokens:
    ids, spans = model.read(text)
    return _Tokens(np.asarray(ids, np.int32), np.asarray(spans, np.int32).reshape(-1, 2))


def _whole_words(text: str, spans: list[tuple[int, int]]) -> list[bool]:
    """For each token, whether it is a whole word: no letter or digit touches it on either side."""
    out = []
    for a, b in spans:
        left = a > 0 and text[a - 1].isalnum() and text[a : a + 1].isalnum()
        right = b < len(text) and text[b].isalnum() and text[b - 1 : b].isalnum()
        out.append(not left and not right)
    return out


@lru_cache(maxsize=8)
def rememberable(model: LanguageModel) -> np.ndarray:
    """(V,) whether a token may be the value of an entry of a masked model: a whole word that is not a stop word."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # at first use: it takes a second to import

    raw = model.tokenizer.convert_ids_to_tokens(range(len(model.tokenizer)))
    special = set(model.tokenizer.all_special_ids)
    out = np.zeros(model.V, bool)
    for i, (piece, word) in enumerate(zip(raw, model.words, strict=False)):
        plain = word.strip()
        wordlike = any(c.isalnum() for c in plain) and not (piece or "").startswith("##")
        out[i] = wordlike and i not in special and plain.lower() not in ENGLISH_STOP_WORDS
    return out
