"""Training causal models on running text: segments in document order, with or without short-term memory.

The text is one stream of tokens, cut into as many lanes as a batch has rows; a step reads the next
segment of every lane. With M > 0 the keys and values of the last M tokens before a segment are carried
over from the step before, detached (the key-value cache of a model with rotary positions, in place of
Transformer-XL's cached states, Dai et al. 2019): attention sees them, gradients do not. Only states of
the text that a segment continues are visible, so a model trained on many short texts also learns to
begin without context (texts that begin later in a segment see what precedes them in it). All kinds of models read the
same tokens in the same order, for equal numbers of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memlab.errors import InputError
from memlab.lm.caches import cache_argument
from memlab.lm.optimization import Optimization, train_steps
from memlab.progress import Progress, Stop, never_stop, no_progress

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

KINDS = {  # kinds of model that need only a text; systems declare further ones as recipes
    "base": "a causal model without short-term memory",
    "short-term": "a causal model with short-term memory",
}
# (h (n, d), targets (n,), places (n,) of the targets in the stream, embedding (V, d)) -> mean loss
Loss = Callable[[Tensor, Tensor, np.ndarray, Tensor], Tensor]


@dataclass(frozen=True)
class TextRecipe:
    """Everything that determines a model trained on running text, besides the text itself."""

    name: str
    kind: str
    steps: int = 900
    seed: int = 0
    batch: int = 16
    segment: int = 128  # tokens of a segment; a step has batch times segment tokens
    memory: int = 128  # M: tokens of short-term memory; the base model has none
    width: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 384
    vocabulary: int = 6000
    learning_rate: float = 4e-3  # AdamW: embeddings, norms, gate
    muon_rate: float = 0.02  # Muon: matrices of the blocks
    warmup: int = 60
    weight_decay: float = 0.01
    K: int = 4  # with a long-term memory: retrieved tokens per position
    key: str = "ffn"  # with a long-term memory: which key of the frozen encoder

    def __post_init__(self) -> None:
        if self.memory < 0:
            raise InputError(f"The short-term memory is {self.memory} tokens; allowed is 0 (off) or more.")
        if self.K < 1:
            raise InputError(f"K is {self.K}; at least 1 token must be retrieved. Allowed: 1 or more.")
        if self.steps < 1:
            raise InputError(f"{self.steps} steps train nothing. Allowed: 1 or more.")

    @property
    def M(self) -> int:
        """Tokens of short-term memory; 0 is off."""
        return 0 if self.kind == "base" else self.memory


@dataclass(frozen=True)
class Stream:
    """A text as a stream of tokens for training.

    ids: (n,) int64 token ids, start tokens included. predicted: (n,) bool, which of them are predicted.
    text: (n,) int32, which text each belongs to.
    """

    ids: np.ndarray
    predicted: np.ndarray
    text: np.ndarray


def make_stream(texts: Sequence[Sequence[int]], lead: Sequence[int]) -> Stream:
    """The texts one after the other, each after its start tokens, if there are any.

    Predicted are the tokens that are entries in a datastore of the same texts: every token of a text, except the
    first if no start token precedes it.
    """
    ids: list[int] = []
    predicted: list[bool] = []
    for text in texts:
        ids += [*lead, *text]
        unseen = max(1, len(lead))
        predicted += [False] * unseen + [True] * (len(lead) + len(text) - unseen)
    owner = np.repeat(np.arange(len(texts), dtype=np.int32), [len(lead) + len(text) for text in texts])
    return Stream(np.asarray(ids, np.int64), np.asarray(predicted, bool), owner)


def segments(count: int, recipe: TextRecipe) -> Iterator[tuple[np.ndarray, bool]]:
    """(B, S) places in a stream of `count` tokens, step by step, and whether a new pass over it begins.

    Each pass begins at a random offset, so that segment borders differ. Raises InputError for a stream that is too
    short.
    """
    rng = np.random.default_rng(recipe.seed)
    lane = (count - 1) // recipe.batch
    if lane < 2 * recipe.segment:
        need = 2 * recipe.segment * recipe.batch + 1
        raise InputError(
            f"The training part has {count} tokens; this recipe needs at least {need}. Give a longer text."
        )
    begin = np.arange(recipe.batch)[:, None] * lane
    while True:
        offset = int(rng.integers(recipe.segment))
        for n in range((lane - offset) // recipe.segment):
            yield begin + offset + n * recipe.segment + np.arange(recipe.segment), n == 0


def plain_loss(h: Tensor, targets: Tensor, places: np.ndarray, embedding: Tensor) -> Tensor:
    """Cross-entropy of softmax(W h), W the shared embedding."""
    return F.cross_entropy(h @ embedding.T, targets)


def new_model(recipe: TextRecipe, vocabulary: int) -> LlamaForCausalLM:
    """The untrained model of a recipe: Llama, rotary positions, tied embeddings."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=recipe.width,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            intermediate_size=recipe.feed_forward,
            max_position_embeddings=recipe.segment + recipe.M,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=None,
        )
    )


def _visible(text: np.ndarray, places: np.ndarray, carried: int) -> Tensor | None:
    """(B, carried + S) int64, 0 for carried states of another text than that of the segment's first token; None if
    all are visible."""
    if carried == 0 or text[-1] == 0:
        return None
    first = places[:, :1]
    same = text[first + np.arange(-carried, 0)] == text[first]
    return torch.from_numpy(np.pad(same, ((0, 0), (0, places.shape[1])), constant_values=True).astype(np.int64))


@dataclass(frozen=True)
class Extra:
    """A custom training loss (see `Loss`), and parameters that are trained in addition to the model's."""

    loss_of: Loss = plain_loss
    parameters: Sequence[nn.Parameter] = ()


def train_on_stream(
    recipe: TextRecipe,
    stream: Stream,
    vocabulary: int,
    extra: Extra = Extra(),
    progress: Progress = no_progress,
    stop: Stop = never_stop,
) -> LlamaForCausalLM:
    """Trains the model of `recipe`. Two runs with one seed on one machine give the same weights.

    Raises:
        InputError: the stream is too short. StoppedError: `stop` returned True.
    """
    module = new_model(recipe, vocabulary).train()
    losses = _losses(module, recipe, stream, extra.loss_of)
    train_steps(Optimization(module, recipe, extra.parameters), recipe.steps, losses, progress, stop)
    return module


def _losses(module: LlamaForCausalLM, recipe: TextRecipe, stream: Stream, loss_of: Loss) -> Iterator[Tensor]:
    """The loss of each step; keys and values are carried to the next step, detached.

    Raises:
        InputError: the stream is too short.
    """
    from transformers import DynamicCache

    embedding = module.get_input_embeddings().weight
    ids = torch.from_numpy(stream.ids)
    argument = cache_argument(module.base_model)
    assert argument is not None
    past, at = DynamicCache(), 0
    for places, fresh in segments(len(ids), recipe):
        if fresh or recipe.M == 0:
            past, at = DynamicCache(), 0
        h = module.base_model(
            input_ids=ids[places],
            attention_mask=_visible(stream.text, places, min(at, recipe.M)),
            position_ids=torch.arange(at, at + recipe.segment)[None],
            use_cache=True,
            **{argument: past},
        ).last_hidden_state  # (B, S, d)
        at += recipe.segment
        wanted = stream.predicted[places + 1]  # (B, S)
        targets = places[wanted] + 1
        yield loss_of(h[torch.from_numpy(wanted)], ids[targets], targets, embedding)
        for layer in past.layers:
            layer.keys = layer.keys[..., -recipe.M :, :].detach()
            layer.values = layer.values[..., -recipe.M :, :].detach()
