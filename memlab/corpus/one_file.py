"""Options for reading files, and the texts of one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memlab.corpus.door import shown
from memlab.errors import InputError
from memlab.results import Article


@dataclass(frozen=True)
class TextOptions:
    """How files and folders are read.

    hidden: hidden files and folders too. text_column: of a table; by default text, content, body, article or
    sentence. without_license: read only the text between the START and END marks of a book of Project Gutenberg.
    """

    hidden: bool = False
    text_column: str | None = None
    without_license: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> TextOptions:
        """The options in plain JSON. Raises InputError for an unknown one."""
        try:
            return cls(**given)
        except TypeError:
            raise InputError(
                f"Unknown option for reading texts among {', '.join(given)}. Allowed: {', '.join(asdict(cls()))}."
            ) from None


AS_THEY_ARE = TextOptions()


@dataclass(frozen=True)
class FileTexts:
    """The texts of one file, the numbers of its rows without text, and notices for the user."""

    articles: tuple[Article, ...]
    rows_without: tuple[int, ...] = ()
    notices: tuple[str, ...] = ()


def title_of(path: Path) -> str:
    """The name of a file without its endings."""
    return shown(path.name.lstrip(".").split(".")[0] or path.name)
