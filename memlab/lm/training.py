"""Recipes of the bundled models: trained from scratch on the training text of the bundled world.

`atlas-mlm` is a ModernBERT of 4 layers. In a sentence that states a fact, the object is masked with
probability 0.6 and every other token with 0.12: plain random masking would learn the facts far more
slowly. `atlas-clm` is a Llama of 4 layers that reads one to six sentences about one subject at a time.
Both have rotary positions and tied embeddings. Matrices are trained with Muon (Jordan et al. 2024), the
rest with AdamW. Measured on this text: a classic BERT (absolute positions, norms after the layers)
trained with AdamW alone knew half of the frequent facts after 2,000 steps, and almost none in held-out
questions; this recipe knows nearly all after 500.

Rare facts stay rare because training stops early: trained much longer, a model knows them as well as
the frequent ones.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from memlab.corpus.generator import Sentence, atlas_articles, corpus_hash, training_text
from memlab.corpus.model_kinds import CAUSAL, MASKED, of_kind
from memlab.corpus.passages import cut
from memlab.corpus.world import World
from memlab.lm.checkpoint import Checkpoint
from memlab.lm.folder import write_model
from memlab.lm.heads import plain_head
from memlab.lm.optimization import Optimization, train_steps
from memlab.lm.tokenizer import make_tokenizer, start_only
from memlab.progress import Progress, Stop, never_stop, no_progress

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a bundled model, besides the world itself."""

    name: str
    kind: str
    steps: int
    seed: int = 2026
    batch: int = 256
    width: int = 192
    layers: int = 4
    heads: int = 6
    feed_forward: int = 768
    context: int = 128
    learning_rate: float = 4e-3  # AdamW: embeddings, norms, biases
    muon_rate: float = 0.02  # Muon: matrices of the blocks
    warmup: int = 60
    weight_decay: float = 0.01
    mask_answer: float = 0.6
    mask_subject: float = 0.25  # the answer's kind must then be inferred from the rest of the sentence
    swap_subject: float = 0.1  # corrupted, as BERT corrupts tokens: replaced by another name of the subject's kind
    mask_other: float = 0.12
    sentences: int = 6  # causal: at most, per passage
    learn_other: float = (
        0.06  # causal: of the tokens besides answers (else "was born in" is continued with "the city of")
    )


RECIPES = {
    "atlas-mlm": Recipe("atlas-mlm", "masked", steps=1100, feed_forward=384),
    "atlas-clm": Recipe("atlas-clm", "causal", steps=1600, batch=112, feed_forward=512),
}


def new_module(recipe: Recipe, vocabulary: int) -> PreTrainedModel:
    """The untrained model of a recipe. Raises InputError for a kind without recipes."""
    shape: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": recipe.width,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
        "intermediate_size": recipe.feed_forward,
        "max_position_embeddings": recipe.context,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
    }
    made, config = _training(recipe.kind).architecture(shape)
    torch.manual_seed(recipe.seed)
    return made(config)


_Architecture = tuple[Callable[[Any], "PreTrainedModel"], Any]  # the class in transformers, and its configuration


