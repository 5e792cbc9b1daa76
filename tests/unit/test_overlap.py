"""How much of a passage a memory holds word for word: counted by hand on small texts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from memlab.figures.theme import literal, visible
from memlab.memory.overlap import notice, pieces, remembered_share
from memlab.results import Article

KNOWN = "The lake lies in the north."  # 27 characters
OTHER = "Nobody ever wrote this down."  # 28 characters


def store(*texts: str) -> SimpleNamespace:
    """What is looked at of a datastore: its documents."""

    class Documents:
        def __len__(self) -> int:
            return len(texts)

        def article(self, row: int) -> Article:
            return Article(str(row), str(row), texts[row])

    return SimpleNamespace(documents=Documents())


def test_the_share_is_of_the_characters_of_sentences_that_documents_hold() -> None:
    memory = store(f"An old hut. {KNOWN} It is cold there in winter.")
    assert remembered_share(memory, f"{KNOWN} {OTHER}") == pytest.approx(27 / 55)
    assert remembered_share(memory, KNOWN.replace(" in", "\n  in") + " " + OTHER) == pytest.approx(27 / 55)
    assert remembered_share(memory, OTHER) == 0


def test_a_document_that_is_left_out_does_not_count() -> None:
    memory = store(f"{KNOWN} It is cold there in winter.")
    assert remembered_share(memory, f"{KNOWN} It is cold there in winter.") == 0
    assert remembered_share(memory, f"{KNOWN} It is cold there in winter.", "nothing") == 1


def test_short_sentences_are_not_looked_up_and_long_ones_in_pieces() -> None:
    assert pieces("It is. " + KNOWN) == [KNOWN]
    words = [f"w{i}" for i in range(40)]
    assert pieces(" ".join(words)) == [" ".join(words[:16]), " ".join(words[16:32]), " ".join(words[32:])]
    assert pieces("") == []
    assert len(pieces(" ".join([KNOWN] * 500))) <= 80


def test_only_a_passage_that_is_largely_remembered_is_pointed_out() -> None:
    memory = store(f"An old hut. {KNOWN}")
    assert "word for word" in str(notice(memory, f"{KNOWN} A cat sat.", "self"))
    assert notice(memory, f"{KNOWN} {OTHER} {OTHER}", "self") is None
    assert notice(memory, KNOWN + " A cat sat.", "near") is None


@pytest.mark.parametrize(
    ("token", "shown"),
    [("Ġ", "␣"), ("ĠĠ", "␣␣"), ("Ċ", "⏎"), ("▁", "␣"), (" \n", "␣⏎"), ("", "␣"), ("Paris", "Paris"), (" Paris", " Paris"), ("ĠParis", "ĠParis")],
)  # fmt: skip
def test_a_token_of_blanks_is_shown_as_signs(token: str, shown: str) -> None:
    assert visible(token) == shown
    assert literal(token) == shown
