"""What the bundled datastores hold."""

from __future__ import annotations

from memlab.lab import Lab
from memlab.memory.contents import contents
from memlab.memory.shelf import Shelf


def test_contents_are_found_once(lab: Lab) -> None:
    shelf: Shelf = lab.building.context.shelf
    first = shelf.contents("atlas-clm")
    assert shelf.contents("atlas-clm") is first
    assert first == contents(shelf.open("atlas-clm"))
    assert first.entries == lab.building.info("atlas-clm").entries
