"""The stages of one answer, each as one picture with one sentence.

With `guess`, words are letters until the last step, the same letter for the same word everywhere, so that
the audience can argue about the evidence before it sees the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

import streamlit as st

from memlab.corpus.model_kinds import around_answer
from memlab.figures.answers import union
from memlab.figures.sides import sentence
from memlab.figures.steps import large_bars
from memlab.figures.theme import MEMORY, MIXTURE, MODEL
from memlab.results import Distribution, Neighbor, Prediction
from memlab.systems.registry import registry
from memlab.ui.app.session import current_lab
from memlab.ui.as_table import chart
from memlab.ui.highlight import chip, remembered
from memlab.ui.mixture import Settled, mixture_panel

BARS = 6
PASSAGES = 5
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LAMBDA = "lam"  # in the address
OTHER = "…"  # a word without a letter
TELLING = 4  # a word of at least this many characters is hidden inside longer words too
AROUND = 60  # characters of a passage shown on each side, at most


@dataclass(frozen=True)
class Names:
    """The names of words: themselves, or letters while the audience guesses."""

    letters: Mapping[str, str]
    asked: frozenset[str] = frozenset()  # words of the prompt, which need no hiding

    def __call__(self, token: str) -> str:
        return self.letters.get(token, OTHER) if self.letters and token not in self.asked else token

    def within(self, text: str) -> str:
        """A passage with its words renamed, also within longer words ("Parisian") and in single parts of names."""
        if not self.letters:
            return text
        named = {part.casefold(): letter for word, letter in self.letters.items() for part in _parts(word)}
        named |= {word.casefold(): letter for word, letter in self.letters.items()}
        pattern = "|".join(_pattern(word) for word in sorted(named, key=len, reverse=True))
        return re.sub(rf"({pattern})", lambda found: _letter(found[0].casefold(), named), text, flags=re.IGNORECASE)


def names(p: Prediction, guess: bool) -> Names:
    """Letters for the first words of each side and of the nearest passages, the same everywhere.

    Words of the prompt stay, so that one sees how passages resemble it; the answer is always hidden.
    """
    if not guess:
        return Names({})
    seen = dict.fromkeys([w.token for w in union(p, 12)] + [n.token for n in p.neighbors[:PASSAGES]])
    asked = {token for token in seen if re.search(rf"(?<!\w){re.escape(token)}(?!\w)", p.prompt)} - {p.answer}
    return Names(dict(zip([t for t in seen if t not in asked], LETTERS, strict=False)), frozenset(asked))


def _parts(word: str) -> list[str]:
    """The telling parts of a name of several words."""
    parts = re.findall(r"\w+", word)
    return [part for part in parts if len(part) >= TELLING] if len(parts) > 1 else []


def _pattern(word: str) -> str:
    """A pattern for the word on its own or, if it has `TELLING` characters or more, also inside a longer one."""
    inside = len(word) >= TELLING
    return rf"\w*{re.escape(word)}\w*" if inside else rf"(?<!\w){re.escape(word)}(?!\w)"


def _letter(found: str, named: Mapping[str, str]) -> str:
    """The letter of the longest word in what was found."""
    within = (named[word] for word in sorted(named, key=len, reverse=True) if word in found)
    return named.get(found) or next(within, OTHER)


def question(p: Prediction, name: Names) -> None:
    """The prompt alone."""
    gap = f"<b>{chip('?', MIXTURE)}</b>"
    left, right = around_answer(p.prompt)
    _large(f"{escape(left)}{gap}{escape(right)}", "2rem")
    st.caption("Which word belongs there? Say it aloud before going on.")


def model(p: Prediction, name: Names) -> None:
    """p_LM: what the weights say; where vectors are mixed, what the method says with the gate at the model's end."""
    info = p.gate.info
    if info.mixes == "vectors":
        _say(
            f"With the gate at {info.symbol} = {info.model_end}: {info.ends[info.model_end]}. Nothing that was found takes part."
        )
    else:
        _say("The model alone, from its weights. It has not looked anything up.")
    if info.mixes == "nothing" and not name.letters:
        mixture_panel(p, "present.model", None, current_lab().verdict(p))
    else:
        _bars(p.lm, name, MODEL)


