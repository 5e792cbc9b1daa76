"""The entries that texts become, and the keys of these entries.

How texts are cut into the contexts in which keys are read is in `memlab.memory.cutting`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.memory.cutting import WHOLE, Part, Reading, cutting
from memlab.progress import Tick, no_tick
from memlab.results import Article

BATCH_TOKENS = 2048  # tokens of one forward pass: what a layer computes stays in the cache (6144 took a sixth longer)


@dataclass(frozen=True)
class Entries:
    """The entries of some documents, before their keys are known.

    contexts: token ids of each context.
    context, position: (n,) where each entry's key is read: which context, which token of it.
    values: (n,) int32 token ids. spans: (n, 3) int32 document row, first and last character (exclusive).
    masked: whether the position is masked before the context is encoded (see `memlab.memory.cutting.Cutting`).
    """

    contexts: list[list[int]]
    context: np.ndarray
    position: np.ndarray
    values: np.ndarray
    spans: np.ndarray
    masked: bool

    def __len__(self) -> int:
        return len(self.values)

    def some(self, which: np.ndarray) -> Entries:
        """Some of the entries, by number or as a mask; all contexts are kept."""
        return replace(
            self,
            context=self.context[which],
            position=self.position[which],
            values=self.values[which],
            spans=self.spans[which],
        )


def entries_of(
    model: LanguageModel,
    documents: Sequence[Article],
    first_row: int = 0,
    reading: Reading = WHOLE,
    tick: Tick = no_tick,
) -> Entries:
    """The entries of `documents`, whose rows in the datastore begin at `first_row`; `tick` is called before each document."""
    return _entries_of(model, ((row, a, None) for row, a in enumerate(documents, first_row)), reading, tick)


def _entries_of(
    model: LanguageModel,
    chosen: Iterable[tuple[int, Article, Part | None]],
    reading: Reading,
    tick: Tick,
) -> Entries:
    """The entries of documents by row, whole or of a part of each."""
    cut = cutting(model)
    contexts: list[list[int]] = []
    rows: list[tuple[int, int, int, int, int, int]] = []
    for row, document, part in chosen:
        tick(0.0)
        for ids, entries in cut.contexts(model, document.text, reading, part):
            rows += [(len(contexts), at, value, row, start, end) for at, value, start, end in entries]
            contexts.append(ids)
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 6)
    return Entries(
        contexts,
        context=table[:, 0],
        position=table[:, 1],
        values=table[:, 2].astype(np.int32),
        spans=table[:, 3:].astype(np.int32),
        masked=cut.masked,
    )


def entries_of_part(
    model: LanguageModel,
    document: Article,
    row: int,
    part: Part,
    reading: Reading = WHOLE,
    tick: Tick = no_tick,
) -> Entries:
    """The entries of those contexts of one document that begin within characters `part` (first, last exclusive).

    The parts of a document give the same contexts and entries, in the same order, as `entries_of` gives for all of it.
    """
    return _entries_of(model, [(row, document, part)], reading, tick)


def encode_keys(
    model: LanguageModel, entries: Entries, keys: Sequence[str], tick: Tick = no_tick
) -> dict[str, np.ndarray]:
    """Keys of all entries: name -> (n, d) float16. Contexts are batched by length.

    `tick` is called before each batch with the fraction of the entries that is done; exceptions abort.
    """
    out = {key: np.empty((len(entries), model.width(key)), np.float16) for key in keys}
    done = 0
    for part in _batches(entries):
        tick(done / len(entries))
        done += len(part)
        ids, mask, rows, columns = one_pass(model, entries, part)
        found = model.encode(ids, mask, rows, columns, keys, logp=False)
        for key in keys:
            half = found.keys[key].half()
            if not torch.isfinite(half).all():
                raise InputError(
                    f"The keys {key!r} of {model.name} do not fit into 16-bit numbers; choose another key."
                )
            out[key][part] = half.numpy()
    return out


def one_pass(
    model: LanguageModel, entries: Entries, part: np.ndarray, cut_after: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Some entries (by number) as one forward pass: (B, T) ids and attention mask, (n,) row and column of each key.

    With `cut_after`, contexts that entries share end at the last position that is read: later tokens have no effect.
    """
    columns = torch.as_tensor(entries.position[part])
    if entries.masked:
        ids, mask = model.pad([entries.contexts[c] for c in entries.context[part]])
        rows = torch.arange(len(part))
        ids[rows, columns] = model.tokenizer.mask_token_id
        return ids, mask, rows, columns
    used, row = np.unique(entries.context[part], return_inverse=True)
    end = int(entries.position[part].max()) + 1 if cut_after else None
    ids, mask = model.pad([entries.contexts[c][:end] for c in used])
    return ids, mask, torch.as_tensor(row), columns


