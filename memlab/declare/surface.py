"""What a system adds to the lab, the command line and the app: chapters with verbs, commands, long work, ways to correct a
fact, pages.

Code is named as "module:name" and imported when it is first used, so that `memlab --help` needs none of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from memlab.declare.late import load
from memlab.serialize import as_json

_COMMAND = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Page:
    """A page of the app that a system brings, beside the one that is made from its declaration.

    Args:
        name: its path in addresses. group: where the navigation lists it, one of `PAGE_GROUPS`.
        title, help: as the navigation writes them. icon: name of a Material symbol.
        code: "module:function" of a function without arguments that draws the page with Streamlit, imported when it is
            opened; None for a page that ships with memlab as `pages/<name>.py`.
    """

    name: str
    group: str
    title: str
    help: str
    icon: str = "deployed_code"
    code: str | None = None

    def __post_init__(self) -> None:
        if not _COMMAND.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot be the path of a page; allowed are small letters, digits and -")
        if self.group not in PAGE_GROUPS:
            allowed = ", ".join(PAGE_GROUPS)
            raise ValueError(f"the page {self.name!r} is in the group {self.group!r}; allowed is one of {allowed}")

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "name", "group", "title", "help")


@dataclass(frozen=True)
class Chapter:
    """A group of functions of the lab: `lab.<name>`.

    Args:
        name: an attribute of the lab.
        help: what it holds, one sentence.
        code: "module:Class"; constructed with the lab (`memlab.reading.workspace.OpenLab`) at each use, so it keeps no
            state of its own.
        verbs: names of its methods that are also methods of the lab itself: with "believe", `lab.believe(...)` is
            `lab.<name>.believe(...)`.
    """

    name: str
    help: str
    code: str
    verbs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.names:
            if not name.isidentifier() or name.startswith("_"):
                raise ValueError(f"{name!r} cannot name an attribute of the lab; allowed is a public Python name")

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes that it adds to the lab: its own name and its verbs."""
        return (self.name, *self.verbs)

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "name", "help", "verbs")

    def load_class(self) -> Any:
        """Its class. Raises ImportError, AttributeError."""
        return load(self.code)


@dataclass(frozen=True)
class Command:
    """A command of the command line.

    Args:
        name: what is typed. within: the group that it belongs to, one of `GROUPS`; "" for `memlab <name>`.
        code: "module:name" of a `click.Command`, made with the options of `memlab.commands`.
    """

    name: str
    code: str
    within: str = ""

    def __post_init__(self) -> None:
        if not _COMMAND.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot name a command; allowed are lower case letters, digits and -")
        if self.within not in GROUPS:
            named = ", ".join(repr(group) for group in GROUPS)
            raise ValueError(f"{self.name}: there is no group of commands {self.within!r}; allowed is one of {named}")

    @property
    def words(self) -> str:
        """What is typed after `memlab`."""
        return f"{self.within} {self.name}".strip()

    def to_dict(self) -> dict[str, Any]:
        return {**as_json(self, "name", "within"), "command": f"memlab {self.words}"}


GROUPS = ("", "evaluate")  # of commands that systems may add to
PAGE_GROUPS = ("Start", "Explore", "Change", "Systems", "Library")  # of the navigation


@dataclass(frozen=True)
class LongWork:
    """A kind of job: `lab.work.submit(name, title, **parameters)`.

    Args:
        name: as jobs record it. code: "module:function" of `work(lab, progress, stop, **parameters)`; see `memlab.lab.jobs`.
        resumable, alone, stored: as in `memlab.lab.jobs.long_work`.
    """

    name: str
    code: str
    resumable: bool = False
    alone: bool = False
    stored: bool = True

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "name", "resumable", "alone", "stored")


@dataclass(frozen=True)
class Correction:
    """A way to correct one fact besides editing the datastore, for `lab.ways.compare`.

    Args:
        name: what the comparison calls it.
        code: "module:function" of `correct(lab, fact, new, settings, progress, stop) -> memlab.results.ways.Way`; it records
            nothing, and raises InputError or NotFound where the fact cannot be corrected in this way.
        check: "module:function" of `check(settings)`, called before any work; raises InputError. None: it takes no settings.
    """

    name: str
    code: str
    check: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "name")
