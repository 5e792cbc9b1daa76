"""One answer of each bundled model from an empty home folder, asked, changed and taken back: what `make check` runs of the engine."""

from __future__ import annotations

import pytest

from memlab.lab import Lab

WAKANDA = "The capital of Wakanda is"


@pytest.mark.parametrize("prompt", ["The capital of France is [MASK].", "The capital of France is"])
def test_model_and_memory_answer_from_an_empty_home(prompt: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    p = Lab.open(tmp_path_factory.mktemp("empty")).ask(prompt)
    assert p.answer == "Paris"
    assert p.neighbors[0].value == "Paris"
    for side in (p.lm, p.knn, p.mixture):
        assert sum(word.p for word in side) == pytest.approx(1)


def test_what_is_taught_is_remembered_and_taken_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    lab = Lab.open(tmp_path_factory.mktemp("edited"))
    before = lab.ask(WAKANDA)
    edit = lab.teach("The capital of Wakanda is Birnin.")
    assert "Birnin" in {n.value for n in lab.ask(WAKANDA).neighbors}
    lab.undo(edit.seq)
    assert lab.ask(WAKANDA).neighbors == before.neighbors
