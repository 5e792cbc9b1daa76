"""The workspace of a lesson that makes edits: one for each session, deleted with it."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.corpus.lessons import Lesson
from memlab.lab.lesson_run import LessonRun


@st.cache_resource(scope="session", max_entries=2, show_spinner=False, on_release=LessonRun.end)
def _run(home: str, text: str, _lab: Lab, _lesson: Lesson) -> LessonRun:
    """Cached by the lesson's text, so that an edited lesson starts over."""
    return LessonRun(_lab, _lesson)


def run_of(lab: Lab, lesson: Lesson | None) -> LessonRun | None:
    """The lesson's own workspace, made when it is first needed; None for one that makes no edits. Raises MemlabError."""
    return _run(str(lab.home), lesson.to_json(), lab, lesson) if lesson is not None and lesson.edits else None


def throw_away() -> None:
    """Deletes the workspaces of the lessons of this session."""
    _run.clear()
