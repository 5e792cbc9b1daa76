"""The entries that a text becomes, and the contexts in which their keys are encoded.

Masked models (Kassner & Schuetze 2020, section 3): every occurrence of a single-token word that is neither a stop word
nor punctuation is an entry; its key is the state at its position in a copy of the sentence where it alone is masked.

Causal models (Khandelwal et al. 2020, section 2): every token after the first is an entry; its key is the state at
the position before it. A text longer than the window is read in overlapping windows; each token is
an entry once, with at least `window - stride` tokens before it where the text has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from memlab.corpus.sentences import sentence_spans
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.progress import Tick, no_tick
from memlab.results import Article

BATCH_TOKENS = 2048  # tokens of one forward pass: what a layer computes stays in the cache (6144 took a sixth longer)


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
        if model.kind != "causal":
            raise InputError("window and stride are for causal models; a masked model reads sentence by sentence.")
        if not 2 <= window <= model.limit or not 1 <= stride <= window:
            raise InputError(
                f"window {window} and stride {stride}: need 2 <= window <= {model.limit} and 1 <= stride <= window."
            )
        return Reading(window, stride)


WHOLE = Reading()


@dataclass(frozen=True)
class Entries:
    """The entries of some documents, before their keys are known.

    contexts: token ids of each context.
    context, position: (n,) where each entry's key is read: which context, which token of it.
    values: (n,) int32 token ids. spans: (n, 3) int32 document row, first and last character (exclusive).
    masked: whether the position is masked before the context is encoded.
    """

    contexts: list[list[int]]
    context: np.ndarray
    position: np.ndarray
    values: np.ndarray
    spans: np.ndarray
    masked: bool

    def __len__(self) -> int:
        return len(self.values)


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
    chosen: Iterable[tuple[int, Article, tuple[int, int] | None]],
    reading: Reading,
    tick: Tick,
) -> Entries:
    """The entries of documents by row, whole or of a part of each."""
    cut = _sentences if model.kind == "masked" else _windows
    contexts: list[list[int]] = []
    rows: list[tuple[int, int, int, int, int, int]] = []
    for row, document, part in chosen:
        tick(0.0)
        for ids, entries in cut(model, document.text, reading, part):
            rows += [(len(contexts), at, value, row, start, end) for at, value, start, end in entries]
            contexts.append(ids)
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 6)
    return Entries(
        contexts,
        context=table[:, 0],
        position=table[:, 1],
        values=table[:, 2].astype(np.int32),
        spans=table[:, 3:].astype(np.int32),
        masked=model.kind == "masked",
    )


def entries_of_part(
    model: LanguageModel,
    document: Article,
    row: int,
    part: tuple[int, int],
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
        used, row = np.unique(entries.context[part], return_inverse=True)
        if entries.masked:
            sequences = [entries.contexts[c] for c in entries.context[part]]
            row = np.arange(len(part))
        else:
            sequences = [entries.contexts[c] for c in used]
        ids, mask = model.pad(sequences)
        rows, columns = torch.as_tensor(row), torch.as_tensor(entries.position[part])
        if entries.masked:
            ids[rows, columns] = model.tokenizer.mask_token_id
        found = model.encode(ids, mask, rows, columns, keys, logp=False)
        for key in keys:
            half = found.keys[key].half()
            if not torch.isfinite(half).all():
                raise InputError(
                    f"The keys {key!r} of {model.name} do not fit into 16-bit numbers; choose another key."
                )
            out[key][part] = half.numpy()
    return out


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


def _sentences(
    model: LanguageModel, text: str, _: Reading, part: tuple[int, int] | None = None
) -> Iterator[tuple[list[int], list[tuple]]]:
    """Sentences (that begin in a part) with [CLS] and [SEP]; a sentence that is too long is read in pieces."""
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


@dataclass(frozen=True, eq=False)
class _Tokens:
    """A text as a model reads it: ids (n,) int32, first and last character of each (n, 2) int32."""

    ids: np.ndarray
    offsets: np.ndarray


@lru_cache(maxsize=1)  # the parts of a long document are read one after the other
def _tokens(model: LanguageModel, text: str) -> _Tokens:
    ids, spans = model.read(text)
    return _Tokens(np.asarray(ids, np.int32), np.asarray(spans, np.int32).reshape(-1, 2))


def _windows(
    model: LanguageModel, text: str, reading: Reading, part: tuple[int, int] | None = None
) -> Iterator[tuple[list[int], list[tuple]]]:
    """Windows of tokens (that begin in a part); the target of position t is token t + 1."""
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
            entries = [(len(lead) + t - 1 - at, int(ids[t]), a, b) for t, (a, b) in zip(targets, places, strict=True)]
            if entries:
                yield [*lead, *ids[at:end].tolist()], entries
        scored = max(scored, end)
        if end == len(ids):
            break


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
    if model.kind == "causal" and model.unmet is None:
        whole = entries_of(model, [Article("taught", "taught", text)])
        keep = np.array([spans is None or _within(s[1:], spans) for s in whole.spans], bool).reshape(-1)
        return TaughtEntries(_picked(whole, keep), {})
    contexts: list[list[int]] = []
    rows: list[tuple[int, int, int, int, int, int]] = []
    unknown: dict[int, str] = {}
    allowed = rememberable(model)
    for begin, end in sentence_spans(text) if model.kind == "masked" else [(0, len(text))]:
        ids, marked = model.read(text[begin:end])
        offsets = [(begin + a, begin + b) for a, b in marked]
        for first, last in _words_of(text, offsets):
            a, b = offsets[first][0], offsets[last][1]
            one = first == last and (model.kind == "causal" or allowed[ids[first]])
            if (not one and (first == last or not text[a:b].isalnum())) or (
                spans is not None and not _within((a, b), spans)
            ):
                continue
            context, position = _around(model, ids, first, last)
            if position < 0:
                continue
            if not one:
                unknown[len(rows)] = model.same_word(text[a:b])
            rows.append((len(contexts), position, ids[first] if one else -1, 0, a, b))
            contexts.append(context)
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 6)
    values, places = table[:, 2].astype(np.int32), table[:, 3:].astype(np.int32)
    return TaughtEntries(Entries(contexts, table[:, 0], table[:, 1], values, places, model.kind == "masked"), unknown)


def read_as(model: LanguageModel, text: str, span: tuple[int, int]) -> str | None:
    """The text of the first token with characters both inside and outside `span`; None where there is none."""
    _, places = model.read(text)
    wider = (text[a:b] for a, b in places if a < span[1] and span[0] < b and (a < span[0] or span[1] < b))
    return next(wider, None)


def _around(model: LanguageModel, ids: Sequence[int], first: int, last: int) -> tuple[list[int], int]:
    """The context in which the word of tokens `first` to `last` is encoded, and the position of its key in it.

    Where the text is longer than the model reads: for a masked model the piece that contains the word, cut as
    `_sentences` does (a word across a cut ends the piece); for a causal model the tokens just before the word.
    """
    before, after = model.frame
    room = model.limit - len(before) - len(after)
    if model.kind == "causal":
        context = [*before, *ids[max(0, first - room) : first]]
        return context, len(context) - 1
    at = first - first % room
    if last >= at + room:
        at = max(0, last + 1 - room)
    context = [*before, *ids[at : first + 1], *ids[last + 1 : at + room], *after]
    return context, len(before) + first - at


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


def _picked(whole: Entries, keep: np.ndarray) -> Entries:
    return Entries(
        whole.contexts,
        whole.context[keep],
        whole.position[keep],
        whole.values[keep],
        whole.spans[keep],
        whole.masked,
    )
