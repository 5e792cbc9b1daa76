"""What a system adds besides methods, edits and studies: chapters with verbs, commands, kinds of jobs, parts of lessons ..."""

from __future__ import annotations

import streamlit as st

from memlab import Lab
from memlab.declare import System
from memlab.ui.plain import plain


def additions_panel(lab: Lab, system: System) -> None:
    """A table of what can be called or typed; nothing for a system that adds nothing."""
    rows = _rows(system)
    if not rows:
        return
    st.header("In Python and on the command line", anchor=False)
    st.table(rows, border="horizontal", hide_index=True)


def _rows(system: System) -> list[dict[str, str]]:
    """One row for each name: what is written, and what it is."""
    found: list[tuple[str, str]] = []
    for chapter in system.chapters:
        found.append((f"lab.{chapter.name}", chapter.help))
        found += [(f"lab.{verb}(...)", f"The same as lab.{chapter.name}.{verb}(...).") for verb in chapter.verbs]
    found += [(f"memlab {command.words}", "A command; --help says more.") for command in system.commands]
    found += [(f"lab.work.submit({work.name!r}, ...)", "A kind of job.") for work in system.work]
    found += [(c.name, "A way to correct a fact, for lab.ways.compare.") for c in system.corrections]
    found += [(f.name, f"A format of models: {f.title}.") for f in system.model_formats]
    found += [(a.name, "An edit that a step of a lesson can make.") for a in system.lesson_actions]
    found += [(c.name, f"A claim of lessons: {c.help}") for c in system.lesson_claims]
    return [{"name": plain(name), "what it is": plain(what)} for name, what in found]
