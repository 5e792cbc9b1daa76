"""Lessons: ordered views of the workbench with notes for each, kept as JSON files.

A step names a page and the parameters of its address, so that a lesson is a list of links with
notes. The lab checks whether its methods and settings exist.

Version 2 of the file adds actions and claims (`lesson_actions`); lessons without either are written as version 1,
which earlier versions of memlab can read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from memlab.bundle import assets
from memlab.corpus.door import checked_json
from memlab.corpus.lesson_actions import Action, read_action, read_claims
from memlab.declare.provided import declared
from memlab.declare.reserved import PAGES
from memlab.errors import InputError
from memlab.serialize import as_json

FORMAT, VERSIONS = "memlab-lesson", (1, 2)
MARK = f'"format": "{FORMAT}"'  # at the beginning of every lesson's file
TELLING = ("lessons", "present")  # pages that show lessons, and are no view of one
LARGEST = 200_000  # characters of a lesson's file
MOST_STEPS = 100


@dataclass(frozen=True)
class Step:
    """One view: `page` and `parameters` are its address, `note` says what to present or look at there."""

    title: str
    note: str
    page: str = "ask"
    parameters: Mapping[str, str] = field(default_factory=dict)
    guess: bool = False  # the audience guesses before the answers are shown
    do: Action | None = None  # an edit, made in the lesson's own workspace when the step is presented
    claims: Mapping[str, str] = field(default_factory=dict)  # what the view then shows

    @property
    def link(self) -> str:
        """The address within the app."""
        return f"{self.page}?{urlencode(self.parameters)}" if self.parameters else self.page

    def to_dict(self) -> dict[str, Any]:
        more = {} if self.do is None else {"do": self.do.to_dict()}
        more |= {"claims": dict(self.claims)} if self.claims else {}
        return as_json(self, "title", "note", "page", "parameters", "guess") | more


@dataclass(frozen=True)
class Lesson:
    """Steps in order. `name` is used for its file and its address; `bundled` lessons cannot be changed."""

    name: str
    title: str
    about: str
    minutes: int
    steps: tuple[Step, ...]
    bundled: bool = False

    @property
    def edits(self) -> bool:
        """Whether it makes edits, and so needs a workspace of its own."""
        return any(step.do is not None for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        version = 2 if any(step.do is not None or step.claims for step in self.steps) else 1
        own = as_json(self, "name", "title", "about", "minutes")
        return {"format": FORMAT, "version": version, **own, "steps": [step.to_dict() for step in self.steps]}

    def to_json(self) -> str:
        """The lesson as a file's text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"


@cache
def bundled_lessons() -> tuple[Lesson, ...]:
    """The lessons that ship with memlab, in the recommended order."""
    files = sorted((assets() / "lessons").glob("*.json"))
    return tuple(read_lesson(file.read_text("utf-8"), bundled=True) for file in files)


def read_lesson(text: str, bundled: bool = False) -> Lesson:
    """A lesson from a file's text. Raises InputError for another format or version, or an invalid field."""
    if len(text) > LARGEST:
        raise InputError(f"The lesson has {len(text):,} characters; at most {LARGEST:,} are allowed.")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"This is not a lesson: it is not JSON ({error}). Export one from the page Lessons.") from None
    checked_json(raw, "The lesson")
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise InputError(f"This is not a lesson: its format is not {FORMAT!r}. Export one from the page Lessons.")
    if raw.get("version") not in VERSIONS:
        raise InputError(
            f"The lesson has version {raw.get('version')!r}; this memlab reads the versions {VERSIONS[0]} and {VERSIONS[1]}. "
            "Export it again with this memlab, or install the memlab that wrote it."
        )
    steps = _typed(raw, "steps", list, "the lesson")
    if not 1 <= len(steps) <= MOST_STEPS:
        raise InputError(f"The lesson has {len(steps)} steps; allowed are 1 to {MOST_STEPS}.")
    return Lesson(
        name=checked_name(_typed(raw, "name", str, "the lesson")),
        title=_typed(raw, "title", str, "the lesson"),
        about=_typed(raw, "about", str, "the lesson"),
        minutes=_typed(raw, "minutes", int, "the lesson"),
        steps=tuple(_step(step, n) for n, step in enumerate(steps, 1)),
        bundled=bundled,
    )


def checked_name(name: str) -> str:
    """The name, if it can be one. Raises InputError."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", name):
        raise InputError(
            f"{name!r} cannot name a lesson. Use 1 to 60 lower-case letters, digits and '-', beginning with a letter or digit."
        )
    return name


def named_after(title: str) -> str:
    """A name for a lesson of this title. Raises InputError for a title without a Latin letter or digit."""
    return checked_name("-".join(re.findall(r"[a-z0-9]+", title.lower()))[:60].strip("-"))


def step_of_address(address: str, title: str, note: str, guess: bool = False) -> Step:
    """A step from the address of a view, as the browser shows it. Raises InputError for another kind of address."""
    parts = urlsplit(address.strip())
    page = parts.path.strip("/").rsplit("/", 1)[-1] or "guide"
    _known_page(page, "the address")
    return Step(title, note, page, dict(parse_qsl(parts.query)), guess)


def _step(raw: Any, n: int) -> Step:
    where = f"step {n}"
    if not isinstance(raw, dict):
        raise InputError(f"In the lesson, {where} is not an object.")
    parameters = raw.get("parameters", {})
    if not isinstance(parameters, dict) or not all(isinstance(v, str) for v in parameters.values()):
        raise InputError(f"In the lesson, the parameters of {where} are not all text.")
    page = _known_page(_typed(raw, "page", str, where), where)
    guess = raw.get("guess", False)
    if not isinstance(guess, bool):
        raise InputError(f"In the lesson, 'guess' of {where} is {guess!r}; allowed is true or false.")
    do, claims = read_action(raw.get("do"), where), read_claims(raw.get("claims"), where)
    if do is not None and page == "ask":
        raise InputError(
            f"In the lesson, {where} shows the page ask and cannot do {do.verb!r}. Move that to the step before it."
        )
    return Step(_typed(raw, "title", str, where), _typed(raw, "note", str, where), page, parameters, guess, do, claims)


def _known_page(page: str, where: str) -> str:
    known = [name for name in (*PAGES, *declared().pages) if name not in TELLING]
    if page not in known and not re.fullmatch(r"system-[a-z0-9-]{1,40}", page):
        raise InputError(
            f"There is no page {page!r} ({where} of the lesson names it). Allowed: {', '.join(known)}, system-NAME."
        )
    return page


def _typed(raw: dict[str, Any], name: str, kind: type, where: str) -> Any:
    value = raw.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        words = {str: "a text", int: "a whole number", list: "a list"}
        raise InputError(f"In the lesson, {name!r} of {where} must be {words[kind]}; it is {value!r}.")
    return value
