"""Prompts as people type them: corrections that are safe to make, and suggestions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import cache

from memlab.corpus.expected import expected
from memlab.corpus.model_kinds import CAUSAL, MASK, MASKED
from memlab.corpus.statements import cloze
from memlab.corpus.world import World

_GAP = re.compile(r"\[\s*mask\s*\]|<\s*mask\s*>|(?<!\w)_{2,}(?!\w)|\[_+\]|\{\s*mask\s*\}", re.IGNORECASE)
_ASKED = re.compile(r"(?:what|who|which)\s+(is|was|are|were)\s+(.+?)\s*\?+", re.IGNORECASE)
_ENDS = ".!?…"
_SHORTEST = 4  # letters of a lower-case name that is recognized
_ALIKE = 0.8  # least difflib ratio (2 x letters in common / letters of both) of a misspelt word and a name


def with_gap(prompt: str) -> str:
    """Other spellings of a gap ("[mask]", "<mask>", "____") as [MASK]; a question "What is X?" as "X is [MASK]."."""
    text = _GAP.sub(MASK, prompt.strip())
    if MASK not in text and (found := _ASKED.fullmatch(text)) is not None:
        verb, asked = found[1].lower(), found[2]
        return f"{asked[:1].upper()}{asked[1:]} {verb} {MASK}."
    return text


def for_kind(world: World, prompt: str, kind: str) -> str:
    """The prompt in a form that a kind of model can read, if that is unambiguous; else unchanged.

    A masked model needs a full stop after a gap at the end, and a gap after a beginning; a causal model the text before
    a gap at the end. A question of the world gets the world's spelling ("france" becomes "France").

    Args:
        prompt: as `with_gap` returns it. kind: of the model that answers; for any other kind the prompt stays as it is.
    """
    if kind not in _FITTED:
        return prompt
    text = _FITTED[kind](prompt)
    asked = expected(world, text)
    return text if asked is None else asked.prompt


def _with_full_stop(text: str) -> str:
    if MASK not in text and text and text[-1] not in _ENDS:
        return f"{text} {MASK}."
    ends_with_gap = text.endswith(MASK) and text != MASK and text.count(MASK) == 1
    return f"{text}." if ends_with_gap else text


def _without_last_gap(text: str) -> str:
    before, _, after = text.partition(MASK)
    return before.rstrip() if text.count(MASK) == 1 and not after.strip(f"{_ENDS} ") else text


_FITTED = {MASKED.name: _with_full_stop, CAUSAL.name: _without_last_gap}


def suggestion(world: World, prompt: str, kind: str) -> str | None:
    """A prompt to suggest (not to use unasked): with a gap for the last word, and capitals of names.

    None if there is nothing to suggest.
    """
    text = _capitals(world, prompt)
    if kind == MASKED.name and MASK not in text and not text.endswith("?"):
        text = cloze(text) or text
    return None if text == prompt else text


def _capitals(world: World, text: str) -> str:
    """The text with lower-case names of the world capitalized, except names that are also words."""
    for name in sorted(world.subjects, key=len, reverse=True):
        small = name.casefold()
        if len(name) < _SHORTEST or small == name or small in world.subjects or small not in text:
            continue
        text = re.sub(rf"(?<!\w){re.escape(small)}(?!\w)", name, text)
    return text


def respelt(world: World, prompt: str, unmet: Iterable[str]) -> str | None:
    """A prompt to suggest in which words that a model has never met are written as the names of the world most like
    them ("Frnace" as "France"); None where no word is like a name.

    Args:
        unmet: words of the prompt, as `Prediction.unknown_words` lists them.
    """
    words, text = _words_of_names(world), prompt
    for word in unmet:
        if near := difflib.get_close_matches(word.casefold(), words, 1, _ALIKE):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", words[near[0]], text)
    return None if text == prompt else text


@cache
def _words_of_names(world: World) -> dict[str, str]:
    """Each word of a name of the world as it is written, by its lower-case form."""
    names = [*world.subjects, *(fact.object for fact in world.facts)]
    return {word.casefold(): word for name in names for word in re.findall(r"\w+", name) if len(word) >= _SHORTEST}
