"""What a system adds to lessons: edits that a step makes, and claims about what its page then shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[a-z][a-z0-9-]*( [a-z0-9-]+)*")
_REFERENCE = re.compile(r"[\w.]+:\w+")


@dataclass(frozen=True)
class LessonAction:
    """An edit that a step of a lesson makes, in the lesson's own workspace.

    Args:
        name: the verb in the lesson's file: `"do": {"verb": name, argument: text, ...}`.
        arguments: names of its arguments, all text; one that ends with "?" may be left out.
        run: "module:function" of `run(lab, arguments)`; raises MemlabError where the edit cannot be made.
        check: "module:function" of `check(arguments)`, called when a lesson is kept; raises InputError for an argument that can
            never be right. None: any text will do.
    """

    name: str
    arguments: tuple[str, ...]
    run: str
    check: str | None = None

    def __post_init__(self) -> None:
        _checked("an action of lessons", self.name, (self.run, *filter(None, (self.check,))))
        for argument in self.arguments:
            if not argument.removesuffix("?").isidentifier() or argument == "verb":
                raise ValueError(
                    f"the action {self.name!r}: {argument!r} cannot name an argument; allowed is a Python name other than 'verb', "
                    "with '?' behind it where it may be left out"
                )


@dataclass(frozen=True)
class LessonClaim:
    """Something that a step of a lesson says of what its page shows; it is checked when the lesson is given.

    Args:
        name: in the lesson's file: `"claims": {name: what it says}`.
        help: what it says of the view.
        page: the page that shows it, as in an address ("beliefs", "system-NAME").
        find: "module:function" of `find(lab, parameters, as_of) -> str`: what the page with these parameters shows as of an edit
            (None: now). The claim holds where that is what the step says, upper or lower case.
        choices: what a step can say; empty: any text.
        label: what Present writes before what the step says; empty: the name.
    """

    name: str
    help: str
    page: str
    find: str
    choices: tuple[str, ...] = ()
    label: str = ""

    def __post_init__(self) -> None:
        _checked("a claim of lessons", self.name, (self.find,))
        if self.name.startswith("not "):
            raise ValueError(f"{self.name!r} cannot name a claim of lessons: it would be the opposite of another one")


def _checked(what: str, name: str, references: tuple[str, ...]) -> None:
    """Raises ValueError for a wrong name, or code that is not named as "module:function"."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name {what}; allowed are words of lower case letters, digits and -")
    for reference in references:
        if not _REFERENCE.fullmatch(reference):
            raise ValueError(f"{name!r}: {reference!r} does not name code; expected is 'module:name'")
