"""Views of the page Beliefs that are not about one thing: batches as a job, graphs of one's own, the paper's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.systems.beliefbank.declaration import SYSTEM
from memlab.systems.beliefbank.figures import draw
from memlab.ui.jobs import show_job
from memlab.ui.plain import plain
from memlab.ui.session import show_error

JOB = "beliefs.job"


def batches_view(lab: Lab) -> None:
    """The evaluation in batches as a job, and its result."""
    st.markdown("Questions arrive in batches; the bank grows, is repaired, and feeds later questions.")
    with st.form("beliefs.batches", border=False):
        left, middle, right = st.columns(3)
        error = left.number_input(
            "Simulated error rate",
            0.0,
            0.9,
            0.25,
            0.05,
            key="beliefs.error",
            help="0: the model of the bundled graph; above 0: the truth with this share of wrong answers.",
        )
        entities = middle.number_input("Things", 1, 200, 12, key="beliefs.entities")
        orders = right.number_input("Orders", 1, 10, 2, key="beliefs.orders", help="Intervals are over orders.")
        begin = st.form_submit_button("Run", type="primary", icon=":material/play_arrow:")
    if begin:
        settings = {"simulated": error, "entities": int(entities), "orders": int(orders)}
        job = lab.work.submit("study", "beliefbank: evaluate", system="beliefbank", study="evaluate", settings=settings)
        st.session_state[JOB] = job.id
        st.rerun()
    if (job_id := st.session_state.get(JOB)) is None:
        return
    job = show_job(lab, job_id)
    if job.state != "done":
        return
    found = lab.work.outcome(job_id)
    _result(found if isinstance(found, dict) else found.to_dict())


def _result(document: dict[str, Any]) -> None:
    for note in document["notes"]:
        st.info(plain(note), icon=":material/info:")
    wanted = ("method", "f1", "consistency", "consistency_all", "flips", "unproven", "slowest_s")
    st.dataframe([{name: row[name] for name in wanted} for row in document["results"]], hide_index=True)
    for title, fig in draw(document).items():
        st.markdown(f"**{title}**")
        st.plotly_chart(fig, key=f"beliefs.{title}", alt=f"{title}. The numbers are in the table above.")


def graphs_view(lab: Lab) -> None:
    """Constraint graphs and entities from files."""
    st.markdown(
        "A constraint graph as JSON (memlab's own form, or the links of the BeliefBank data) or csv with the columns source, relation, target, weight; relations are implies, excludes, needs."
    )
    with st.form("beliefs.graph", border=False):
        name = st.text_input("Name", key="beliefs.graph.name", placeholder="my animals")
        file = st.file_uploader("Constraints", ["json", "csv"], key="beliefs.graph.file")
        facts = st.file_uploader(
            "Entities with facts (optional)",
            ["json", "csv"],
            key="beliefs.graph.facts",
            help='JSON: entity -> property -> "yes" or "no". csv: entity, property, label.',
        )
        keep = st.form_submit_button("Keep", type="primary")
    if not keep:
        return
    if file is None:
        st.warning("Choose a file with constraints.", icon=":material/upload_file:")
        return
    try:
        made = lab.beliefs.import_graph(name, _text(file), Path(file.name).suffix.lower())
        if facts is not None:
            made = lab.beliefs.import_entities(name, _text(facts), Path(facts.name).suffix.lower())
    except MemlabError as error:
        show_error(error)
        return
    st.success(
        plain(f"{name}: {len(made.constraints):,} constraints, {len(made.entities):,} entities. Choose it above.")
    )


def _text(file: object) -> str:
    """The text of an uploaded file; characters that are no UTF-8 are shown as such, and no property has them."""
    return file.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]


def paper_view() -> None:
    """What the paper reports; never beside what is measured here."""
    for table in SYSTEM.reported:
        st.markdown(f"**{table.title}**")
        st.dataframe([dict(row) for row in table.rows], hide_index=True)
        st.caption(f"{table.source}. {table.note}")
