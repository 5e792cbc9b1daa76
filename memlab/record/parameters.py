"""What an edit must say to be applied: the form of its parameters and scores, checked when it comes from elsewhere.

teach      teaches: {title, text, spans}
forget     forgets: [{corpus, document, start, end, text, source}], and what was asked for: fact or prompt
correct    both, with fact and new_object
undo, redo none; which edit they are about stands in the row
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

from memlab.record.chain import EditRow
from memlab.record.fold import CHANGES, MARKS

TEXT_LIMIT = 2_000  # characters of one taught text
TITLE_LENGTH = 60
NAME_LENGTH = 10_000  # characters of a document's id, a forgotten text, a prompt, or a part of a fact
MOST_SOURCES = 200_000  # of one edit
SCORES_LENGTH = 1 << 20  # of the scores of one edit, as JSON
DEEPEST = 20  # levels of nesting in the scores
FURTHEST = 10**9  # characters of a document

_CORPUS = re.compile(r"[0-9a-f]{64}|edit")
_EDIT = re.compile(r"edit:([1-9][0-9]{0,8})")
_BROKEN = re.compile("[\0\ud800-\udfff]")  # halves of a character, which nothing can show or store

Checks = dict[str, Callable[[Any, int], None]]


def check_edit(row: EditRow) -> None:
    """Whether an edit can be applied and shown. Raises ValueError: what is wrong, beginning with "its edit <n>"."""
    try:
        _check_time(row.time)
        for scores in (row.before, row.after):
            _check_scores(scores)
        if row.kind in MARKS:
            _fields(row.parameters, "parameters", {}, {})
            _fields(row.inverse, "inverse", {"target": _target}, {}, row.sequence)
        elif row.kind in CHANGES:
            if row.inverse is not None:
                raise ValueError("says which edit it is about, although it is none of undo and redo")
            required, optional = _KINDS[row.kind]
            _fields(row.parameters, "parameters", required, optional, row.sequence)
        else:
            raise ValueError(f"is of the kind {row.kind[:20]!r}, which this memlab does not know; update memlab")
    except ValueError as error:
        raise ValueError(f"its edit {row.sequence} {error}") from None


def _check_time(time: str) -> None:
    try:
        datetime.fromisoformat(time)
    except ValueError:
        raise ValueError("has no time") from None


def _check_scores(scores: dict[str, Any] | None) -> None:
    if scores is None:
        return
    level: list[Any] = [scores]
    for _ in range(DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
    if level or len(json.dumps(scores)) > SCORES_LENGTH:
        raise ValueError(f"has scores that are too large (allowed: {SCORES_LENGTH >> 20} MiB, {DEEPEST} levels)")


def _inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _fields(value: Any, what: str, required: Checks, optional: Checks, sequence: int = 0) -> None:
    """Checks a JSON object with exactly these fields."""
    if not isinstance(value, dict):
        raise ValueError(f"has {what} that are no JSON object")
    if missing := sorted(set(required) - set(value)):
        raise ValueError(f"has {what} without {missing[0]!r}")
    if unknown := sorted(set(value) - set(required) - set(optional)):
        raise ValueError(f"has {what} with {unknown[0][:40]!r}, which this memlab does not know")
    for name, check in {**required, **optional}.items():
        if name in value:
            check(value[name], sequence)


def _teaches(value: Any, sequence: int) -> None:
    _fields(value, "a lesson", {"title": _title, "text": _taught, "spans": _anything}, {}, sequence)
    _check_spans(value["spans"], len(value["text"]))


def _check_spans(spans: Any, length: int) -> None:
    """Nothing, or places in the text, in order and apart."""
    if spans is None:
        return
    if not isinstance(spans, list) or not 1 <= len(spans) <= length:
        raise ValueError("has spans that are no list of places in its text")
    for span in spans:
        whole = isinstance(span, list) and len(span) == 2 and all(type(at) is int for at in span)
        if not whole or not 0 <= span[0] < span[1] <= length:
            raise ValueError(f"has the span {str(span)[:40]}, which is no place in its text of {length} characters")
    if any(first[1] > second[0] for first, second in pairwise(spans)):
        raise ValueError("has spans that are not in order")


def _forgets(value: Any, sequence: int) -> None:
    if not isinstance(value, list) or len(value) > MOST_SOURCES:
        raise ValueError(f"does not forget a list of at most {MOST_SOURCES:,} sources")
    for source in value:
        _fields(source, "a source", _SOURCE, {}, sequence)
        _check_source(source, sequence)


def _check_source(source: dict[str, Any], sequence: int) -> None:
    """A source of taught text names an edit before this one, twice: in its document and in what it rests on."""
    place = source["start"], source["end"]
    if any(type(at) is not int for at in place) or not 0 <= place[0] <= place[1] <= FURTHEST:
        raise ValueError(f"has a source from {str(place[0])[:20]} to {str(place[1])[:20]}, which is no place in a text")
    if not isinstance(source["corpus"], str) or not _CORPUS.fullmatch(source["corpus"]):
        raise ValueError("has a source in a collection that is named by no hash")
    taught = _EDIT.fullmatch(source["document"])
    if (source["corpus"] == "edit") != (source["source"] != "base"):
        raise ValueError("has a source that says two things about where it comes from")
    if source["corpus"] == "edit" and not (
        taught and int(taught[1]) < sequence and source["source"] == source["document"]
    ):
        raise ValueError(f"has a source in {source['document'][:40]!r}, which is no edit before it")


def _fact(value: Any, sequence: int) -> None:
    _fields(value, "a fact", {"subject": _name, "relation": _name, "object": _name}, {}, sequence)


def _target(value: Any, sequence: int) -> None:
    if type(value) is not int or not 1 <= value < sequence:
        raise ValueError("does not say which edit before it it is about")


def _text(most: int, what: str) -> Callable[[Any, int], None]:
    """A check for text of at most so many characters that can be shown."""

    def check(value: Any, sequence: int) -> None:
        if not isinstance(value, str) or len(value) > most:
            raise ValueError(f"has {what} that is no text of at most {most:,} characters")
        if _BROKEN.search(value):
            raise ValueError(f"has {what} with broken characters")

    return check


def _taught(value: Any, sequence: int) -> None:
    _text(TEXT_LIMIT, "a taught text")(value, sequence)
    if not re.search(r"\w", value):
        raise ValueError("teaches a text without a word")


def _anything(value: Any, sequence: int) -> None:
    """Checked with what stands beside it."""


_title, _name = _text(TITLE_LENGTH, "a title"), _text(NAME_LENGTH, "a name")
_SOURCE: Checks = {
    "corpus": _name, "document": _name, "start": _anything, "end": _anything, "text": _name, "source": _name,
}  # fmt: skip
_KINDS: dict[str, tuple[Checks, Checks]] = {
    "teach": ({"teaches": _teaches}, {}),
    "forget": ({"forgets": _forgets}, {"fact": _fact, "prompt": _name}),
    "correct": ({"forgets": _forgets, "teaches": _teaches}, {"fact": _fact, "new_object": _name}),
}
