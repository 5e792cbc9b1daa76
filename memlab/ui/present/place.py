"""Where a presentation stands: lesson, step and stage, all in the address."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from memlab.corpus.lessons import Lesson, Step
from memlab.ui.present.stages import STAGES

OWN = ("lesson", "step", "stage", "guess")  # parameters of the presentation; all others are the question's
LAST = len(STAGES) - 1


@dataclass(frozen=True)
class Place:
    """`step` and `stage` count from 1; without a lesson there is one step, the question in the address."""

    lesson: Lesson | None
    step: int
    stage: int
    guess: bool

    @property
    def shown(self) -> Step:
        """The view that this is about."""
        if self.lesson is not None:
            return self.lesson.steps[self.step - 1]
        return Step("", "", "ask", {k: v for k, v in st.query_params.items() if k not in OWN}, self.guess)

    @property
    def stages(self) -> int:
        """How many stages the step has: only questions are told in several."""
        return LAST + 1 if self.shown.page == "ask" and self.shown.parameters.get("prompt") else 1

    @property
    def steps(self) -> int:
        return len(self.lesson.steps) if self.lesson else 1

    @property
    def at_end(self) -> bool:
        return self.step == self.steps and self.stage >= self.stages

    def forward(self) -> Place:
        """One stage further, or the next step."""
        if self.stage < self.stages:
            return Place(self.lesson, self.step, self.stage + 1, self.guess)
        return self if self.at_end else Place(self.lesson, self.step + 1, 1, self.guess)

    def back(self) -> Place:
        """One stage back, or the whole of the step before."""
        if self.stage > 1:
            return Place(self.lesson, self.step, self.stage - 1, self.guess)
        if self.step == 1:
            return self
        before = Place(self.lesson, self.step - 1, 1, self.guess)
        return Place(self.lesson, before.step, before.stages, self.guess)

    def go(self) -> None:
        """Puts the place into the address."""
        st.query_params["stage"] = str(self.stage)
        if self.lesson is not None:
            st.query_params["step"] = str(self.step)


def place(lesson: Lesson | None) -> Place:
    """The place that the address names; what is out of range becomes the nearest there is."""
    steps = len(lesson.steps) if lesson else 1
    step = _number("step", steps)
    guess = st.query_params.get("guess") == "1"
    here = Place(lesson, step, 1, guess)
    return Place(lesson, step, _number("stage", here.stages), guess)


def _number(name: str, high: int) -> int:
    text = st.query_params.get(name, "1")
    return min(high, max(1, int(text))) if text.isdecimal() else 1
