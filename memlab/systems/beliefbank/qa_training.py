"""Training `atlas-qa`: a small causal model that answers yes-or-no questions, with and without statements before them.

A Llama of 3 layers over a vocabulary of lower-case words; only the answers ("yes", "no") are learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from memlab.lm.folder import write_model
from memlab.lm.optimization import Optimization, train_steps
from memlab.lm.tokenizer import SPECIAL
from memlab.lm.training import losses_of_targets
from memlab.progress import Progress, no_progress
from memlab.systems.beliefbank.constraints import ConstraintGraph
from memlab.systems.beliefbank.prompts import PLAIN
from memlab.systems.beliefbank.qa_text import Sampling, all_sentences, held_out, passages

NAME = "atlas-qa"
WORDS = {True: "yes", False: "no"}


@dataclass(frozen=True)
class QaRecipe:
    """Everything that determines the model, besides the constraint graph."""

    name: str = NAME
    kind: str = "causal"
    steps: int = 850
    seed: int = 2026
    batch: int = 64
    width: int = 64
    layers: int = 3
    heads: int = 4
    feed_forward: int = 192
    context: int = 128
    learning_rate: float = 4e-3
    muon_rate: float = 0.02
    warmup: int = 40
    weight_decay: float = 0.01
    sampling: Sampling = field(default_factory=Sampling)


def word_tokenizer(graph: ConstraintGraph, length: int) -> PreTrainedTokenizerFast:
    """A tokenizer in which every lower-case word of the graph's sentences is one token; others are unknown."""
    pieces = pre_tokenizers.Split(Regex(r"\w+|[^\w\s]"), behavior="removed", invert=True)
    found = {piece for text in all_sentences(graph) for piece, _ in pieces.pre_tokenize_str(text.lower())}
    vocabulary = [*SPECIAL.values(), *sorted(found)]
    core = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocabulary)}, unk_token=SPECIAL["unk_token"]))
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pieces
    start = SPECIAL["cls_token"]
    core.post_processor = processors.TemplateProcessing(
        single=f"{start} $A", special_tokens=[(start, core.token_to_id(start))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=length, **SPECIAL)


def train_qa(
    graph: ConstraintGraph,
    out: Path,
    recipe: QaRecipe,
    progress: Progress = no_progress,
    stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Trains the model and writes its folder, which appears only when complete. Raises StoppedError when asked to
    stop."""
    torch.manual_seed(recipe.seed)
    tokenizer = word_tokenizer(graph, recipe.context)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=recipe.feed_forward,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )
    module = LlamaForCausalLM(config)
    losses = losses_of_targets(module, _batches(graph, tokenizer, recipe))
    smooth = train_steps(Optimization(module.train(), recipe), recipe.steps, losses, progress, stop)
    record: dict[str, Any] = {
        "name": recipe.name, "kind": recipe.kind, "recipe": asdict(recipe), "corpus": {"held_out": held_out(graph, recipe.sampling, recipe.seed), "graph": graph.name, "entities": len(graph.entities)},
        "prompt": PLAIN.name, "scores": {"loss": round(smooth, 4)}, "unmet": [],
    }  # fmt: skip
    return write_model(out, module, tokenizer, record)


def _batches(
    graph: ConstraintGraph, tokenizer: PreTrainedTokenizerFast, recipe: QaRecipe
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(B, T) ids, attention mask, and targets: the answers, -1 elsewhere. A batch holds passages of similar length."""
    answers = {label: tokenizer.convert_tokens_to_ids(word) for label, word in WORDS.items()}
    source = passages(graph, recipe.sampling, recipe.seed)
    known: dict[str, list[int]] = {}
    while True:
        drawn = [_encoded(next(source), tokenizer, answers, known) for _ in range(8 * recipe.batch)]
        drawn.sort(key=lambda pair: len(pair[0]))
        order = torch.randperm(8).tolist()
        for b in order:
            rows = drawn[b * recipe.batch : (b + 1) * recipe.batch]
            longest = max(len(ids) for ids, _ in rows)
            ids = torch.zeros((recipe.batch, longest), dtype=torch.long)
            mask, targets = torch.zeros_like(ids), torch.full_like(ids, -1)
            for i, (row, wanted) in enumerate(rows):
                ids[i, : len(row)] = torch.tensor(row)
                mask[i, : len(row)] = 1
                for place, answer in wanted:
                    targets[i, place] = answer
            yield ids[:, : recipe.context], mask[:, : recipe.context], targets[:, : recipe.context]


def _encoded(
    passage: list[tuple[str, bool | None]],
    tokenizer: PreTrainedTokenizerFast,
    answers: dict[bool, int],
    known: dict[str, list[int]],
) -> tuple[list[int], list[tuple[int, int]]]:
    """Token ids of a passage, and (place, answer) for each question: the answer is the next token after the place."""
    ids: list[int] = [tokenizer.cls_token_id]
    wanted: list[tuple[int, int]] = []
    for text, label in passage:
        if text not in known:
            known[text] = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += known[text]
        if label is not None:
            wanted.append((len(ids) - 1, answers[label]))
            ids.append(answers[label])
    return ids, wanted
