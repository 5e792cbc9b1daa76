"""Sentences with a gap, as a model is trained on them and asked them.

A gap is one sentence with [MASK] where the object belongs. A masked model reads the whole sentence with one mask for
each token of the object; a causal model reads the text before the gap. An object of several tokens is right only if all
of its tokens are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from memlab.corpus.model_kinds import CAUSAL, MASK, MASKED, model_kind, of_kind
from memlab.errors import InputError, StoppedError
from memlab.lm.hooks import body_of
from memlab.lm.inspection import body_options
from memlab.lm.model import LanguageModel

BATCH = 128  # sentences in one forward pass

ScoresOf = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(ids, mask, rows, columns) of a padded batch -> (n, V) logits of all words at the chosen positions."""


@dataclass(frozen=True)
class Gap:
    """One sentence for one model: token ids, the position that predicts each token of the object, and its id."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    targets: tuple[int, ...]


@dataclass(frozen=True)
class Said:
    """A model's answer in one gap.

    right: whether it would fill in all tokens of the object. p: probability of the object (the product over its
    tokens, each given those before it; in parallel for a masked model). top, p_top: the most likely first token
    and its probability.
    """

    right: bool
    p: float
    top: str
    p_top: float


def gap(lm: LanguageModel, sentence: str, object: str) -> Gap:
    """The `Gap` of a sentence with [MASK] where `object` belongs, for one model.

    Raises:
        InputError: no or several gaps, an object that the model cannot write, or too many tokens.
    """
    if sentence.count(MASK) != 1:
        raise InputError(f"{sentence!r} has {sentence.count(MASK)} gaps; exactly one {MASK} is needed.")
    left, right = model_kind(lm.kind).around(sentence)
    typed = left + object + right
    encoding = lm.tokenizer(typed, return_offsets_mapping=True, verbose=False)
    ids, offsets = encoding["input_ids"], encoding["offset_mapping"]
    first, last = len(left), len(left) + len(object)
    at = [i for i, (a, b) in enumerate(offsets) if a < last and b > first and b > a]
    if not at or lm.tokenizer.unk_token_id in [ids[i] for i in at]:
        raise InputError(f"{lm.name} cannot write {object!r}: it is outside its vocabulary. Choose another object.")
    if len(ids) > lm.limit:
        raise InputError(f"{sentence[:60]!r} has {len(ids)} tokens; {lm.name} reads at most {lm.limit}. Shorten it.")
    if at[0] == 0 and model_kind(lm.kind).left_to_right:
        raise InputError(f"{sentence[:60]!r} begins with its gap; a {lm.kind} model needs words before it.")
    return of_kind(_HIDDEN, lm.kind, "gaps")(lm, ids, at)


def at_masks(lm: LanguageModel, ids: Sequence[int], at: Sequence[int]) -> Gap:
    """The tokens at some positions, all masked at once."""
    masked = set(at)
    read = [lm.tokenizer.mask_token_id if i in masked else token for i, token in enumerate(ids)]
    return Gap(tuple(read), tuple(at), tuple(ids[i] for i in at))


def each_next(lm: LanguageModel, ids: Sequence[int], at: Sequence[int]) -> Gap:
    """The tokens at some positions (not the first), each predicted from those before it."""
    return Gap(tuple(ids[: at[-1]]), tuple(i - 1 for i in at), tuple(ids[i] for i in at))


_HIDDEN = {MASKED.name: at_masks, CAUSAL.name: each_next}


def pieces(lm: LanguageModel, object: str) -> int:
    """The number of tokens of an object in the middle of a sentence. Raises InputError, as `gap`."""
    return len(gap(lm, f"It is {MASK}.", object).targets)


def states(lm: LanguageModel, ids: Tensor, mask: Tensor) -> Tensor:
    """(B, T, d) states that enter the head; keeps the gradient."""
    out: Tensor = body_of(lm.module)(input_ids=ids, attention_mask=mask, **body_options(lm.kind)).last_hidden_state
    return out


def losses(lm: LanguageModel, gaps: Sequence[Gap], scores_of: ScoresOf | None = None) -> Tensor:
    """(n,) cross-entropy in nats of each gap, the mean over its tokens; keeps the gradient. `scores_of` replaces the
    model's own forward pass."""
    scores_of = scores_of or (lambda ids, mask, rows, columns: lm.head(states(lm, ids, mask)[rows, columns]))
    ids, mask = lm.pad([g.ids for g in gaps])
    rows, columns, targets, weights = _places(gaps)
    nats = F.cross_entropy(scores_of(ids, mask, rows, columns), targets, reduction="none")
    return torch.zeros(len(gaps)).index_add(0, rows, nats * weights)


def never() -> bool:
    """No stop."""
    return False


def by_model(lm: LanguageModel) -> ScoresOf:
    """The logits of a model alone, as a `ScoresOf`."""

    def scores(ids: Tensor, mask: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        return lm.head(lm.encode(ids, mask, rows, columns, ("last",), logp=False).keys["last"])

    return scores


def ask(
    lm: LanguageModel, gaps: Sequence[Gap], stop: Callable[[], bool] = never, scores_of: ScoresOf | None = None
) -> list[Said]:
    """A model's answer in each gap, in the order of `gaps`. `scores_of` replaces the model's own forward pass.

    Raises:
        StoppedError: `stop` returned True.
    """
    scores_of = scores_of or by_model(lm)
    out: list[Said | None] = [None] * len(gaps)
    order = sorted(range(len(gaps)), key=lambda i: len(gaps[i].ids))
    for at in range(0, len(order), BATCH):
        if stop():
            raise StoppedError("Stopped while asking the model; nothing was recorded.")
        part = order[at : at + BATCH]
        some = [gaps[i] for i in part]
        ids, mask = lm.pad([g.ids for g in some])
        rows, columns, targets, _ = _places(some)
        with torch.inference_mode():
            scores = scores_of(ids, mask, rows, columns)  # (n, V)
            norm = scores.logsumexp(1)
            own = scores.gather(1, targets[:, None])[:, 0] - norm
            best, first = scores.max(1)
            best, hit = best - norm, first == targets
        start = 0
        for i, g in zip(part, some, strict=True):
            span = slice(start, start + len(g.targets))
            start += len(g.targets)
            top = lm.words[int(first[span][0])]
            out[i] = Said(bool(hit[span].all()), float(own[span].sum().exp()), top, float(best[span][0].exp()))
    return [said for said in out if said is not None]


def probabilities(lm: LanguageModel, sentences: Sequence[str], objects: Sequence[str]) -> list[float]:
    """The probability of each object in the gap of its sentence."""
    return [said.p for said in ask(lm, [gap(lm, s, o) for s, o in zip(sentences, objects, strict=True)])]


def _places(gaps: Sequence[Gap]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Row, column, target and weight (1 / number of tokens in its gap) of every token of every gap."""
    rows = torch.tensor([r for r, g in enumerate(gaps) for _ in g.positions])
    columns = torch.tensor([c for g in gaps for c in g.positions])
    targets = torch.tensor([t for g in gaps for t in g.targets])
    weights = torch.tensor([1 / len(g.targets) for g in gaps for _ in g.targets])
    return rows, columns, targets, weights
