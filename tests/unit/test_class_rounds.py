"""Guesses of a class: one a guest, until the answer is shown; counted as words."""

from __future__ import annotations

import threading

import pytest

from memlab.errors import InputError
from memlab.ui.classroom.rounds import Bar, Reveal, Rounds, tally

SHOWN = Reveal("Paris", ("Paris",), (Bar("Paris", 0.5, 0.4, 0.9),), ("The class", "Model alone", "Memory"))


def test_twenty_guests_guess_at_the_same_time_and_each_counts_once() -> None:
    rounds = Rounds()
    now = rounds.open("The capital of France is", ".")
    words = ["Paris", "paris ", " Lyon.", "PARIS"]

    def guess(seat: int) -> None:
        for n in range(5):
            rounds.guess(now.number, seat, words[(seat + n) % 4])
        rounds.guess(now.number, seat, words[seat % 4])

    threads = [threading.Thread(target=guess, args=(seat,)) for seat in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rounds.now is not None
    counted = tally(rounds.now)
    assert (counted.total, len(counted.words), counted.words[1]) == (20, 2, ("Lyon", 5))
    assert (counted.words[0][0].casefold(), counted.words[0][1]) == ("paris", 15)


def test_after_the_reveal_no_guess_is_taken() -> None:
    rounds = Rounds()
    first = rounds.open("a", "b")
    rounds.guess(first.number, 1, "x")
    rounds.reveal(first.number, SHOWN)
    with pytest.raises(InputError, match="too late"):
        rounds.guess(first.number, 2, "Paris")
    assert rounds.open("a", "b").guesses == {1: "x"}  # back to the same question: it stays as it was
    second = rounds.open("c")
    assert (second.number, second.guesses, second.reveal) == (first.number + 1, {}, None)
    rounds.reveal(first.number, SHOWN)  # of a question that is over
    assert rounds.now == second
    with pytest.raises(InputError, match="over"):
        rounds.guess(first.number, 2, "Paris")
    rounds.close()
    with pytest.raises(InputError, match="over"):
        rounds.guess(second.number, 2, "Paris")


@pytest.mark.parametrize(
    ("text", "says"), [("", "one word"), (" . ", "one word"), ("x" * 41, "at most 40"), ("a\u202eb", "one word")]
)
def test_a_guess_is_a_short_word(text: str, says: str) -> None:
    rounds = Rounds()
    with pytest.raises(InputError, match=says):
        rounds.guess(rounds.open("a").number, 1, text)


def test_what_is_beyond_the_shown_words_is_summed() -> None:
    rounds = Rounds()
    now = rounds.open("a")
    for seat, word in enumerate(["b", "a", "a", "c", "d"]):
        rounds.guess(now.number, seat, word)
    assert rounds.now is not None
    counted = tally(rounds.now, 2)
    assert (counted.words, counted.others) == ((("a", 2), ("b", 1)), 2)
    assert (SHOWN.is_right("paris"), SHOWN.is_right("Lyon")) == (True, False)
    assert Reveal("Paris", (), (), ()).is_right("Paris") is None
