"""The computation of Facts as Experts from the state of a mask: query the fact memory, weigh the null fact, answer.

Symbols are those of the paper (Verga, Sun, Baldini Soares & Cohen, sections 3.2 to 3.4): for every pair of subject and
relation in memory a key a_j = W_a [e_s; r] and a value b_j, the mean of its objects' embeddings; v = W_f h queries
them and a null fact; lambda = P(null); q = lambda h_ctx + (1 - lambda) f; P(e) = softmax(E q).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from memlab.systems.facts_as_experts.model import FactParts


@dataclass(frozen=True)
class FactTable:
    """The fact memory as indices: m rows (subject, relation), and n pairs (row, object).

    subject, relation: (m,) indices into E and R of `FactParts`. row, object: (n,), n >= m, indices of rows and into E.
    """

    subject: Tensor
    relation: Tensor
    row: Tensor
    object: Tensor

    def keys(self, parts: FactParts) -> Tensor:
        """The keys a_j = W_a [e_s; r], (m, d)."""
        return parts.W_a(torch.cat([parts.E[self.subject], parts.R[self.relation]], -1))

    def values(self, parts: FactParts) -> Tensor:
        """The values b (m, d): the mean of the objects' embeddings."""
        sums = torch.zeros(len(self.subject), parts.E.shape[1]).index_add(0, self.row, parts.E[self.object])
        return sums / torch.bincount(self.row, minlength=len(self.subject)).clamp_min(1)[:, None]


def row_scores(h: Tensor, keys: Tensor, parts: FactParts) -> tuple[Tensor, Tensor]:
    """Scores v.a of all rows (B, m) and of the null fact (B,) for states h (B, d)."""
    v = parts.W_f(h)
    return v @ keys.T, v @ parts.null_key + parts.null_bias


def null_probability(scores: Tensor, null: Tensor) -> Tensor:
    """lambda (B,): the probability of the null fact in the softmax over it and all rows; 1 for an empty memory."""
    if scores.shape[1] == 0:
        return torch.ones(len(scores))
    return torch.sigmoid(null - scores.logsumexp(-1))


def answer_scores(q: Tensor, parts: FactParts) -> Tensor:
    """(B, entities) scores of the answers before the softmax."""
    return parts.scale * (q @ parts.E.T)


def mixed(gate: Tensor, h_ctx: Tensor, f: Tensor) -> Tensor:
    """q (B, d) = lambda h_ctx + (1 - lambda) f for gates (B,)."""
    return gate[:, None] * h_ctx + (1 - gate[:, None]) * f
