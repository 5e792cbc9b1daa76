"""The guesses of a class: one question at a time, one guess for each guest, a tally, and the reveal.

Kept in memory only: a guess is known by the number of a seat, and is gone when the next question is opened.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from memlab.errors import InputError

LONGEST = 40  # characters of a guess
SHOWN = 8  # words of a tally, the rest is summed


@dataclass(frozen=True)
class Bar:
    """One word: the share of the guesses that said it, and its probability to model and memory."""

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
        """Whether a guess is right, capitals or not; None where it is not known what is right."""
        return word.casefold() in {answer.casefold() for answer in self.right} if self.right else None


@dataclass(frozen=True)
class Round:
    """One question. `left` and `right` stand around the gap; `reveal` is None while the class guesses."""

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
    """How many guests said each word, the most frequent first; `others` are those beyond the shown words."""

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
        """Asks a question. The one that is asked already goes on, with its guesses, also if it was shown before."""
        with self._lock:
            if self._now is None or self._now.asked != (left, right):
                self._last += 1
                self._now = Round(self._last, left, right)
            return self._now

    def close(self) -> None:
        """Nothing is asked any more."""
        with self._lock:
            self._now = None

    def guess(self, number: int, seat: int, text: str) -> str:
        """Takes a guest's guess in place of the one before, and gives it as it counts.

        Raises:
            InputError: no word, too long, or the question is shown already or not asked any more.
        """
        word = cleaned(text)
        with self._lock:
            if self._now is None or self._now.number != number:
                raise InputError("This question is over. The next one appears here by itself.")
            if self._now.reveal is not None:
                raise InputError("The answer is shown already; this guess is too late.")
            self._now = replace(self._now, guesses={**self._now.guesses, seat: word})
        return word

    def reveal(self, number: int, shown: Reveal) -> None:
        """Shows the answer; guesses are taken no more."""
        with self._lock:
            if self._now is not None and self._now.number == number:
                self._now = replace(self._now, reveal=shown)


def cleaned(text: str) -> str:
    """A guess without spaces and punctuation around it. Raises InputError."""
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
