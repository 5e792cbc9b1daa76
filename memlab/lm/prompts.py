"""From a typed prompt to the token ids that a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memlab.corpus.door import checked_text
from memlab.corpus.model_kinds import CAUSAL, MASK, MASKED, model_kind, of_kind
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
from memlab.lm.spans import Span
from memlab.results import PromptToken


@dataclass(frozen=True)
class ReadPrompt:
    """A prompt as the model reads it: token ids, and the position whose word is predicted."""

    text: str
    ids: tuple[int, ...]
    position: int
    tokens: tuple[PromptToken, ...]


def read_prompt(model: LanguageModel, prompt: str) -> ReadPrompt:
    """Tokenizes a prompt and finds the position of the answer.

    For a masked model that is the one [MASK]; for a causal model the last position, whose next token
    is predicted.

    Raises:
        InputError: empty prompt, not exactly one [MASK] for a masked model (any for a causal one),
            too many tokens, no word that the model was trained on, or a kind of model without prompts.
    """
    text = checked_text(prompt, "The prompt").strip()
    if not text:
        raise InputError(f"The prompt is empty. Type a sentence, for example: {model_kind(model.kind).example}")
    placed = of_kind(_PLACED, model.kind, "prompts")(model, text)
    before, after = model.frame
    ids, special = [*before, *placed.ids, *after], len(before) + len(after)
    if len(ids) > model.limit:
        raise InputError(
            f"The prompt has {len(ids) - special} tokens; {model.name} reads at most {model.limit - special}. Shorten it."
        )
    tokens = tuple(
        PromptToken(placed.typed[a:b], i, a, b, None if model.unmet is None else i not in model.unmet)
        for at, (i, (a, b)) in enumerate(zip(placed.ids, placed.spans, strict=True))
        if at != placed.gap
    )
    met = [t for t in tokens if t.known is not False and any(c.isalnum() for c in t.text)]
    if not met:
        raise InputError(
            f"{model.name} has never met any word of this prompt, so its answer would be noise. "
            "Use words of its world, for example the name of a country, a city, a person, an animal or a book."
        )
    return ReadPrompt(text, tuple(ids), len(before) + placed.at, tokens)


@dataclass(frozen=True)
class _Placed:
    """A prompt as tokens, without the special ones around it, and where its answer is predicted.

    typed: the text that the spans are of. at: the token at which the answer is predicted. gap: the mask token, if any.
    """

    typed: str
    ids: Sequence[int]
    spans: Sequence[Span]
    at: int
    gap: int | None = None


def _in_the_gap(model: LanguageModel, text: str) -> _Placed:
    """Of a masked model. Raises InputError unless there is exactly one [MASK]."""
    blanks = text.count(MASK)
    if blanks != 1:
        found = "no [MASK]" if blanks == 0 else f"[MASK] {blanks} times"
        raise InputError(
            f"The prompt has {found}; {model.name} is a masked model and fills exactly one. "
            "Put one [MASK] where the missing word stands, or choose a method for next words."
        )
    ids, spans, gap = model.read_around(*text.split(MASK))
    return _Placed(text.replace(MASK, model.tokenizer.mask_token), ids, spans, gap, gap)


def _at_the_end(model: LanguageModel, text: str) -> _Placed:
    """Of a causal model. Raises InputError for a prompt with [MASK]."""
    if MASK in text:
        raise InputError(
            f"The prompt contains [MASK]; {model.name} is a {CAUSAL.name} model and {CAUSAL.does}. "
            "Stop before the missing word, or choose a method for masked words."
        )
    ids, spans = model.read(text)
    return _Placed(text, ids, spans, len(ids) - 1)


_PLACED = {MASKED.name: _in_the_gap, CAUSAL.name: _at_the_end}
