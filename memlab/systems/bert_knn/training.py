"""Training a masked model from scratch on the user's own text, so that BERT-kNN can be tried on any collection.

A ModernBERT; every line of the text is read by itself, in pieces where it is longer than a segment. Of the tokens of a line
30% are masked and predicted, and none replaced at random: with few steps, more masked tokens teach more (Wettig et al.,
"Should You Mask 15% in Masked Language Modeling?", EACL 2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from memlab.errors import InputError
from memlab.evaluate.text_models import (
    ATLAS,
    HeldOutTexts,
    TextJob,
    TextTraining,
    nats,
    record_of,
    score_row,
)
from memlab.lm.folder import write_model
from memlab.lm.model import LanguageModel
from memlab.lm.optimization import Optimization, train_steps
from memlab.lm.passage import Windows
from memlab.lm.text_training import TextRecipe, make_stream
from memlab.lm.tokenizer import cloze_tokenizer
from memlab.lm.training import Recipe, like_lengths, losses_of_targets, new_module, padded
from memlab.progress import Progress
from memlab.reading.reader import House

MASKED_SHARE = 0.3
EVALUATION_BATCH = 64  # pieces of held-out text in one forward pass


class MaskedTraining(TextTraining):
    """A masked model trained on a text: a WordPiece vocabulary of that text, lines as examples."""

    what: ClassVar[Mapping[str, str]] = {"masked": "a masked model"}
    shape: ClassVar[Mapping[str, Any]] = {
        "steps": 1500, "batch": 96, "segment": 64, "memory": 0, "width": 192, "vocabulary": 12_000,
    }  # fmt: skip

    def make(self, job: TextJob) -> Path:
        recipe, given = job.recipe, job.given
        if job.encoder is not None:
            raise InputError("A masked model has no encoder; leave out --encoder.")
        if given.file == ATLAS:
            raise InputError("The masked model of the bundled world is atlas-mlm: memlab train atlas-mlm.")
        lines = lines_of([a.text for a in given.train])
        tokenizer = cloze_tokenizer("\n".join(lines), recipe.vocabulary)
        pieces = pieces_of(_ids(tokenizer, lines), recipe.segment - 2)
        if len(pieces) < recipe.batch:
            raise InputError(
                f"The training part has {len(pieces)} lines (long ones cut into pieces of {recipe.segment - 2} tokens); this "
                f"recipe needs at least {recipe.batch}. Give a longer text, or one sentence or paragraph per line."
            )
        module = new_module(_shape_of(recipe), len(tokenizer)).train()
        losses = losses_of_targets(module, _batches(pieces, tokenizer, recipe))
        train_steps(Optimization(module, recipe), recipe.steps, losses, job.progress, job.stop)
        record = {**record_of(recipe, given, make_stream(pieces, ()), tokenizer), "kind": "masked"}
        return write_model(job.out, module, tokenizer, record)

    def held_out(self, lm: LanguageModel, texts: Sequence[str], memory: int, atlas: bool) -> HeldOutTexts:
        size = lm.limit - 2
        return HeldOutTexts(_ids(lm.tokenizer, lines_of(texts)), Windows(size, size), atlas)

    def scores(self, house: House, lm: LanguageModel, texts: HeldOutTexts, progress: Progress) -> list[dict[str, Any]]:
        """One row: perplexity of masked tokens, 30% of a line at a time, drawn with seed 0."""
        assert isinstance(texts.how, Windows)
        pieces = pieces_of(texts.ids, texts.how.window)
        random_ = torch.Generator().manual_seed(0)
        found: list[np.ndarray] = []
        for at in range(0, len(pieces), EVALUATION_BATCH):
            ids, mask, targets = masked(pieces[at : at + EVALUATION_BATCH], lm.tokenizer, random_)
            rows, columns = (targets >= 0).nonzero(as_tuple=True)
            if len(rows):
                logp = lm.encode(ids, mask, rows, columns).logp
                assert logp is not None
                found.append(nats(logp, targets[rows, columns]))
        if not found:
            raise InputError("The validation part of the text is too short to be scored. Give a longer text.")
        return [score_row(f"masked tokens ({MASKED_SHARE:.0%} of a line at a time)", np.concatenate(found))]

    def recipe_lines(self, record: Mapping[str, Any]) -> Iterator[str]:
        yield (
            f"\n{MASKED_SHARE:.0%} of the tokens of a line are masked and predicted; lines longer than a segment are read in "
            "pieces. Words are split by WordPiece, trained on the same text."
        )


def lines_of(texts: Sequence[str]) -> list[str]:
    """The non-empty lines of texts."""
    return [line for text in texts for line in text.splitlines() if line.strip()]


def pieces_of(lines: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """Token ids of lines, those of more than `size` tokens cut into pieces of that many."""
    return [list(line[at : at + size]) for line in lines for at in range(0, len(line), size)]


def masked(pieces: Sequence[Sequence[int]], tokenizer: Any, random_: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T) ids with masked tokens, attention mask, and targets, -1 where nothing is predicted.

    Every token but [CLS] and [SEP] is masked with probability `MASKED_SHARE`.
    """
    ids, mask = padded([[tokenizer.cls_token_id, *piece, tokenizer.sep_token_id] for piece in pieces])
    own = mask.bool() & (ids != tokenizer.cls_token_id) & (ids != tokenizer.sep_token_id)
    hit = own & (torch.rand(ids.shape, generator=random_) < MASKED_SHARE)
    return torch.where(hit, tokenizer.mask_token_id, ids), mask, torch.where(hit, ids, -1)


def _ids(tokenizer: Any, lines: Sequence[str]) -> list[list[int]]:
    if not lines:
        return []
    ids: list[list[int]] = tokenizer(list(lines), add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _shape_of(recipe: TextRecipe) -> Recipe:
    return Recipe(
        recipe.name,
        "masked",
        steps=recipe.steps,
        seed=recipe.seed,
        batch=recipe.batch,
        width=recipe.width,
        layers=recipe.layers,
        heads=recipe.heads,
        feed_forward=recipe.feed_forward,
        context=recipe.segment,
    )


def _batches(
    pieces: Sequence[Sequence[int]], tokenizer: Any, recipe: TextRecipe
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Batches of pieces of similar length, epoch after epoch, with different tokens masked each time."""
    random_ = torch.Generator().manual_seed(recipe.seed)
    length = [len(piece) for piece in pieces]
    while True:
        order = torch.randperm(len(pieces), generator=random_).tolist()
        for chosen in like_lengths(order, length, recipe.batch, random_):
            yield masked([pieces[i] for i in chosen], tokenizer, random_)
