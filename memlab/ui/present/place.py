"""The position in a presentation: lesson, step and stage, all in the address."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from memlab.corpus.lessons import Lesson, Step
from memlab.errors import MemlabError, NotFound
from memlab.ui.app.address import whole_number
from memlab.ui.present.stages import LAMBDA, STAGES, stages_of

OWN = ("lesson", "step", "stage", "guess")  # parameters of the presentation; all others are the question's
LAST = len(STAGES) - 1
_AT = "present.at"


@dataclass(frozen=True)
class Place:
    """`step` and `stage` count from 1; without a lesson there is one step, the question in the address."""

    lesson: Lesson | None
    step: int
    stage: int
    guess: bool

    @property
    def shown(self) -> Step:
        """The step that is shown."""
        if self.lesson is not None:
            step = self.lesson.steps[self.step - 1]
            moved = {LAMBDA: st.query_params[LAMBDA]} if step.page == "ask" and LAMBDA in st.query_params else {}
            return replace(step, parameters={**step.parameters, **moved})
        return Step("", "", "ask", {k: v for k, v in st.query_params.items() if k not in OWN}, self.guess)

    @property
    def names(self) -> list[str]:
        """The stages of the step: the pictures of a question; before and after an edit; one for anything else."""
        if self.shown.do is not None:
            return ["To do", "Done"]
        asks = self.shown.page == "ask" and self.shown.parameters.get("prompt")
        return stages_of(self.shown.parameters) if asks else ["View"]

    @property
    def stages(self) -> int:
        """How many stages the step has."""
        return len(self.names)

    @property
    def steps(self) -> int:
        return _steps(self.lesson)

    @property
    def at_start(self) -> bool:
        return self.step == 1 and self.stage == 1

    @property
    def at_end(self) -> bool:
        return self.step == self.steps and self.stage >= self.stages

    def forward(self) -> Place:
        """One stage further, or the next step."""
        if self.stage < self.stages:
            return Place(self.lesson, self.step, self.stage + 1, self.guess)
        return self if self.at_end else Place(self.lesson, self.step + 1, 1, self.guess)

    def back(self) -> Place:
        """One stage back, or the last stage of the previous step."""
        if self.stage > 1:
            return Place(self.lesson, self.step, self.stage - 1, self.guess)
        if self.step == 1:
            return self
        before = Place(self.lesson, self.step - 1, 1, self.guess)
        return Place(self.lesson, before.step, before.stages, self.guess)

    def go(self) -> None:
        """Puts the place into the address, and keeps it for the next key press."""
        st.session_state[_AT] = self
        st.query_params["stage"] = str(self.stage)
        if self.lesson is not None:
            st.query_params["step"] = str(self.step)
            if LAMBDA in st.query_params:  # moved by hand, for that view only: the lesson has its own
                del st.query_params[LAMBDA]


def step_forward(lesson: Lesson | None) -> None:
    """The button Next: one stage on from where the last key press led, even if the browser has not shown that yet."""
    _last(lesson).forward().go()


def step_back(lesson: Lesson | None) -> None:
    """The button Back: likewise, one stage back."""
    _last(lesson).back().go()


def guess_first(guess: bool) -> None:
    """Switches between letters in place of words and the words themselves."""
    st.query_params["guess"] = "1" if guess else "0"


def place(lesson: Lesson | None) -> Place:
    """The place that the address names; step and stage out of range are moved to the nearest there is."""
    step = min(_steps(lesson), max(1, _number("step") or 1))
    guess = st.query_params.get("guess") == "1"
    here = Place(lesson, step, 1, guess)
    here = replace(here, stage=min(here.stages, max(1, _number("stage") or 1)))
    st.session_state[_AT] = here
    return here


def out_of_range(lesson: Lesson | None) -> list[MemlabError]:
    """An error for a step or stage in the address that does not exist."""
    here = place(lesson)
    allowed = {"step": here.steps, "stage": here.stages} if lesson is not None else {"stage": here.stages}
    return [
        NotFound(f"There is no {name} {st.query_params[name]!r} here. Allowed: 1 to {high}. The nearest is shown.")
        for name, high in allowed.items()
        if name in st.query_params and _number(name) not in range(1, high + 1)
    ]


def _last(lesson: Lesson | None) -> Place:
    at = st.session_state.get(_AT)
    return at if isinstance(at, Place) and at.lesson == lesson else place(lesson)


def _steps(lesson: Lesson | None) -> int:
    return len(lesson.steps) if lesson is not None else 1


def _number(name: str) -> int | None:
    return whole_number(st.query_params.get(name, ""))
