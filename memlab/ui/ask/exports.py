"""Export of an answer as report, JSON, CSV and Python; pin it, present it, add it to a lesson."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.corpus.world import MASK
from memlab.results import Prediction
from memlab.ui.app.bar import present_place
from memlab.ui.app.keyboard import PRESENT
from memlab.ui.app.links import link_to, tab_to
from memlab.ui.ask.compare import pin_controls, view
from memlab.ui.downloads import as_json, download, show_python
from memlab.ui.explanations.for_report import opened, opened_views
from memlab.ui.lesson_form import add_to_lesson


def present_in_bar(p: Prediction) -> None:
    """The link to Present: in the control bar, or in the page itself where there is no bar."""
    place = present_place()
    if place is None:
        tab_to("present", "Present", view(p), "slideshow", PRESENT)
        return
    with place:
        tab_to("present", "Present", view(p), "slideshow", PRESENT)


def open_elsewhere(p: Prediction) -> None:
    """Links to the same question on other pages: Read for its sentence with the answer, Generate for its prompt."""
    left = p.prompt.partition(MASK)[0].strip()
    sentence = p.prompt.replace(MASK, p.answer) if MASK in p.prompt else f"{p.prompt.rstrip()} {p.answer}"
    for page, label, icon, view_there in (
        ("read", "Open in Read", "auto_stories", {"passage": "Text", "text": sentence}),
        ("generate", "Open in Generate", "account_tree", {"prompt": left}),
    ):
        if left:  # method, memory and settings are carried over by themselves
            link_to(page, label, view_there, icon)


def exports(lab: Lab, p: Prediction) -> None:
    """Three files, written when they are asked for, the code, and where else the view can go."""
    now = opened()
    with st.container(horizontal=True, vertical_alignment="center"):
        pin_controls(p)
        open_elsewhere(p)
        add_to_lesson(lab, p)
        download(
            "Report",
            lambda: lab.reports.html(p, opened_views(lab, p, now)),
            "report.html",
            "ask.report",
            icon=":material/description:",
            help="One file with words, neighbors, settings and versions; opens without a network",
        )
        download("JSON: the whole answer", as_json(p), "prediction.json", "ask.json")
        download("CSV: the neighbors", p.neighbors_csv, "neighbors.csv", "ask.csv")
    show_python(lambda: lab.reports.code(p), "ask.python")
