"""Pictures of views that are not questions: a passage read, a text continued, an edit made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import streamlit as st

from memlab import Lab
from memlab.corpus.lessons import Step
from memlab.figures.generated import alone
from memlab.figures.strip import SURPRISE, colorings, legend, strip
from memlab.figures.theme import MEMORY, MIXTURE, MODEL, RIGHT, WRONG, ink
from memlab.lab.lesson_run import Check, generated, passage_read
from memlab.systems.registry import registry
from memlab.ui.highlight import side_heading
from memlab.ui.plain import plain

SHOWN = 120  # tokens of a passage
_STYLE = (Path(__file__).parents[1] / "read" / "strip.css").read_text("utf-8")


def passage(lab: Lab, step: Step, as_of: int | None) -> None:
    """The tokens of a passage, colored by what memory adds, and its perplexity with and without."""
    trace = passage_read(lab, step, as_of)
    offered = colorings(trace)
    coloring = step.parameters.get("color", "")
    coloring = coloring if coloring in offered else next(iter(offered))
    s = trace.summary
    _line(
        f"Perplexity <b>{s['perplexity']:,.1f}</b> with memory, <b>{s['perplexity_without_memory']:,.1f}</b> without. "
        f"{escape(offered[coloring].label)} of each token:"
    )
    colors = "".join(
        f"--{name}: {_rgb(color)};" for name, color in (("memory", MEMORY), ("model", MODEL), ("surprise", SURPRISE))
    )
    tokens = strip(trace, coloring, 0, min(len(trace), SHOWN), False)
    st.html(f"<style>{_STYLE}</style>")
    st.html(f"<div class='strip' style='{colors}max-height:none'>{tokens}</div>")
    st.html(legend(trace, coloring))
    if len(trace) > SHOWN:
        st.caption(f"The first {SHOWN} of {len(trace):,} tokens.")


def text(lab: Lab, step: Step, as_of: int | None) -> None:
    """The prompt continued with memory and by the model alone."""
    pair = generated(lab, step, as_of)
    g = pair.with_memory
    sides = [("With memory", MIXTURE, f"{escape(g.prompt)}<b>{escape(g.continuation)}</b>")]
    if pair.without_memory is not None:
        sides.append(("The model alone", MODEL, alone(pair)))
    for title, color, html in sides:
        st.html(side_heading(title, color))
        _line(html, "1.35rem")
    if g.copied:
        _line(f"Copied from memory: <i>{escape(g.copied[0].text)}</i> ({escape(g.copied[0].document)}).")


def action(step: Step, done: Sequence[Check] | None) -> None:
    """What a step will do; once done, that it did so and the checks after it."""
    if step.do is None:
        return
    if done is None:
        _line(f"Next does this, in the lesson's own workspace: <b>{escape(str(step.do))}</b>", "1.35rem")
        return
    _line(f"Done: <b>{escape(str(step.do))}</b>", "1.35rem")
    checks(done)


def checks(made: Sequence[Check]) -> None:
    """Each claim of a step with a mark: it holds, or what was found instead."""
    for check in made:
        color, mark = (RIGHT, "✓") if check.holds else (WRONG, "✗")
        what = named(check.claim)
        found = "" if check.holds else f" (found: {escape(check.found)})"
        st.html(f"<div><b style='color:{ink(color)}'>{mark}</b> {escape(what)}: {escape(check.says)}{found}</div>")


NAMES = {"active": "active edits", "not answer": "the answer is not"}
PICTURES: dict[str, Callable[[Lab, Step, int | None], None]] = {"read": passage, "generate": text}


def named(claim: str) -> str:
    """A claim as a person reads it: memlab's own in `NAMES`, those of systems as they declare."""
    declared = registry().lesson_claims.get(claim)
    return NAMES.get(claim) or (declared.label if declared is not None else "") or claim


def described(step: Step) -> str:
    """A sentence on where the view of a step is, for steps without a picture of their own."""
    return plain(f"This step is on the page {step.page}. Open the view to go through it.")


def _line(html: str, size: str = "1.15rem") -> None:
    st.html(f"<div style='font-size:{size};line-height:1.6;overflow-wrap:anywhere'>{html}</div>")


def _rgb(color: str) -> str:
    return " ".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))
