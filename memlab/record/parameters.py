"""The form of the parameters of memory edits, and the checks that they can be applied.

teach      teaches: {title, text, spans}
forget     forgets: [{corpus, document, start, end, text, source}], and what was asked for: fact or prompt
correct    both, with fact and new_object

The checks raise ValueError with what is wrong, worded to follow "edit <n>".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

TEXT_LIMIT = 2_000  # characters of one taught text
TITLE_LENGTH = 60
NAME_LENGTH = 10_000  # characters of a document's id, a forgotten text, a prompt, or a part of a fact
MOST_SOURCES = 200_000  # of one edit
FURTHEST = 10**9  # characters of a document

_CORPUS = re.compile(r"[0-9a-f]{64}|edit")
_EDIT = re.compile(r"edit:([1-9][0-9]{0,8})")
_WORD = re.compile(r"\w")
_BROKEN = re.compile("[\0\ud800-\udfff]")  # halves of a character, which nothing can show or store

Checks = dict[str, Callable[[Any, int], None]]


def check_fields(value: Any, what: str, required: Checks, optional: Checks, sequence: int = 0) -> None:
    """Raises ValueError unless `value` is a JSON object with the required fields, and no others but optional ones."""
    if not isinstance(value, dict):
        raise ValueError(f"has {what} not in the form of a JSON object")
    if value.keys() != required.keys():
        if missing := sorted(required.keys() - value.keys()):
            raise ValueError(f"has {what} without {missing[0]!r}")
        if unknown := sorted(value.keys() - required.keys() - optional.keys()):
            raise ValueError(f"has {what} with {unknown[0][:40]!r}, which this memlab does not know")
    for name, inner in value.items():
        (required.get(name) or optional[name])(inner, sequence)


def _teaches(value: Any, sequence: int) -> None:
    check_fields(value, "a taught text", _TAUGHT_TEXT, {}, sequence)
    _check_spans(value["spans"], len(value["text"]))


def _check_spans(spans: Any, length: int) -> None:
    """None, or places in the text in order, without overlap."""
    if spans is None:
        return
    if not isinstance(spans, list) or not 1 <= len(spans) <= length:
        raise ValueError("has spans that are not a list of places in its text")
    for span in spans:
        whole = isinstance(span, list) and len(span) == 2 and all(type(at) is int for at in span)
        if not whole or not 0 <= span[0] < span[1] <= length:
            raise ValueError(f"has the span {str(span)[:40]}, which is not a place in its text of {length} characters")
    if any(first[1] > second[0] for first, second in pairwise(spans)):
        raise ValueError("has spans that are not in order")


def _forgets(value: Any, sequence: int) -> None:
    if not isinstance(value, list) or len(value) > MOST_SOURCES:
        raise ValueError(f"does not forget a list of at most {MOST_SOURCES:,} sources")
    for source in value:
        check_fields(source, "a source", _SOURCE, {}, sequence)
        _check_source(source, sequence)


def _check_source(source: dict[str, Any], sequence: int) -> None:
    """A source of taught text must name an edit before this one twice: as its `document` and as its `source`."""
    place = source["start"], source["end"]
    if any(type(at) is not int for at in place) or not 0 <= place[0] <= place[1] <= FURTHEST:
        raise ValueError(
            f"has a source from {str(place[0])[:20]} to {str(place[1])[:20]}, which is not a place in a text"
        )
    if not isinstance(source["corpus"], str) or not _CORPUS.fullmatch(source["corpus"]):
        raise ValueError("has a source whose collection is not named by a hash")
    taught = _EDIT.fullmatch(source["document"])
    if (source["corpus"] == "edit") != (source["source"] != "base"):
        raise ValueError("has a source whose 'corpus' and 'source' contradict each other")
    if source["corpus"] == "edit" and not (
        taught and int(taught[1]) < sequence and source["source"] == source["document"]
    ):
        raise ValueError(f"has a source in {source['document'][:40]!r}, which is not an earlier edit")


def _fact(value: Any, sequence: int) -> None:
    check_fields(value, "a fact", _FACT, {}, sequence)


def _text(most: int, what: str) -> Callable[[Any, int], None]:
    """A check for text of at most `most` characters that can be shown."""

    def check(value: Any, sequence: int) -> None:
        if not isinstance(value, str) or len(value) > most:
            raise ValueError(f"has {what} that is not a text of at most {most:,} characters")
        if _BROKEN.search(value):
            raise ValueError(f"has {what} with broken characters")

    return check


def _taught(value: Any, sequence: int) -> None:
    _long(value, sequence)
    if not _WORD.search(value):
        raise ValueError("teaches a text without a word")


def _anything(value: Any, sequence: int) -> None:
    """Checked together with the other parameters."""


_title, _name = _text(TITLE_LENGTH, "a title"), _text(NAME_LENGTH, "a name")
_long = _text(TEXT_LIMIT, "a taught text")
_TAUGHT_TEXT: Checks = {"title": _title, "text": _taught, "spans": _anything}
_FACT: Checks = {"subject": _name, "relation": _name, "object": _name}
_SOURCE: Checks = {
    "corpus": _name, "document": _name, "start": _anything, "end": _anything, "text": _name, "source": _name,
}  # fmt: skip


def check_teach(parameters: Mapping[str, Any], sequence: int) -> None:
    """Raises ValueError unless these are a text to teach."""
    check_fields(parameters, "parameters", _TEACH, {}, sequence)


def check_forget(parameters: Mapping[str, Any], sequence: int) -> None:
    """Raises ValueError unless these are sources to forget, with what was asked for."""
    check_fields(parameters, "parameters", _FORGET, _ASKED_TO_FORGET, sequence)


def check_correct(parameters: Mapping[str, Any], sequence: int) -> None:
    """Raises ValueError unless these are sources to forget and a text to teach in their place."""
    check_fields(parameters, "parameters", _CORRECT, _ASKED_TO_CORRECT, sequence)


_TEACH: Checks = {"teaches": _teaches}
_FORGET: Checks = {"forgets": _forgets}
_ASKED_TO_FORGET: Checks = {"fact": _fact, "prompt": _name}
_CORRECT: Checks = {**_FORGET, **_TEACH}
_ASKED_TO_CORRECT: Checks = {"fact": _fact, "new_object": _name}
