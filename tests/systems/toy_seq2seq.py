"""A third small system, of a kind of model that memlab ships none of: it brings its model, its memory and the verb `translate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memlab.declare import Chapter, Method, Page, System, setting
from memlab.errors import InputError, NotFound
from memlab.reading.reader import House, Reader, Request, Sources
from memlab.reading.workspace import OpenLab


@dataclass(frozen=True)
class Settings:
    """Of the method."""

    least: int = setting(1, "least letters", "Shorter words are left as they are.", low=1, high=20)


class ToyReader(Reader):
    """The method translates only: no other ability asks its reader."""

    def sources(self, request: Request, house: House) -> Sources:
        raise InputError("word-by-word translates, and answers no prompts.")

    def translated(self, sentence: str, settings: Settings) -> str:
        """Each word as its dictionary has it: the letters backwards."""
        return " ".join(word[::-1] if len(word) >= settings.least else word for word in sentence.split())


class Translating:
    """What the toy adds to the lab: `lab.translate`."""

    def __init__(self, lab: OpenLab) -> None:
        self.lab = lab

    def translate(self, sentence: str, method: str = "word-by-word", **settings: Any) -> str:
        """The sentence word by word.

        Raises:
            NotFound: another method. InputError: an empty sentence.
        """
        found = self.lab.methods()[method]
        if not found.can("translate"):
            raise NotFound.named("method that translates", method, ["word-by-word"])
        if not sentence.strip():
            raise InputError("There is no sentence to translate. Type one.")
        return str(found.load_reader()(found).translated(sentence, Settings(**settings)))


def page() -> None:
    """The page of the toy."""
    import streamlit as st

    st.title("Word by word")


SYSTEM = System(
    name="toy_seq2seq",
    title="Word by word",
    paper="a toy system of the tests",
    group="Toys",
    summary="A translation of each word by itself. It shows what a method of a further kind of model must bring.",
    methods=(
        Method(
            name="word-by-word",
            title="Word by word",
            paper="a toy system of the tests",
            kinds=("seq2seq",),
            help="Translates each word by itself.",
            settings=Settings,
            reader=f"{__name__}:ToyReader",
            abilities=("translate",),
        ),
    ),
    chapters=(Chapter("translating", "Translations word by word.", f"{__name__}:Translating", ("translate",)),),
    pages=(
        Page("word-by-word", "Explore", "Word by word", "A sentence, word by word.", "translate", f"{__name__}:page"),
    ),
    words={"word by word": "a translation that sees one word at a time"},
    api=1,
)
