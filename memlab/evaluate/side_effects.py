"""Side effects of an edit: its questions and its neighborhood, answered without and with the edit.

Efficacy, paraphrase and neighborhood as in fact-editing papers (Meng et al. 2022, section 3.3), but by
the answer itself; the papers' comparison of two probabilities is kept as `preferred`. Each
question is encoded once: keys and log-probabilities belong to the model, and only memory differs
between the two states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from memlab.corpus.model_kinds import model_kind
from memlab.corpus.world import World
from memlab.declare import Method
from memlab.errors import InputError
from memlab.evaluate.edited import Probe, probes
from memlab.lm.model import LanguageModel
from memlab.lm.prompts import ReadPrompt, read_prompt
from memlab.memory.found import Found
from memlab.memory.retrieval import Searchable, choose_articles, encode_many, search_everywhere
from memlab.memory.search import search_within
from memlab.reading.mixing import knn_memory, mix
from memlab.results import AnswerChange, EditEffects

Word = int | str  # a token id of the model, or a word that only memory has


@dataclass(frozen=True)
class Answer:
    """One state's answer to one question.

    text: the first word of the mixture, "" where memory has no article to search. logp: (V,) of the
    model. recalled: p_kNN of the neighbors' values.
    """

    answer: Word | None
    text: str
    logp: np.ndarray
    recalled: Mapping[Word, float]
    lam: float

    def p(self, word: Word | None) -> float:
        """Probability of a word in the mixture."""
        if word is None or self.answer is None:
            return 0.0
        model = float(np.exp(self.logp[word])) if isinstance(word, int) else 0.0
        return self.lam * self.recalled.get(word, 0.0) + (1 - self.lam) * model


@dataclass(frozen=True)
class MeasuredEdit:
    """An edit to be scored: its parameters in the ledger, its number, and the number of edits before it."""

    parameters: Mapping[str, Any]
    seq: int
    as_of: int


def what_moved(
    world: World,
    method: Method,
    lm: LanguageModel,
    before: Searchable,
    after: Searchable,
    settings: Any,
    edit: MeasuredEdit,
) -> EditEffects:
    """Scores of one edit, and every answer behind them.

    Args:
        before, after: the memory without and with the edit, over one base, with keys of `settings.key`.
        settings: of the method.
    """
    found = probes(world, lm.kind, edit.parameters, before, after)
    asked = [(probe, read) for probe in found.asked if (read := _readable(lm, probe, after)) is not None]
    notes = list(found.notes)
    if skipped := len(found.asked) - len(asked):
        questions = "1 question was" if skipped == 1 else f"{skipped} questions were"
        notes.append(f"{questions} left out: {lm.name} cannot read the prompt, or the answer is not a single word.")
    rows: tuple[AnswerChange, ...] = ()
    if asked:
        keys, logp, _ = encode_many(lm, [read for _, read in asked], settings.key)
        prompts = [probe.prompt for probe, _ in asked]
        first, then = (_answers(method, lm, store, settings, prompts, keys, logp) for store in (before, after))
        rows = tuple(_row(lm, after, probe, a, b) for (probe, _), a, b in zip(asked, first, then, strict=True))
    return EditEffects(edit.seq, edit.as_of, method.name, lm.name, before.name, asdict(settings), rows, tuple(notes))


def _readable(lm: LanguageModel, probe: Probe, after: Searchable) -> ReadPrompt | None:
    """The prompt as the model reads it; None where it cannot, or where no single word could be the answer."""
    if probe.word is not None and _word(lm, probe.word, after) is None:
        return None
    try:
        return read_prompt(lm, probe.prompt)
    except InputError:
        return None


def _word(lm: LanguageModel, text: str | None, store: Searchable) -> Word | None:
    """A word's token id, or the word itself if only memory has it; None if neither has it."""
    if text is None:
        return None
    ids = lm.tokenizer(model_kind(lm.kind).answer(text), add_special_tokens=False)["input_ids"]
    if len(ids) == 1 and ids[0] != lm.tokenizer.unk_token_id:
        return int(ids[0])
    return text if text in store.words else None


def _answers(
    method: Method,
    lm: LanguageModel,
    store: Searchable,
    settings: Any,
    prompts: Sequence[str],
    keys: np.ndarray,
    logp: np.ndarray,
) -> list[Answer]:
    """The answers of one state of memory. keys: (B, d); logp: (B, V)."""
    s = replace(settings, k=min(settings.k, len(store)))
    text_of = [*lm.words, *store.words]
    out = []
    for found, p_lm in zip(_found(store, prompts, keys, s), logp, strict=True):
        real = found.entries[0] >= 0
        if not real.any():
            out.append(Answer(None, "", p_lm, {}, s.lam))
            continue
        values = found.values[0][real]
        memory = knn_memory(method, found.distances[0][real], values, len(text_of), s)
        both = mix(np.concatenate([p_lm, np.full(len(store.words), -np.inf)]), memory.logp, s.lam)
        recalled = {_known(lm, text_of, int(i)): float(np.exp(memory.logp[i])) for i in np.unique(values)}
        best = int(both.argmax())
        out.append(Answer(_known(lm, text_of, best), text_of[best], p_lm, recalled, s.lam))
    return out


def _known(lm: LanguageModel, text_of: Sequence[str], i: int) -> Word:
    return i if i < lm.V else text_of[i]


def _found(store: Searchable, prompts: Sequence[str], keys: np.ndarray, s: Any) -> list[Found]:
    """The neighbors of each prompt: one search over all entries, or one within the articles of each prompt."""
    if s.search == "all":
        f = search_everywhere(store, keys, s.k)
        return [Found(f.entries[[i]], f.values[[i]], f.distances[[i]], f.searched) for i in range(len(prompts))]
    out = []
    for prompt, key in zip(prompts, keys, strict=True):
        try:
            rows = choose_articles(store, prompt, s.articles)
        except InputError:  # no article of this state is about it
            out.append(Found.nothing(1))
            continue
        out.append(search_within(store, key, s.k, store.documents.entries(rows)))
    return out


def _row(lm: LanguageModel, after: Searchable, probe: Probe, a: Answer, b: Answer) -> AnswerChange:
    near = probe.group == "neighborhood"
    word = a.answer if near or probe.word is None else _word(lm, probe.word, after)
    truths = {_word(lm, text, after) for text in (probe.word, *probe.also)} - {None} if near else {word}
    old = _word(lm, probe.old, after)
    return AnswerChange(
        group=probe.group,
        prompt=probe.prompt,
        shared=probe.shared,
        word=a.text if near or probe.word is None else probe.word,
        before=a.text,
        after=b.text,
        p_before=a.p(word),
        p_after=b.p(word),
        right_before=(a.answer in truths) == probe.wanted,
        right_after=(b.answer in truths) == probe.wanted,
        preferred=None if old is None else b.p(word) > b.p(old),
        fact=probe.fact,
    )