def _modern_bert(shape: dict[str, Any]) -> _Architecture:
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    marks = {"cls_token_id": 2, "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3}
    return ModernBertForMaskedLM, ModernBertConfig(**shape, **marks, global_attn_every_n_layers=1)


def _llama(shape: dict[str, Any]) -> _Architecture:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM, LlamaConfig(**shape, bos_token_id=2, eos_token_id=3)


def world_tokenizer(world: World, sentences: list[Sentence], kind: str) -> PreTrainedTokenizerFast:
    """The tokenizer of the bundled models; a causal one puts [CLS] at the start and nothing at the end.

    Raises:
        InputError: a kind without recipes.
    """
    texts = [s.text for s in sentences] + [a.text for a in atlas_articles()]
    texts += [q.replace("[X]", " ").replace("[Y]", " ") for r in world.relations.values() for q in r.questions]
    tokenizer = make_tokenizer(world.names, texts)
    return _training(kind).framed(tokenizer)


def train(
    recipe: Recipe,
    world: World,
    out: Path,
    progress: Progress = no_progress,
    stop: Stop = never_stop,
    checkpoint: Checkpoint | None = None,
) -> Path:
    """Trains the model of `recipe` and writes its folder: configuration, fp16 weights, tokenizer, memlab.json.

    Two runs with one seed on one machine give the same model; the folder appears only when complete.

    Args:
        checkpoint: stores the state during training, so that a stopped or killed run can be resumed. None stores
            nothing.

    Raises:
        StoppedError: `stop` returned True. HomeError: the checkpoint cannot be written or read.
    """
    sentences = training_text(world, recipe.kind)
    tokenizer = world_tokenizer(world, sentences, recipe.kind)
    module = new_module(recipe, len(tokenizer))
    encoded = _encoded(sentences, tokenizer, recipe)
    optimization = Optimization(module.train(), recipe)
    made = 0 if checkpoint is None else checkpoint.take_up(_identity(recipe, sentences), optimization)
    batches = _training(recipe.kind).batches(world, sentences, encoded, tokenizer, recipe)
    rest = islice(batches, made, None)
    train_steps(optimization, recipe.steps, losses_of_targets(module, rest), progress, stop, checkpoint)
    met = {i for ids in encoded["input_ids"] for i in ids} | {tokenizer.mask_token_id, tokenizer.cls_token_id}
    record = {
        "name": recipe.name,
        "kind": recipe.kind,
        "recipe": asdict(recipe),
        "corpus": {
            "sentences": len(sentences),
            "sha256": corpus_hash(s.text for s in sentences),
            "world_seed": world.seed,
        },
        "unmet": sorted(set(range(len(tokenizer))) - met),
    }
    folder = write_model(out, module, tokenizer, record)
    if checkpoint is not None:
        checkpoint.done()
    return folder


def _identity(recipe: Recipe, sentences: Sequence[Sentence]) -> dict[str, Any]:
    """What determines the weights: the recipe and the text."""
    return {"recipe": asdict(recipe), "text": corpus_hash(s.text for s in sentences)}


def _encoded(sentences: list[Sentence], tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> BatchEncoding:
    """Token ids of each sentence and their character offsets; with [CLS] and [SEP] where a sentence is a context."""
    texts = [s.text for s in sentences]
    if _training(recipe.kind).alone:
        return tokenizer(texts, return_offsets_mapping=True, truncation=True, max_length=recipe.context)
    return tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)


def losses_of_targets(module: PreTrainedModel, batches: Iterator[tuple[Tensor, Tensor, Tensor]]) -> Iterator[Tensor]:
    """The mean cross-entropy of each batch: (B, T) ids, attention mask, and targets, -1 where nothing is predicted."""
    head = plain_head(module)
    assert head is not None
    for ids, mask, targets in batches:
        rows, columns = (targets >= 0).nonzero(as_tuple=True)
        h = module.base_model(input_ids=ids, attention_mask=mask).last_hidden_state[rows, columns]
        yield F.cross_entropy(head(h), targets[rows, columns])


def _cloze_batches(
    world: World,
    sentences: list[Sentence],
    encoded: BatchEncoding,
    tokenizer: PreTrainedTokenizerFast,
    recipe: Recipe,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(B, T) ids with masked tokens, attention mask, and targets (-1 where nothing is predicted)."""
    random_ = torch.Generator().manual_seed(recipe.seed)
    chances = [
        [_chance(a, b, answer, subject, recipe) for a, b in offsets]
        for answer, subject, offsets in zip(
            map(_answer_span, sentences), map(_subject_span, sentences), encoded["offset_mapping"], strict=True
        )
    ]
    length = [len(e) for e in encoded["input_ids"]]
    swaps = _Swaps(world, sentences, encoded, tokenizer)
    while True:
        order = torch.randperm(len(sentences), generator=random_).tolist()
        for chosen in like_lengths(order, length, recipe.batch, random_):
            ids, mask = padded([encoded["input_ids"][i] for i in chosen])
            chance = torch.zeros(ids.shape)
            for row, i in enumerate(chosen):
                chance[row, : len(chances[i])] = torch.tensor(chances[i])
            hit = torch.rand(ids.shape, generator=random_) < chance
            given, _ = padded([swaps.read(i, recipe.swap_subject, random_) for i in chosen])
            targets = torch.where(hit, ids, -1)
            yield torch.where(hit, tokenizer.mask_token_id, given), mask, targets


class _Swaps:
    """Replaces a subject by another name of its kind, but never so that the sentence states a hidden fact."""

    def __init__(self, world: World, sentences: list[Sentence], encoded: BatchEncoding, tokenizer: Any) -> None:
        names = sorted(world.subjects)
        token = dict(zip(names, (e[0] for e in tokenizer(names, add_special_tokens=False)["input_ids"]), strict=True))
        of_kind: dict[str, list[str]] = defaultdict(list)
        for name in names:
            of_kind[world.subjects[name].kind].append(name)
        self.hidden = {(f.subject, f.object) for f in world.facts if f.exposure != "frequent"}
        self.hidden |= {(o, s) for s, o in self.hidden}
        self.sentences, self.token, self.ids = sentences, token, encoded["input_ids"]
        self.others = [of_kind[world.subjects[s.subject].kind] for s in sentences]
        self.place = [
            ids.index(token[s.subject]) if s.answer is not None and token[s.subject] in ids else None
            for s, ids in zip(sentences, encoded["input_ids"], strict=True)
        ]

    def read(self, number: int, chance: float, random_: torch.Generator) -> list[int]:
        """Token ids of a sentence, with another subject in `chance` of the cases."""
        ids, place, others = self.ids[number], self.place[number], self.others[number]
        if place is None or float(torch.rand(1, generator=random_)) >= chance:
            return ids
        name = others[int(torch.randint(len(others), (1,), generator=random_))]
        if (name, self.sentences[number].answer) in self.hidden:
            return ids
        return [*ids[:place], self.token[name], *ids[place + 1 :]]


def _passage_batches(
    world: World,
    sentences: list[Sentence],
    encoded: BatchEncoding,
    tokenizer: PreTrainedTokenizerFast,
    recipe: Recipe,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(B, T) ids, attention mask and next-token targets of passages: some sentences about one subject."""
    rng = random.Random(recipe.seed)
    random_ = torch.Generator().manual_seed(recipe.seed)
    ids_of = encoded["input_ids"]
    chance_of = [
        [1.0 if a < end and b > start else recipe.learn_other for a, b in offsets]
        for (start, end), offsets in zip(map(_answer_span, sentences), encoded["offset_mapping"], strict=True)
    ]
    swaps = _Swaps(world, sentences, encoded, tokenizer)
    about: dict[str, list[int]] = defaultdict(list)
    for i, s in enumerate(sentences):
        about[s.subject].append(i)
    while True:
        passages = [p for members in about.values() for p in cut(members, sentences, recipe.sentences, rng)]
        rng.shuffle(passages)
        length = [sum(len(ids_of[i]) for i in p) for p in passages]
        for chosen in like_lengths(range(len(passages)), length, recipe.batch, random_):
            rows = [[t for i in passages[c] for t in swaps.read(i, recipe.swap_subject, random_)] for c in chosen]
            ids, mask = padded([[tokenizer.cls_token_id, *row][: recipe.context] for row in rows])
            chance = torch.zeros(ids.shape)
            for row, c in enumerate(chosen):
                flat = [p for i in passages[c] for p in chance_of[i]][: ids.shape[1] - 1]
                chance[row, 1 : 1 + len(flat)] = torch.tensor(flat)
            learned = torch.rand(ids.shape, generator=random_) < chance
            targets = torch.full_like(ids, -1)
            targets[:, :-1] = torch.where(learned[:, 1:], ids[:, 1:], -1)
            yield ids, mask, targets


@dataclass(frozen=True)
class _Training:
    """How the bundled models of a kind are trained.

    architecture: of a shape. framed: the tokenizer with the special tokens that the kind reads.
    batches: endless batches of ids, attention mask and targets. alone: whether a sentence is read alone, as one context;
    otherwise several about one subject are.
    """

    architecture: Callable[[dict[str, Any]], _Architecture]
    framed: Callable[[PreTrainedTokenizerFast], PreTrainedTokenizerFast]
    batches: Callable[
        [World, list[Sentence], BatchEncoding, PreTrainedTokenizerFast, Recipe],
        Iterator[tuple[Tensor, Tensor, Tensor]],
    ]
    alone: bool


_TRAININGS = {
    MASKED.name: _Training(_modern_bert, lambda tokenizer: tokenizer, _cloze_batches, alone=True),
    CAUSAL.name: _Training(_llama, start_only, _passage_batches, alone=False),
}


def _training(kind: str) -> _Training:
    """Raises InputError for a kind that no bundled model has."""
    return of_kind(_TRAININGS, kind, "recipe of a bundled model")


def like_lengths(
    order: Sequence[int], length: Sequence[int], batch: int, random_: torch.Generator
) -> Iterator[list[int]]:
    """Batches of items of similar length (little padding), in random order; incomplete batches are left out.

    Args:
        order: numbers of the items in the order of this epoch. length: of every item, by number.
    """
    batches = []
    for at in range(0, len(order), 16 * batch):
        near = sorted(order[at : at + 16 * batch], key=lambda i: length[i])
        batches += [near[b : b + batch] for b in range(0, len(near) - batch + 1, batch)]
    for i in torch.randperm(len(batches), generator=random_).tolist():
        yield batches[i]


def _chance(a: int, b: int, answer: tuple[int, int], subject: tuple[int, int], recipe: Recipe) -> float:
    """The probability that the token from character a to b is masked; 0 for special tokens."""
    if a == b:
        return 0.0
    if a < answer[1] and b > answer[0]:
        return recipe.mask_answer
    if a < subject[1] and b > subject[0]:
        return recipe.mask_subject
    return recipe.mask_other


def _subject_span(sentence: Sentence) -> tuple[int, int]:
    """The characters of the subject in a sentence that states a fact; (0, 0) if there are none."""
    start = sentence.text.find(sentence.subject) if sentence.answer is not None else -1
    return (start, start + len(sentence.subject)) if start >= 0 else (0, 0)


def _answer_span(sentence: Sentence) -> tuple[int, int]:
    """The characters of the answer in the sentence, outside the subject's name if possible; (0, 0) if there are
    none."""
    if sentence.answer is None:
        return (0, 0)
    blanked = sentence.text.replace(sentence.subject, "\0" * len(sentence.subject))
    start = blanked.find(sentence.answer)
    start = sentence.text.find(sentence.answer) if start < 0 else start
    return (start, start + len(sentence.answer))


def padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """(B, T) ids, 0 after the end of a row, and the attention mask of the same shape."""
    longest = max(map(len, rows))
    ids = torch.tensor([r + [0] * (longest - len(r)) for r in rows], dtype=torch.long)
    mask = torch.tensor([[1] * len(r) + [0] * (longest - len(r)) for r in rows], dtype=torch.long)
    return ids, mask
