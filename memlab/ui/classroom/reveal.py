"""The answer to a guessed question: the words of class, model and memory side by side."""

from __future__ import annotations

from memlab.figures.sides import sides
from memlab.results import Prediction
from memlab.results.verdict import Verdict, plain_word
from memlab.ui.classroom.rounds import Bar, Reveal, Round, tally

FIRST = 3  # words of each side that are always candidates
MOST = 8  # words in all


def bars_of(p: Prediction, round_: Round) -> tuple[Bar, ...]:
    """The first words of the class, the model and the memory, each with its share of the guesses and both probabilities.

    Upper and lower case count as one word, whose probabilities are added. A guess that is not in the vocabulary has
    probability 0. Sorted by the sum of the three numbers.
    """
    counted = tally(round_, MOST)
    guessed = {word.casefold(): n / counted.total for word, n in counted.words} if counted.total else {}
    spelled = {word.casefold(): word for word, _ in counted.words}
    for side in (p.mixture, p.lm, p.knn):
        for word in side.top(FIRST):
            spelled.setdefault(plain_word(word.token), word.token.strip("Ġ▁ "))
    ids: dict[str, list[int]] = {name: [] for name in spelled}
    for i, token in enumerate(p.mixture.words):
        ids.get(plain_word(token), []).append(i)
    remembers = p.gate.info.mixes != "nothing"
    bars = [
        Bar(word, guessed.get(name, 0.0), sum(map(p.lm.of, ids[name])), sum(map(p.knn.of, ids[name])) if remembers else 0.0)
        for name, word in spelled.items()
    ]  # fmt: skip
    bars.sort(key=lambda bar: (-(bar.guessed + bar.model + bar.memory), bar.word))
    return tuple(bars[:MOST])


def reveal_of(p: Prediction, round_: Round, verdict: Verdict | None) -> Reveal:
    """What guests see at the end."""
    shown = sides(p)
    titles = ("The class", *(side.title for side in shown[:2])) if len(shown) > 1 else ("The class", shown[0].title)
    right = verdict.expected if verdict is not None else ()
    return Reveal(p.answer, right, bars_of(p, round_), titles)
