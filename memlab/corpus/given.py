"""Texts as a caller gives them: paths, strings, articles, or a collection that was read before.

A `Path` is always a file or folder, an `Article` always a text. A string is a path if it is one line and a file or
folder of that name exists, or if it has the ending of a readable file (".txt", ".jsonl.gz"), so that a wrong name is
refused and not taken for a text. Every other string is a text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from memlab.corpus.door import checked_text
from memlab.corpus.found_files import ending
from memlab.corpus.one_file import AS_THEY_ARE, TextOptions
from memlab.corpus.readers import READERS, Collection, NamedTexts, collection_of
from memlab.errors import InputError
from memlab.outside import given_path
from memlab.results import Article

OneText = str | Path | Article
Texts = OneText | Collection | Iterable[OneText | NamedTexts]

LONGEST_PATH = 1024  # characters


def texts_of(given: Texts, options: TextOptions = AS_THEY_ARE) -> Collection:
    """The given texts as a collection; files are read with `options`.

    Raises:
        InputError: no text, an object of another type, or a file that cannot be read.
    """
    if isinstance(given, Collection):
        return given
    if isinstance(given, str | Path | Article):
        given = [given]
    if not isinstance(given, Iterable):
        raise InputError(f"Texts are paths, texts or articles, or a list of them; not {type(given).__name__}.")
    return collection_of([one if isinstance(one, NamedTexts) else _path_or_article(one) for one in given], options)


def passage_of(given: OneText) -> str:
    """One string: the text itself, or that of an article; texts of a file are joined by empty lines. Raises
    InputError."""
    one = _path_or_article(given)
    if isinstance(one, Article):
        return one.text
    return "\n\n".join(article.text for article in collection_of([one], AS_THEY_ARE).articles)


def is_path(given: str) -> bool:
    """Whether a string names a file or folder; see the module's rule."""
    if "\n" in given or not 0 < len(given) <= LONGEST_PATH:
        return False
    path = given_path(given)
    return os.path.exists(path) or ending(path) in READERS


def _path_or_article(given: OneText) -> Path | Article:
    if isinstance(given, Path):
        return given_path(given)
    if isinstance(given, str):
        return given_path(given) if is_path(given) else Article("text", "text", checked_text(given))
    if not isinstance(given, Article):
        raise InputError(f"A text is a path, a text or an article, not {type(given).__name__}.")
    checked_text(given.text, f"The text {given.title!r}")
    return given
