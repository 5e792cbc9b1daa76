"""Training a Facts-as-Experts model on the text of the bundled world.

The transformer starts from `atlas-mlm` (the paper's from Entities as Experts); entity memory and fact memory are new.
Loss, as in the paper: the answer, the entity from context alone, the fact that supports the answer (distant
supervision: a row whose subject is mentioned and whose object is the answer, the null fact where there is none), the entity of
every mention, and masked words. Two additions make the memory editable:

- for some sentences the supporting rows are hidden, so that the model learns to choose the null fact where a fact is
  missing;
- for some the supporting row and the answer get another object, so that the model trusts the memory over the text.

Only facts that the text states are in memory during training; rows about unseen facts are added afterwards.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from memlab.corpus.generator import Sentence, training_text
from memlab.corpus.world import World
from memlab.errors import StoppedError
from memlab.lm.hooks import capturing
from memlab.lm.loading import read_anew
from memlab.lm.optimization import rate_at
from memlab.progress import Progress, Stop, never_stop, no_progress
from memlab.results import Fact
from memlab.systems.facts_as_experts.combination import (
    FactTable,
    answer_scores,
    mixed,
    null_probability,
    row_scores,
)
from memlab.systems.facts_as_experts.model import MENTIONS, FactParts, FaeRecord, entity_tokens

HIDDEN_FACT = -1e9


@dataclass(frozen=True)
class FaeRecipe:
    """Everything that determines the model, besides the world and the model that training starts from."""

    name: str = "atlas-fae"
    start: str = "atlas-mlm"
    steps: int = 320
    seed: int = 2026
    batch: int = 64
    block: int = 1  # the entity memory is read after this block, in the middle of four
    learning_rate: float = 4e-3  # of the memories
    start_rate: float = 1e-3  # of the transformer, which is pretrained
    muon_rate: float = 0.0  # everything is trained with AdamW
    weight_decay: float = 0.0
    warmup: int = 20
    mask_answer: float = 0.8
    mask_other: float = 0.05
    hide: float = 0.12  # of the supported answers: without their rows
    replace: float = 0.3  # of the supported answers: with another object in the row


@dataclass(frozen=True)
class Batch:
    """ids, mask: (B, T). rows, columns: (n,) masked places, targets: (n,) their tokens. entity: (n,) entity of each
    place (-1: no name). support: (n, m) bool, its supporting rows. hidden: (n,) bool, whether these are hidden.
    other: (n,) entity that replaces the object, -1 for none."""

    ids: Tensor
    mask: Tensor
    rows: Tensor
    columns: Tensor
    targets: Tensor
    entity: Tensor
    support: Tensor
    hidden: Tensor
    other: Tensor


def fact_table(facts: Sequence[Fact], entity_of: dict[str, int], relation_of: dict[str, int]) -> FactTable:
    """Facts as indices. Facts of one subject and relation are one row with several objects, in order of appearance."""
    number: dict[tuple[str, str], int] = {}
    row = [number.setdefault((f.subject, f.relation), len(number)) for f in facts]
    return FactTable(
        torch.tensor([entity_of[s] for s, _ in number], dtype=torch.long),
        torch.tensor([relation_of[r] for _, r in number], dtype=torch.long),
        torch.tensor(row, dtype=torch.long),
        torch.tensor([entity_of[f.object] for f in facts], dtype=torch.long),
    )


class Trainer:
    """One training: module, parts, text and fact memory."""

    def __init__(self, recipe: FaeRecipe, world: World) -> None:
        self.recipe, self.world = recipe, world
        torch.manual_seed(recipe.seed)
        from memlab.lm.catalogue import info

        lm = read_anew(info(recipe.start)).model
        self.module: PreTrainedModel = lm.module.requires_grad_(True)
        self.tokenizer: PreTrainedTokenizerBase = lm.tokenizer
        entities, relations = tuple(world.names), tuple(world.relations)
        tokens = entity_tokens(lm.tokenizer, entities)
        self.parts = FactParts(tokens, len(relations), lm.V, lm.d)
        with torch.no_grad():
            embedding = self.module.get_input_embeddings().weight[torch.tensor(tokens)]
            self.parts.E.copy_(F.normalize(embedding, dim=-1))
            self.parts.W_b.weight.zero_()
            # Keys begin as the sum of subject and relation, queries as the state itself: scores of the size of a softmax over
            # thousands of rows. The context query begins as long as an entity embedding.
            eye = torch.eye(lm.d)
            self.parts.W_a.weight.copy_(torch.cat([eye, eye], 1))
            self.parts.W_f.weight.copy_(eye)
            self.parts.W_e.weight.copy_(eye)
            self.parts.W_c.weight.copy_(eye * lm.d**-0.5)
            self.parts.scale.fill_(16.0)
        started = {"params": list(self.module.parameters()), "lr": recipe.start_rate}
        new = {"params": list(self.parts.parameters()), "lr": recipe.learning_rate}
        self.optimizer = torch.optim.AdamW([started, new], betas=(0.9, 0.98), weight_decay=0.0)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, partial(rate_at, budget=recipe))
        self.parts.attach(self.module, recipe.block)
        self.record = FaeRecord(entities, relations, recipe.block, recipe.start)
        self.entity_of = {e: n for n, e in enumerate(entities)}
        self.told = [f for f in world.facts if f.exposure != "unseen"]
        self.table = fact_table(self.told, self.entity_of, {r: n for n, r in enumerate(relations)})
        self.sentences = training_text(world)
        self.by_pair: dict[tuple[int, int], list[int]] = defaultdict(list)
        for n, f in enumerate(self.told):
            self.by_pair[self.entity_of[f.subject], self.entity_of[f.object]].append(int(self.table.row[n]))

    def run(self, progress: Progress = no_progress, stop: Stop = never_stop) -> dict[str, float]:
        """Trains, and returns the last smoothed losses by name. Raises StoppedError."""
        recipe = self.recipe
        self.module.train()
        smooth: dict[str, float] = {}
        start = time.monotonic()
        for step, batch in zip(range(recipe.steps), self.batches(), strict=False):
            if stop():
                raise StoppedError(f"Stopped at step {step} of {recipe.steps}; nothing was written.")
            losses = self.losses(batch)
            self._step(sum(losses.values(), torch.zeros(())))
            for name, loss in losses.items():
                smooth[name] = loss.item() if step == 0 else 0.97 * smooth[name] + 0.03 * loss.item()
            if step % 20 == 0:
                left = (time.monotonic() - start) / (step + 1) * (recipe.steps - step - 1)
                said = ", ".join(f"{name} {value:.2f}" for name, value in smooth.items())
                progress(step / recipe.steps, f"step {step} of {recipe.steps}, {said}, {left / 60:.0f} min left")
        self.module.eval()
        return smooth

    def _step(self, loss: Tensor) -> None:
        """One optimizer step on `loss`, with the gradient norm clipped at 1."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for g in self.optimizer.param_groups for p in g["params"]], 1.0)
        self.optimizer.step()
        self.schedule.step()

    def losses(self, b: Batch) -> dict[str, Tensor]:
        """The five losses of a batch."""
        parts = self.parts
        with capturing() as captured:
            states = self.module.base_model(input_ids=b.ids, attention_mask=b.mask).last_hidden_state
        h = states[b.rows, b.columns]
        mention_scores, mentioned = captured[MENTIONS]
        head: Any = self.module
        out = {
            "words": F.cross_entropy(head.decoder(head.head(h)), b.targets),
            "mention": F.cross_entropy(mention_scores, mentioned),
        }
        scores, null = row_scores(h, self.table.keys(parts), parts)
        hide = b.hidden[:, None] & b.support
        scores = scores.masked_fill(hide, HIDDEN_FACT)
        supported = b.support.any(1) & ~b.hidden
        total = torch.logaddexp(scores.logsumexp(-1), null)
        right = torch.where(supported, scores.masked_fill(~b.support, HIDDEN_FACT).logsumexp(-1), null)
        out["fact"] = (total - right).mean()
        named = b.entity >= 0
        scores, null, h, support = scores[named], null[named], h[named], b.support[named]
        gate, weights = null_probability(scores, null), scores.softmax(-1)
        f = weights @ self.table.values(parts)
        other, entity = b.other[named], b.entity[named]
        changed = other >= 0
        moved = torch.where(changed, (weights * support).sum(1), 0.0)[:, None]
        f = f + moved * (parts.E[other.clamp_min(0)] - parts.E[entity])
        h_ctx = parts.W_c(h)
        out["context"] = F.cross_entropy(answer_scores(h_ctx, parts), entity)
        q = mixed(gate, h_ctx, f)
        out["answer"] = F.cross_entropy(answer_scores(q, parts), torch.where(changed, other, entity))
        return out

    def batches(self) -> Iterator[Batch]:
        """Endless batches of sentences of similar length, in random order."""
        rng = torch.Generator().manual_seed(self.recipe.seed)
        encoded = self.tokenizer([s.text for s in self.sentences], truncation=True, max_length=128)["input_ids"]
        answers = [self._answer(s, ids) for s, ids in zip(self.sentences, encoded, strict=True)]
        length = torch.tensor([len(e) for e in encoded])
        size = self.recipe.batch
        while True:
            order = torch.randperm(len(encoded), generator=rng)
            chunks = []
            for at in range(0, len(order), 16 * size):
                near = order[at : at + 16 * size]
                near = near[length[near].argsort(stable=True)]
                chunks += [near[b : b + size] for b in range(0, len(near) - size + 1, size)]
            for i in torch.randperm(len(chunks), generator=rng).tolist():
                chosen = chunks[i].tolist()
                yield self._batch([encoded[c] for c in chosen], [answers[c] for c in chosen], rng)

    def _answer(self, sentence: Sentence, ids: list[int]) -> int:
        """The position of the object in a sentence that states a fact; -1 where it states none."""
        if sentence.answer is None:
            return -1
        token = int(self.parts.tokens[self.entity_of[sentence.answer]])
        return len(ids) - 1 - ids[::-1].index(token) if token in ids else -1

    def _batch(self, sequences: list[list[int]], answers: list[int], rng: torch.Generator) -> Batch:
        recipe, longest = self.recipe, max(map(len, sequences))
        ids = torch.tensor([s + [0] * (longest - len(s)) for s in sequences])
        mask = torch.tensor([[1] * len(s) + [0] * (longest - len(s)) for s in sequences])
        chance = torch.full(ids.shape, recipe.mask_other)
        chance[(mask == 0) | (ids < 5)] = 0.0  # special tokens
        for row, at in enumerate(answers):
            if at >= 0:
                chance[row, at] = recipe.mask_answer
        hit = torch.rand(ids.shape, generator=rng) < chance
        rows, columns = hit.nonzero(as_tuple=True)
        of_token = self.parts.entity[ids].masked_fill(mask == 0, -1)
        entity = of_token[rows, columns]
        support = torch.zeros(len(rows), len(self.table.subject), dtype=torch.bool)
        seen = of_token.masked_fill(hit, -1).tolist()
        for n, (row, e) in enumerate(zip(rows.tolist(), entity.tolist(), strict=True)):
            if e >= 0:
                for s in set(seen[row]):
                    for j in self.by_pair.get((s, e), ()):
                        support[n, j] = True
        u = torch.rand(len(rows), generator=rng)
        supported = support.any(1)
        hidden = supported & (u < recipe.hide)
        swap = supported & ~hidden & (u > 1 - recipe.replace) & (support.sum(1) == 1)
        drawn = torch.randint(len(self.entity_of), (len(rows),), generator=rng)
        masked = torch.where(hit, int(self.tokenizer.mask_token_id or 0), ids)
        return Batch(
            masked, mask, rows, columns, ids[rows, columns], entity, support, hidden, torch.where(swap, drawn, -1)
        )
