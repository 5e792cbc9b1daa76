"""What a taught text gives: every word of it however long it is, and a word where none can be remembered is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memlab.lab import Lab
from memlab.lm.catalogue import load
from memlab.lm.model import LanguageModel
from memlab.memory.changes import Taught
from memlab.memory.entries import read_as, taught_entries
from memlab.memory.taught import encode_taught
from memlab.memory.taught_index import without_entry
from memlab.results import Article

Load = Callable[[str], LanguageModel]
CITY = "Port-au-Prince is the capital of Haiti."


@pytest.mark.parametrize("name", ["atlas-mlm", "atlas-clm"])
def test_the_position_of_a_key_is_that_of_its_word(name: str) -> None:
    """The tokens before the position are those before the word in the text, however it was cut."""
    lm = load(name)
    text = "Paris near Rome or Berlin " * 60 + "with Wakandania and Berlin at the end"
    ids, places = lm.read(text)
    starts = {a: n for n, (a, _) in enumerate(places)}
    planned = taught_entries(lm, text, None)
    lead = len(lm.frame[0])
    for context, position, (_, a, _b) in zip(
        planned.entries.contexts, planned.entries.position, planned.entries.spans, strict=True
    ):
        first = starts[int(a)]
        left = context[lead : position + (lm.kind == "causal")]
        assert left == ids[first - len(left) : first]


def test_an_answer_says_which_edit_has_no_entry(
    tmp_path: Path, tiny: Callable[[str], Path], documents: list[Article]
) -> None:
    lab = Lab.open(tmp_path)
    lab.build(documents, "mine", str(tiny("modernbert")))
    ask = "The capital of Haiti is [MASK]."
    assert not any("no entry" in n for n in lab.ask(ask, datastore="mine", k=2).notices)
    lab.teach(CITY, value="Port")
    lab.teach("of the")
    lab.teach("Berlin is large.")
    said = [n for n in lab.ask(ask, datastore="mine", k=2).notices if "no entry" in n]
    assert len(said) == 1
    assert said[0].startswith("Edit 1 taught 'Port', but it has no entry: ")
    assert said[0].endswith("The same holds for 1 more.")
    lab.undo(1)
    lab.undo(2)
    assert not any("no entry" in n for n in lab.ask(ask, datastore="mine", k=2).notices)


@pytest.mark.parametrize("name", ["modernbert", "llama", "gpt2"])
def test_only_what_has_no_entry_is_left_out(name: str, tiny_lm: Load) -> None:
    lm = tiny_lm(name)
    told = [Taught(1, "", CITY, ((0, 4),)), Taught(2, "", CITY, ((33, 38),)), Taught(3, "", CITY)]
    made = encode_taught(lm, told, "last")
    left = [without_entry(t, e) for t, e in zip(told, made, strict=True)]
    assert left == [["Port"], [], []]
    assert read_as(lm, CITY, (0, 4)) == "Port-au-Prince"
    assert read_as(lm, CITY, (33, 38)) is None