def _batches(entries: Entries) -> Iterator[np.ndarray]:
    """Entry numbers, batch by batch; contexts of similar length together, whole contexts for causal models."""
    length = np.array([len(c) for c in entries.contexts], dtype=np.int64)
    order = np.lexsort((np.arange(len(entries)), entries.context, length[entries.context]))
    begin, tokens, last = 0, 0, -1
    for i, entry in enumerate(order):
        context = entries.context[entry]
        if entries.masked or context != last:
            n = int(length[context])
            if tokens and tokens + n > BATCH_TOKENS:
                yield order[begin:i]
                begin, tokens = i, 0
            tokens += n
        last = context
    if begin < len(order):
        yield order[begin:]


@dataclass(frozen=True)
class TaughtEntries:
    """The entries of one taught text; `unknown` maps an entry to its word where that is not a single token."""

    entries: Entries
    unknown: dict[int, str]


def taught_entries(model: LanguageModel, text: str, spans: Sequence[tuple[int, int]] | None) -> TaughtEntries:
    """The entries of a taught text: every word, or the words within `spans`.

    A word that the model would have to spell in pieces still becomes one entry: its key is that
    of one masked position (or of the position before it), its value the whole word, which only memory
    can predict. A causal model that was not trained by memlab keeps its own pieces, which it can predict.
    """
    cut = cutting(model)
    if cut.cuts_words(model):
        whole = entries_of(model, [Article("taught", "taught", text)])
        keep = np.array([spans is None or _within(s[1:], spans) for s in whole.spans], bool).reshape(-1)
        return TaughtEntries(whole.some(keep), {})
    contexts: list[list[int]] = []
    rows: list[tuple[int, int, int, int, int, int]] = []
    unknown: dict[int, str] = {}
    allowed = cut.allowed(model)
    for begin, end in cut.taught_parts(text):
        ids, marked = model.read(text[begin:end])
        offsets = [(begin + a, begin + b) for a, b in marked]
        for first, last in _words_of(text, offsets):
            a, b = offsets[first][0], offsets[last][1]
            one = first == last and allowed[ids[first]]
            if (not one and (first == last or not text[a:b].isalnum())) or (
                spans is not None and not _within((a, b), spans)
            ):
                continue
            context, position = cut.around(model, ids, first, last)
            if position < 0:
                continue
            if not one:
                unknown[len(rows)] = model.same_word(text[a:b])
            rows.append((len(contexts), position, ids[first] if one else -1, 0, a, b))
            contexts.append(context)
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 6)
    values, places = table[:, 2].astype(np.int32), table[:, 3:].astype(np.int32)
    return TaughtEntries(Entries(contexts, table[:, 0], table[:, 1], values, places, cut.masked), unknown)


def read_as(model: LanguageModel, text: str, span: tuple[int, int]) -> str | None:
    """The text of the first token with characters both inside and outside `span`; None where there is none."""
    _, places = model.read(text)
    wider = (text[a:b] for a, b in places if a < span[1] and span[0] < b and (a < span[0] or span[1] < b))
    return next(wider, None)


def _words_of(text: str, offsets: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(first, last) token of each word: tokens that touch, letter to letter, belong together."""
    first = 0
    for i in range(1, len(offsets) + 1):
        joined = i < len(offsets) and offsets[i][0] == offsets[i - 1][1]
        if joined and text[offsets[i][0]].isalnum() and text[offsets[i - 1][1] - 1].isalnum():
            continue
        yield first, i - 1
        first = i


def _within(span: Sequence[int], spans: Sequence[tuple[int, int]]) -> bool:
    return any(a <= span[0] and span[1] <= b for a, b in spans)
