"""A system from a paper or lecture: everything it offers, declared in one object.

The general parts of memlab (pages, command line, jobs, ledger, tests) are made from these declarations. A declaration
imports nothing heavy: code is named as "module:name" and loaded when it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from memlab.declare.hints import SITUATIONS
from memlab.declare.method import Method
from memlab.declare.settings import Field, fields
from memlab.declare.surface import Chapter, Command, Correction, LongWork, Page
from memlab.serialize import as_json

if TYPE_CHECKING:
    from memlab.declare.lesson import LessonAction, LessonClaim
    from memlab.declare.model_format import ModelFormat

_REFERENCE = re.compile(r"\w+(\.\w+)*:\w+")

API = 1  # version of these declarations; a system made for another one is listed with the reason, and not used
FIRST_API = 1  # of a system that names none; it stays when API is raised, since such a system was written before


@dataclass(frozen=True)
class Study:
    """Long work with settings, progress, Stop and a result.

    Args:
        name, title, help: as the command line and the page write it.
        settings: a frozen dataclass made with `setting(...)`.
        run: "module:function" of `run(context, settings, progress, stop) -> result`; the result is a frozen dataclass
            with `to_dict()`.
        draw: "module:function" of `draw(document) -> {title: plotly figure}`, the document being that of `to_dict()`, so
            that saved runs can be drawn again.
        resumable: whether a run that was stopped or killed continues where it stopped.
    """

    name: str
    title: str
    help: str
    settings: type
    run: str
    draw: str | None = None
    resumable: bool = False

    def fields(self) -> list[Field]:
        """The settings, in the order in which a page shows them."""
        return fields(self.settings)

    def to_dict(self) -> dict[str, Any]:
        names = [f.name for f in self.fields()]
        return {"name": self.name, "title": self.title, "help": self.help, "settings": names}


@dataclass(frozen=True)
class Recipe:
    """A model that a system trains or ships.

    Args:
        name: what `memlab train NAME --text FILE --kind` takes, or the name of a bundled model; no two recipes share one.
        kind: the kind of model that it makes, as models trained with it record it; `--kind` takes it too where no recipe has
            that name and one alone makes this kind. encoder: the bundled model whose keys it needs, for a bundled one.
        data, seed, steps: what it is trained on, and for how long.
        minutes: about how long that takes on two cores.
        bundled: whether the trained model ships with memlab.
        train: "module:Class" of a `memlab.evaluate.text_models.TextTraining`, for a training procedure of its own; None for the
            general one, which makes causal models.
        make: "module:function" of `make(house, recipe, out, steps, progress, stop)`, which trains a bundled model on something
            other than running text, scores it and writes its folder with its card.
    """

    name: str
    kind: str
    title: str
    data: str
    steps: int
    seed: int
    minutes: float
    bundled: bool = False
    train: str | None = None
    encoder: str | None = None
    make: str | None = None

    @property
    def by_name(self) -> bool:
        """Whether `memlab train NAME` makes its one model; otherwise it trains models on a text, or a shipped one is only used."""
        return self.make is not None or (self.bundled and self.train is not None)

    @property
    def command(self) -> str | None:
        """The command that trains with it; None for a model that ships and is not trained here."""
        if self.by_name:
            return f"memlab train {self.name}"
        return None if self.bundled else f"memlab train NAME --text FILE --kind {self.name}"

    def to_dict(self) -> dict[str, Any]:
        return as_json(self, "name", "kind", "title", "data", "steps", "seed", "minutes", "bundled")


@dataclass(frozen=True)
class ReportedTable:
    """Figures that a paper or lecture reports, as printed; never on the same axis as what is measured here.

    rows: one for each line of the table, column -> figure as printed. source: where it is printed. note: what a reader must know.
    """

    title: str
    source: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        return as_json(self)


@dataclass(frozen=True)
class System:
    """One system.

    Args:
        name: an identifier; its folder, its page's address, and `memlab run NAME`.
        group: heading under which the systems are listed.
        summary: two sentences for the guide.
        methods: ways to answer. edits: changes that the ledger records. studies: long work. recipes: models.
        reported: what the paper or lecture reports. words: term -> meaning, for the guide.
        chapters: what it adds to the lab. commands: what it adds to the command line. work: kinds of jobs.
        corrections: ways to correct a fact, for a comparison of them all.
        model_formats: model folders with parts of their own.
        lesson_actions, lesson_claims: what steps of lessons can do and claim.
        hints: what to do where memlab refuses something, a sentence for each situation (`memlab.declare.hints`).
        panels: "module:function" of `panels(lab, system)`, which draws what the system's page needs beyond the general
            panels, with Streamlit; imported when the page is opened. Systems that ship with memlab have theirs in
            `memlab.ui.systems.<name>`.
        pages: pages of its own, beside the one that is made from this declaration.
        api: the version of these declarations (`API`) that the system was written for: write the number. A system that leaves
            it out was written for the first version.
    """

    name: str
    title: str
    paper: str
    group: str
    summary: str
    methods: tuple[Method, ...] = ()
    edits: tuple[Any, ...] = ()
    studies: tuple[Study, ...] = ()
    recipes: tuple[Recipe, ...] = ()
    reported: tuple[ReportedTable, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    chapters: tuple[Chapter, ...] = ()
    commands: tuple[Command, ...] = ()
    work: tuple[LongWork, ...] = ()
    corrections: tuple[Correction, ...] = ()
    model_formats: tuple[ModelFormat, ...] = ()
    lesson_actions: tuple[LessonAction, ...] = ()
    lesson_claims: tuple[LessonClaim, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)
    api: int = FIRST_API
    panels: str | None = None
    pages: tuple[Page, ...] = ()

    def __post_init__(self) -> None:
        if self.panels is not None and not _REFERENCE.fullmatch(str(self.panels)):
            raise ValueError(f"{self.name}: panels is {self.panels!r}; expected is 'module:function'")
        for situation in self.hints:
            if situation not in SITUATIONS:
                allowed = ", ".join(repr(name) for name in SITUATIONS)
                raise ValueError(
                    f"{self.name}: there is no situation {situation!r} for a hint; allowed is one of {allowed}"
                )

    def study(self, name: str) -> Study | None:
        """The study of that name, or None."""
        return next((s for s in self.studies if s.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        return {
            **as_json(self, "name", "title", "paper", "group", "summary", "methods"),
            "edits": [e.name for e in self.edits],
            "model_formats": [f.name for f in self.model_formats],
            "lesson_actions": [a.name for a in self.lesson_actions],
            "lesson_claims": [c.name for c in self.lesson_claims],
            "edit_kinds": [e.to_dict() for e in self.edits],
            **as_json(self, "studies", "recipes", "reported", "words", "chapters", "commands", "work", "corrections"),
            **as_json(self, "pages"),
        }
