"""The guesses of a class: one question at a time, one guess for each guest, a tally, and the reveal.

Kept in memory only: a guess is stored under the number of a seat, and is gone when the next question is opened.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from memlab.errors import InputError

LONGEST = 40  # characters of a guess
SHOWN = 8  # words of a tally; the rest are summed


@dataclass(frozen=True)
class Bar:
    """One word: its share of the guesses, and its probability under model and memory."""

    word: str
    guessed: float
    model: float
    memory: float


@dataclass(frozen=True)
class Reveal:
    """What is shown at the end: the answer, the right answers where they are known, and the words side by side.

    `titles` name the class, the model and, where it took part, the memory.
    """

    answer: str
    right: tuple[str, ...]
    bars: tuple[Bar, ...]
    titles: tuple[str, ...]

    def is_right(self, word: str) -> bool | None:
        """Whether a guess is right, ignoring case; None where the right answers are not known."""
        return word.casefold() in {answer.casefold() for answer in self.right} if self.right else None


@dataclass(frozen=True)
class Round:
    """One question. `left` and `right`: the text around the gap; `reveal` is None while the class guesses."""

    number: int
    left: str
    right: str
    reveal: Reveal | None = None
    guesses: Mapping[int, str] = field(default_factory=dict)  # seat -> word

    @property
    def asked(self) -> tuple[str, str]:
        return self.left, self.right


@dataclass(frozen=True)
class Tally:
    """How many guests guessed each word, the most frequent first; `others`: guesses beyond the shown words."""

    words: tuple[tuple[str, int], ...]
    others: int

    @property
    def total(self) -> int:
        return sum(n for _, n in self.words) + self.others


class Rounds:
    """The question that the class is asked now; safe between threads."""

    def __init__(self) -> None:
        self._now: Round | None = None
        self._last = 0
        self._lock = threading.Lock()

    @property
    def now(self) -> Round | None:
        """The question with its guesses so far; None where nothing is asked."""
        return self._now

    def open(self, left: str, right: str = "") -> Round:
        """Opens a question. If it is the current one, it stays with its guesses, even if its answer was shown."""
        with self._lock:
            if self._now is None or self._now.asked != (left, right):
                self._last += 1
                self._now = Round(self._last, left, right)
            return self._now

    def close(self) -> None:
        """Closes the current question."""
        with self._lock:
            self._now = None

    def guess(self, number: int, seat: int, text: str) -> str:
        """Records a guest's guess in place of an earlier one, and returns it as it counts.

        Raises:
            InputError: no word, too long, or the question is over or its answer shown.
        """
        word = cleaned(text)
        with self._lock:
            if self._now is None or self._now.number != number:
                raise InputError("This question is over. The next one appears here by itself.")
            if self._now.reveal is not None:
                raise InputError("The answer has been shown already; this guess is too late.")
            self._now = replace(self._now, guesses={**self._now.guesses, seat: word})
        return word

    def reveal(self, number: int, shown: Reveal) -> None:
        """Shows the answer; from then on guesses are refused."""
        with self._lock:
            if self._now is not None and self._now.number == number:
                self._now = replace(self._now, reveal=shown)


def cleaned(text: str) -> str:
    """A guess without surrounding spaces and punctuation. Raises InputError where nothing is left, or too much."""
    word = re.sub(r"\s+", " ", text).strip(" .,;:!?\"'")
    if not word or not word.isprintable():
        raise InputError("Type one word, or a name.")
    if len(word) > LONGEST:
        raise InputError(f"A guess has at most {LONGEST} characters; this one has {len(word)}.")
    return word


def tally(round_: Round, shown: int = SHOWN) -> Tally:
    """Counts the guesses; upper and lower case count as one word, spelled as most guests spelled it."""
    spelled: dict[str, Counter[str]] = {}
    for word in round_.guesses.values():
        spelled.setdefault(word.casefold(), Counter())[word] += 1
    counted = [(spellings.most_common(1)[0][0], spellings.total()) for spellings in spelled.values()]
    counted.sort(key=lambda word: (-word[1], word[0].casefold()))
    return Tally(tuple(counted[:shown]), sum(n for _, n in counted[shown:]))
