"""SPALM: Adaptive Semiparametric Language Models (Yogatama, de Masson d'Autume & Kong, TACL 2021).

One model with three sources: local context (a transformer), short-term memory (states of earlier
segments, inside its attention) and long-term memory (tokens that followed the nearest contexts of the
training text). They are mixed *before* the softmax, by a gate that depends on the context:

    m_t = sum_k softmax_k(y_k . h_t) y_k          y_1..y_K: embeddings of the K retrieved tokens
    g_t = sigmoid(w_g . h_t)                      a scalar
    z_t = (1 - g_t) m_t + g_t h_t                 h_t: top hidden state
    p(x_{t+1} | x_<=t) = softmax(W z_t)           W: the embedding, shared with the input and with y_k

**g is the weight of the local state**: near 1, memory is ignored. The distances of the neighbors are
not used in m. Neighbors are found by the keys of a *separate, frozen* model; their tokens are embedded
by the current one. Since vectors are mixed, not distributions, p has no model part and memory part;
the gate forced to 1 and to 0 shows what each would give alone.

Here h_t is the normed output of the last block (the input of W), and the short-term memory is the
key-value cache of a model with rotary positions, detached, in place of Transformer-XL's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from memlab.errors import StoreError
from memlab.lm.model import LanguageModel
from memlab.memory.datastore import Fingerprint
from memlab.systems.spalm.model import SpalmModel


class Combined(NamedTuple):
    """The combination at n positions. g (n,); weights (n, K), rows sum to 1; m and z (n, d)."""

    g: Tensor
    weights: Tensor
    m: Tensor
    z: Tensor


class Scores(NamedTuple):
    """The distributions of a SPALM at n positions. logp (n, V) float32; g (n,); weights (n, K)."""

    logp: Tensor
    g: Tensor
    weights: Tensor


def combine(h: Tensor, y: Tensor, real: Tensor, w_g: Tensor, gate: float | None = None) -> Combined:
    """z = (1 - g) m + g h.

    Args:
        h: (n, d) top hidden states.
        y: (n, K, d) embeddings of the retrieved tokens.
        real: (n, K) bool, which of them exist. A position without any has z = h and g = 1.
        w_g: (d,) weights of the gate.
        gate: forces g to this value.
    """
    some = real.any(-1)  # (n,)
    score = (y @ h[:, :, None]).squeeze(-1)  # (n, K)
    score = score.masked_fill(~real, -torch.inf).masked_fill(~some[:, None], 0.0)
    weights = score.softmax(-1) * some[:, None]  # (n, K)
    m = (weights[:, None, :] @ y).squeeze(1)  # (n, d)
    g = torch.sigmoid(h @ w_g) if gate is None else torch.full_like(h[:, 0], gate)  # (n,)
    g = torch.where(some, g, 1.0)
    return Combined(g, weights, m, (1 - g)[:, None] * m + g[:, None] * h)


def retrieved(values: np.ndarray | Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings (n, K, d) of retrieved token ids (n, K), and which are real.

    An id of -1 is not a neighbor; one at or above V is a word that only memory knows, without an embedding.
    """
    ids = torch.as_tensor(values, dtype=torch.long)
    real = (ids >= 0) & (ids < len(embedding))
    return F.embedding(ids.where(real, 0), embedding), real


@torch.inference_mode()
def spalm_scores(
    hidden: Tensor, values: np.ndarray | Tensor, model: SpalmModel, force_gate: float | None = None
) -> Scores:
    """log p, gate and weights of the retrieved tokens.

    Args:
        hidden: (n, d) top states of `model`. values: (n, K) retrieved token ids, -1 where there are fewer.
        force_gate: 1.0 without memory, 0.0 memory only; None: as the model computes it.
    """
    y, real = retrieved(values, model.embedding)
    c = combine(hidden.float(), y, real, model.w_g, force_gate)
    return Scores((c.z @ model.embedding.T).log_softmax(-1), c.g, c.weights)


def loss(h: Tensor, targets: Tensor, values: np.ndarray, embedding: Tensor, w_g: Tensor) -> Tensor:
    """Mean cross-entropy of the next tokens (n,), with gradients to h, the embedding and w_g; for training."""
    y, real = retrieved(values, embedding)
    return F.cross_entropy(combine(h, y, real, w_g).z @ embedding.T, targets)


def check_spalm(model: SpalmModel, encoder: LanguageModel, store: Fingerprint) -> None:
    """Raises StoreError unless these are the encoder and the collection that the model was trained with."""
    r = model.record
    if encoder.weights_hash != r.encoder_hash:
        raise StoreError(
            f"{model.name} was trained with keys of {r.encoder} ({r.encoder_hash[:12]}), and {encoder.name} has other weights "
            f"({encoder.weights_hash[:12]}): its neighbors would be meaningless. Use that encoder, or train the SPALM again."
        )
    if encoder.tokenizer_hash != r.tokenizer_hash or model.tokenizer_hash != r.tokenizer_hash:
        raise StoreError(f"{model.name} and {encoder.name} must use the tokenizer that they were trained with.")
    if store.model_hash != r.encoder_hash or store.tokenizer_hash != r.tokenizer_hash or store.key != r.key:
        raise StoreError(
            f"{model.name} reads a memory with keys {r.key!r} of {r.encoder}; this datastore has keys {store.key!r} of "
            f"{store.model} ({store.model_hash[:12]}). Use {r.datastore!r}."
        )
    if store.corpus_hash != r.corpus_hash:
        raise StoreError(
            f"{model.name} was trained with another text collection than that of this datastore. Use {r.datastore!r}."
        )
