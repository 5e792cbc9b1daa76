"""From a typed prompt to the token ids that a model reads."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.corpus.door import checked_text
from memlab.corpus.world import MASK
from memlab.errors import InputError
from memlab.lm.model import LanguageModel
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
            too many tokens, or no word that the model was trained on.
    """
    text = checked_text(prompt, "The prompt").strip()
    if not text:
        example = f"The capital of France is {MASK}." if model.kind == "masked" else "The capital of France is"
        raise InputError(f"The prompt is empty. Type a sentence, for example: {example}")
    blanks = text.count(MASK)
    if model.kind == "masked":
        if blanks != 1:
            found = "no [MASK]" if blanks == 0 else f"{blanks} times [MASK]"
            raise InputError(
                f"The prompt has {found}; {model.name} is a masked model and fills exactly one. "
                "Put one [MASK] where the missing word stands, or choose a method for next words."
            )
        typed = text.replace(MASK, model.tokenizer.mask_token)
    elif blanks:
        raise InputError(
            f"The prompt contains [MASK]; {model.name} is a causal model and continues a text at its end. "
            "Stop before the missing word, or choose a method for masked words."
        )
    else:
        typed = text
    if model.kind == "masked":
        bare, spans, blank = model.read_around(*text.split(MASK))
    else:
        (bare, spans), blank = model.read(text), -1
    before, after = model.frame
    ids, special = [*before, *bare, *after], len(before) + len(after)
    if len(ids) > model.limit:
        raise InputError(
            f"The prompt has {len(ids) - special} tokens; {model.name} reads at most {model.limit - special}. Shorten it."
        )
    tokens = tuple(
        PromptToken(typed[a:b], i, a, b, None if model.unmet is None else i not in model.unmet)
        for at, (i, (a, b)) in enumerate(zip(bare, spans, strict=True))
        if at != blank
    )
    met = [t for t in tokens if t.known is not False and any(c.isalnum() for c in t.text)]
    if not met:
        raise InputError(
            f"{model.name} has never met any word of this prompt, so its answer would be noise. "
            "Use words of its world, for example the name of a country, a city, a person, an animal or a book."
        )
    position = len(before) + blank if model.kind == "masked" else len(ids) - 1
    return ReadPrompt(text, tuple(ids), position, tokens)
