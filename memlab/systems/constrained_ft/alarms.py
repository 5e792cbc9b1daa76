"""Measurements that critics of model editing ask for: generated text, perplexity of a fixed text, two-hop questions, growth of the weights.

Scores under teacher forcing are far above those of free generation (arXiv 2502.11177); one edit can collapse a model,
which the perplexity of any text shows (2402.09656); old facts stay deducible (2506.01386); collapse follows the
growth of the weights' norm over stacked edits (2602.02543).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from cachetools import LRUCache
from torch import Tensor
from torch.nn import functional as F

from memlab.corpus.model_kinds import CAUSAL, MASK, MASKED, of_kind
from memlab.corpus.sentences import sentence_spans
from memlab.corpus.world import World, fill
from memlab.errors import InputError, StoppedError
from memlab.lm.model import LanguageModel
from memlab.progress import Stop
from memlab.systems.constrained_ft.cases import Case
from memlab.systems.constrained_ft.gaps import Gap, ScoresOf, ask, at_masks, by_model, gap, never

ALARM = 1.05  # perplexity after / before beyond which a result says that the model was damaged
SENTENCES = 60  # of the fixed text
NEW_TOKENS = 8
AT_ONCE = 512  # tokens predicted in one forward pass
HOPS = 3  # two-hop questions of each edit

_before: LRUCache[tuple, float] = LRUCache(16)  # perplexities of models that several edits start from


@dataclass(frozen=True)
class TwoHop:
    """A question whose answer follows from the edited fact and one other fact.

    old, new: what follows from the old and from the new object. before, after: what the model answers.
    p_old, p_new: probabilities after the edit.
    """

    prompt: str
    old: str
    new: str
    before: str
    after: str
    p_old: float
    p_new: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Perplexity:
    """The perplexity of a fixed text, without the edit and with it. A masked model predicts every seventh token at a
    time."""

    before: float
    after: float

    @property
    def alarm(self) -> bool:
        """Whether it rose by more than 5%, or is NaN."""
        return not self.after <= ALARM * self.before

    def to_dict(self) -> dict[str, Any]:
        return {"before": self.before, "after": self.after, "ratio": self.after / self.before, "alarm": self.alarm}


def fixed_text(world: World) -> list[str]:
    """A fixed sample of sentences of the bundled prose, which no edit is about."""
    found = [text[a:b] for text in world.prose.values() for a, b in sentence_spans(text)]
    return random.Random(0).sample(found, min(SENTENCES, len(found)))


def perplexity(before: LanguageModel, after: LanguageModel, texts: Sequence[str], stop: Stop = never) -> Perplexity:
    """The perplexity of the same tokens under both models.

    Raises:
        InputError: a text without a token that can be predicted. StoppedError: `stop` returned True.
    """
    gaps = predicted(before, texts)
    at = (before.weights_hash, tuple(texts))
    if (found := _before.get(at)) is None:
        found = _before[at] = perplexity_of(before, gaps, stop)
    return Perplexity(found, perplexity_of(after, gaps, stop))


def predicted(lm: LanguageModel, texts: Sequence[str]) -> list[Gap]:
    """The tokens of some texts that their perplexity is measured on. Raises InputError where there is none."""
    gaps = [g for text in texts for g in _tokens(lm, text)]
    if not gaps:
        raise InputError("The text for the perplexity has no token to predict. Give a longer one.")
    return gaps


def _tokens(lm: LanguageModel, text: str) -> list[Gap]:
    """The tokens of a text that are predicted."""
    before, after = lm.frame
    # truncation=True would stay set in the tokenizer.
    inner = lm.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    ids = [*before, *inner[: lm.limit - len(before) - len(after)], *after]
    special = set(lm.tokenizer.all_special_ids) - {lm.tokenizer.unk_token_id}
    ordinary = [i for i, token in enumerate(ids) if token not in special]
    return of_kind(_PREDICTED, lm.kind, "perplexity of a text")(lm, ids, ordinary)


def _every_seventh(lm: LanguageModel, ids: list[int], ordinary: list[int]) -> list[Gap]:
    rounds = ([i for i in ordinary if i % 7 == first] for first in range(7))
    return [at_masks(lm, ids, at) for at in rounds if at]


def _all_but_the_first(lm: LanguageModel, ids: list[int], ordinary: list[int]) -> list[Gap]:
    at = [i for i in ordinary if i > 0]
    return [Gap(tuple(ids), tuple(i - 1 for i in at), tuple(ids[i] for i in at))] if at else []


_PREDICTED = {MASKED.name: _every_seventh, CAUSAL.name: _all_but_the_first}


@torch.inference_mode()
def perplexity_of(lm: LanguageModel, gaps: Sequence[Gap], stop: Stop = never) -> float:
    """The perplexity of the tokens in some gaps. Raises StoppedError: `stop` returned True."""
    scores_of = by_model(lm)
    nats, count = 0.0, 0
    for part in batches(sorted(gaps, key=lambda g: len(g.ids))):
        if stop():
            raise StoppedError("Stopped while measuring the perplexity; nothing was recorded.")
        ids, mask = lm.pad([g.ids for g in part])
        rows = torch.tensor([r for r, g in enumerate(part) for _ in g.positions])
        columns = torch.tensor([c for g in part for c in g.positions])
        targets = torch.tensor([t for g in part for t in g.targets])
        nats += float(F.cross_entropy(scores_of(ids, mask, rows, columns), targets, reduction="sum"))
        count += len(targets)
    mean = nats / count
    return math.exp(mean) if mean < 700 else math.inf


def batches(gaps: Sequence[Gap]) -> Iterator[list[Gap]]:
    """The gaps in batches of at most `AT_ONCE` predicted tokens, since each needs the scores of the whole
    vocabulary."""
    part: list[Gap] = []
    for g in gaps:
        if part and sum(len(p.targets) for p in part) + len(g.targets) > AT_ONCE:
            yield part
            part = []
        part.append(g)
    if part:
        yield part


def two_hops(world: World, before: LanguageModel, after: LanguageModel, cases: Sequence[Case]) -> tuple[TwoHop, ...]:
    """Two-hop questions about edits of the bundled world, at most three of each.

    A second fact about the old and the new object gives one answer each: after "the capital of France: Paris -> Rome",
    "The country of the capital of France is [MASK]." should no longer be answered as for Paris. A fact that leads to
    the edited subject gives another: "The capital of the country of the Louvre is [MASK]."
    """
    asked = [
        hop for case in cases if case.new and case.subject in world.subjects for hop in _hops(world, case)
        if _writable(before, hop)
    ]  # fmt: skip
    news = [gap(before, sentence, new) for sentence, _, new in asked]
    olds = [gap(before, sentence, old) for sentence, old, _ in asked]
    first, then, still = ask(before, news), ask(after, news), ask(after, olds)
    return tuple(
        TwoHop(sentence, old, new, first[i].top, then[i].top, still[i].p, then[i].p)
        for i, (sentence, old, new) in enumerate(asked)
    )


def _hops(world: World, case: Case) -> list[tuple[str, str, str]]:
    """(sentence, old answer, new answer) of one case."""
    label = world.relation(case.relation).label
    out = []
    of_new = {f.relation: f.object for f in world.by_subject.get(case.new, ())}
    for fact in world.by_subject.get(case.old, ()):
        if (new := of_new.get(fact.relation)) not in (None, fact.object):
            question = world.relation(fact.relation).questions[0]
            out.append((fill(question, f"the {label} of {case.subject}", MASK), fact.object, str(new)))
    for fact in world.facts:
        if fact.object == case.subject and len(out) < HOPS:
            through = f"the {world.relation(fact.relation).label} of {fact.subject}"
            out.append((fill(world.relation(case.relation).questions[0], through, MASK), case.old, case.new))
    return out[:HOPS]


def _writable(lm: LanguageModel, hop: tuple[str, str, str]) -> bool:
    try:
        gap(lm, hop[0], hop[1])
        gap(lm, hop[0], hop[2])
    except InputError:
        return False
    return True


def generated(lm: LanguageModel, cases: Sequence[Case], scores_of: ScoresOf | None = None) -> list[tuple[str, bool]]:
    """What a causal model writes after the held-out question of each case, greedily, and whether it begins with the new
    object (the old one must be gone where the case is to be forgotten)."""
    texts = [continued(lm, case.question.split(MASK)[0].rstrip(), NEW_TOKENS, scores_of) for case in cases]
    out = []
    for case, text in zip(cases, texts, strict=True):
        said = text.strip().lower()
        hit = said.startswith(case.new.lower()) if case.new else not said.startswith(case.old.lower())
        out.append((text, hit))
    return out


@torch.inference_mode()
def continued(lm: LanguageModel, prompt: str, n: int, scores_of: ScoresOf | None = None) -> str:
    """The greedy continuation of a prompt by n tokens of a causal model, as text."""
    scores_of = scores_of or by_model(lm)
    ids: list[int] = list(lm.tokenizer(prompt, verbose=False)["input_ids"])
    start = len(ids)
    for _ in range(min(n, lm.limit - start)):
        read = torch.tensor([ids])
        scores = scores_of(read, torch.ones_like(read), torch.tensor([0]), torch.tensor([len(ids) - 1]))
        ids.append(int(scores.argmax()))
    return str(lm.tokenizer.decode(ids[start:], skip_special_tokens=True, clean_up_tokenization_spaces=False))


def growth(base: LanguageModel, values: Mapping[str, Tensor]) -> dict[str, float]:
    """How far changed tensors are from the base: the largest difference ("inf"), the L2 norm of the change as one
    vector ("l2"), and that norm relative to the norm of the same tensors of the base ("relative")."""
    square = own = largest = 0.0
    for name, value in values.items():
        start = base.module.get_parameter(name).detach()
        gap_ = (value - start).double()
        square += float(gap_.square().sum())
        own += float(start.double().square().sum())
        largest = max(largest, float(gap_.abs().max()))
    return {"inf": largest, "l2": math.sqrt(square), "relative": math.sqrt(square / own) if own else 0.0}