def search(p: Prediction, name: Names) -> None:
    """The passages that were found."""
    where = f" of the article {name.within(', '.join(p.articles))}" if p.articles else ""
    _say(f"Its memory compares the question with {p.searched:,} remembered words{where}. These are nearest.")
    for n in p.neighbors[:PASSAGES]:
        left, right = last_words(name.within(n.left)), first_words(name.within(n.right))
        _large(f"{escape(left)}{remembered(name(n.token))}{escape(right)}", "1.2rem")


def first_words(text: str, most: int = AROUND) -> str:
    """The beginning of a text, cut at the end of a word, with an ellipsis where something follows."""
    if len(text) <= most:
        return text
    cut = text[: most + 1].rfind(" ")
    return f"{text[:cut] if cut > 0 else text[:most]} …"


def last_words(text: str, most: int = AROUND) -> str:
    """The end of a text, cut at the beginning of a word, with an ellipsis where something comes before."""
    if len(text) <= most:
        return text
    cut = text.find(" ", len(text) - most - 1)
    return f"… {text[cut + 1 :] if 0 <= cut < len(text) - 1 else text[-most:]}"


def distances(p: Prediction, name: Names) -> None:
    """The distances d_i of the nearest passages."""
    _say("How far each is from the question. Near means that the model was in a similar state there.")
    shown = p.neighbors[: BARS + 2]
    said = f"Distances from {shown[0].distance:.2f} to {shown[-1].distance:.2f}." if shown else "No passages."
    drawn = large_bars([_label(n, name) for n in shown], [n.distance for n in shown], MEMORY, "distance")
    chart(drawn, said, "present.distances")


def softmax(p: Prediction, name: Names) -> None:
    """p_kNN: weights, summed over equal words; where vectors are mixed, what the method says with the gate at 0."""
    info = p.gate.info
    if info.mixes == "vectors":
        _say(
            f"{sentence(info.retrieved)}, averaged as vectors by {info.share}. "
            f"With the gate at {info.symbol} = {info.memory_end} that alone would say:"
        )
    else:
        _say(
            "Near passages get much weight, far ones little; passages with the same word add up. "
            "This is what memory says."
        )
    _bars(p.knn, name, MEMORY)


def mixture(p: Prediction, name: Names) -> None:
    """The mixture, with its slider."""
    settable = p.gate.info.mixes == "distributions" and LAMBDA in p.settings
    settled = Settled(float(p.settings[LAMBDA]), _take) if settable else None
    mixture_panel(p, "present.mixture", settled, current_lab().verdict(p))


def _take(lam: float) -> None:
    """Puts another lambda into the address, which the view and its links follow."""
    st.query_params[LAMBDA] = f"{lam:g}"


STAGES: dict[str, Callable[[Prediction, Names], None]] = {
    "Question": question,
    "Model": model,
    "Search": search,
    "Distances": distances,
    "Memory": softmax,
    "Mixture": mixture,
}


def stages_of(parameters: Mapping[str, str]) -> list[str]:
    """The stages of a question: only the first two for a method without memory. `parameters`: of its address."""
    method = registry().methods.get(parameters.get("method", ""))
    found = list(STAGES)
    return found if method is None or method.remembers else found[:2]


def _bars(d: Distribution, name: Names, color: str) -> None:
    words = d.top(BARS)
    said = ", ".join(f"{name(w.token)} {w.p:.2f}" for w in words)
    drawn = large_bars([name(w.token) for w in words], [w.p for w in words], color, "probability")
    chart(drawn, said, f"present.{color}")


def _label(n: Neighbor, name: Names) -> str:
    return f"{n.rank}. {name(n.token)}"


def _say(text: str) -> None:
    _large(escape(text), "1.15rem")


def _large(inner: str, size: str) -> None:
    st.html(f"<div style='font-size:{size};line-height:1.45;overflow-wrap:anywhere'>{inner}</div>")
