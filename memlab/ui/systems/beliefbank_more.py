"""Views of the page Beliefs that are not about one thing: batches as a job, graphs of one's own, the paper's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.systems.beliefbank.bundled import BUNDLED
from memlab.systems.beliefbank.declaration import SYSTEM
from memlab.systems.beliefbank.figures import draw
from memlab.systems.beliefbank.own_graphs import graph_file
from memlab.ui.app.session import show_error
from memlab.ui.as_table import chart
from memlab.ui.jobs import show_job
from memlab.ui.plain import plain
from memlab.ui.systems.beliefbank_desk import model_names

JOB = "beliefs.job"
SIMULATED = "simulated"


def batches_view(lab: Lab) -> None:
    """The evaluation in batches as a job, and its result."""
    st.markdown("Questions arrive in batches; the bank grows, is repaired, and feeds later questions.")
    with st.form("beliefs.batches", border=False):
        settings = _batch_settings(lab)
        begin = st.form_submit_button("Run", type="primary", icon=":material/play_arrow:")
    if begin:
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


def _batch_settings(lab: Lab) -> dict[str, Any]:
    """What is evaluated: graph, who answers, how much."""
    left, middle, right = st.columns(3)
    graph = left.selectbox("Graph", lab.beliefs.graphs(), key="beliefs.batches.graph")
    model = middle.selectbox(
        "Who answers", [SIMULATED, *model_names(lab)], key="beliefs.batches.model",
        help=f"{SIMULATED}: the truth with a share of wrong answers, for trying the solver.",
    )  # fmt: skip
    error = right.number_input(
        "Simulated error rate", 0.05, 0.9, 0.25, 0.05, key="beliefs.error", help="Only for the simulated answerer."
    )
    entities = left.number_input("Things", 1, 200, 12, key="beliefs.entities")
    questions = middle.number_input(
        "Questions per thing", 0, 1000, 0, key="beliefs.questions", help="At most this many for each; 0: all."
    )
    orders = right.number_input(
        "Orders", 1, 10, 2, key="beliefs.orders", help="Random orders of the questions; intervals are over these."
    )
    settings: dict[str, Any] = {"entities": int(entities), "questions": int(questions), "orders": int(orders)}
    if graph != BUNDLED:
        settings["data"] = str(graph_file(lab.home, graph))
    return {**settings, **({"simulated": error} if model == SIMULATED else {"model": model})}


def _result(document: dict[str, Any]) -> None:
    for note in document["notes"]:
        st.info(plain(note), icon=":material/info:")
    wanted = ("method", "f1", "consistency", "consistency_all", "flips", "unproven", "slowest_s")
    st.dataframe([{name: row[name] for name in wanted} for row in document["results"]], hide_index=True)
    for title, fig in draw(document).items():
        st.markdown(f"**{title}**")
        chart(fig, f"{title}. The numbers are in the table above.", f"beliefs.{title}")


def graphs_view(lab: Lab) -> None:
    """Constraint graphs and entities from files."""
    st.markdown(
        "Rules as JSON (memlab's own form, or the links of the BeliefBank data) or csv with the columns source, relation, target, weight; "
        "relations are implies, excludes, needs. Entities as JSON (entity, property, yes or no) or csv with the columns entity, property, label."
    )
    with st.form("beliefs.graph", border=False):
        name = st.text_input("Name", key="beliefs.graph.name", placeholder="my animals")
        file = st.file_uploader("Rules", ["json", "csv"], key="beliefs.graph.file")
        facts = st.file_uploader("Entities with facts (optional)", ["json", "csv"], key="beliefs.graph.facts")
        calibration = st.file_uploader(
            "Entities for calibration (optional)",
            ["json", "csv"],
            key="beliefs.graph.calibration",
            help="Other entities, on which a model's threshold and temperature are measured.",
        )
        keep = st.form_submit_button("Keep", type="primary")
    if not keep:
        return
    if file is None and facts is None and calibration is None:
        st.warning("Choose a file with rules, or entities for a graph that exists here.", icon=":material/upload_file:")
        return
    try:
        if file is not None:
            lab.beliefs.import_graph(name, _text(file), Path(file.name).suffix.lower())
        for given, of in ((facts, False), (calibration, True)):
            if given is not None:
                lab.beliefs.import_entities(name, _text(given), Path(given.name).suffix.lower(), of)
        made = lab.beliefs.graph(name)
    except MemlabError as error:
        show_error(error)
        return
    st.success(plain(f"{name}: {len(made.constraints):,} rules, {len(made.entities):,} entities. Choose it above."))


def _text(file: object) -> str:
    """The text of an uploaded file; bytes that are not UTF-8 become replacement characters, which match no property."""
    return file.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]


def paper_view() -> None:
    """What the paper reports, apart from what is measured here."""
    for table in SYSTEM.reported:
        st.markdown(f"**{table.title}**")
        st.dataframe([dict(row) for row in table.rows], hide_index=True)
        st.caption(f"{table.source}. {table.note}")
