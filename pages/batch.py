"""Batch: many prompts in one table, who is right, why the others are wrong, and what repairs them."""

from __future__ import annotations

import json

import streamlit as st

from memlab import Lab
from memlab.errors import MemlabError
from memlab.lab.kept_batches import KeptBatch, Note
from memlab.results.batch import summaries_csv, tally
from memlab.ui.app.bar import settings_place
from memlab.ui.app.entry import through_app
from memlab.ui.app.session import current_lab, show_error
from memlab.ui.app.sharing import may_edit
from memlab.ui.ask.answer import chosen_lambda
from memlab.ui.ask.question import LAMBDA, Question, choose
from memlab.ui.batch.prompts import BATCH, PROMPTS, asked_batch, expected_column, prompt_input, restore
from memlab.ui.batch.row import row_panel
from memlab.ui.batch.shown import MARKS, filters, reasons, right_and_wrong, show_all
from memlab.ui.batch.table import open_row, opened_row, table
from memlab.ui.batch.two import beside_another
from memlab.ui.downloads import download
from memlab.ui.plain import plain

_HELD = "batch.held"  # the batch that was asked last, with its state


def ask(lab: Lab, question: Question, text: str, pressed: bool) -> KeptBatch:
    """The batch for these prompts and settings: from the last run, stored earlier, or asked now. Raises MemlabError."""
    expected = expected_column(text)
    lam = chosen_lambda(question.mixing)
    how = {
        "method": question.method.name,
        "model": question.model,
        "datastore": question.datastore,
        "as_of": question.as_of,
        "preset": question.preset,
        **question.settings,
        **({} if lam is None else {LAMBDA: lam}),
    }
    asked = asked_batch(text, expected, how)
    state, held = (lab.workspace, lab.head(), asked), st.session_state.get(_HELD)
    if held is not None and held[0] == state and not pressed:
        return held[1]
    with st.spinner("Asking"):
        kept = lab.batches.ask(asked, keep=may_edit(lab), again=pressed)
    st.session_state[_HELD] = (state, kept)
    return kept


def lambda_slider(question: Question) -> None:
    """The weight of the memory for all rows."""
    lam = chosen_lambda(question.mixing)
    if lam is None or question.mixing is None:
        return
    key = "batch.lam"
    st.session_state[key] = lam
    field = question.mixing
    st.slider(
        "λ, the weight of the memory",
        float(field.low or 0),
        float(field.high or 1),
        key=key,
        step=0.01,
        help=plain(field.help),
        on_change=lambda: st.session_state.update({LAMBDA: st.session_state[key]}),
    )


through_app()
lab = current_lab()

st.title("Batch", anchor=False)
st.markdown(
    "One prompt on each line, or a table with a column *prompt* (CSV with a header, or a JSON object on each line). "
    "Every row says what model, memory and mixture answer, who is right where the right answer is known (from a column "
    "of the table, or from the bundled world), and why a wrong answer is wrong."
)
restore(lab)
pressed = prompt_input()
text = st.session_state.get(PROMPTS) or ""
try:
    with settings_place():
        question = choose(lab, text)
        lambda_slider(question)
    for problem in question.problems:
        show_error(problem)
    if not text.strip():
        st.info("Paste prompts, one on each line, or upload a table; lines that cannot be asked will say why.", icon=":material/list:")  # fmt: skip
        st.stop()
    kept = ask(lab, question, text, pressed)
    notes = lab.batches.notes()
except MemlabError as error:
    show_error(error)
    st.stop()

if kept.id:
    st.query_params[BATCH] = str(kept.id)
rows = kept.rows
verdicts = [f"{count} {MARKS[name]} {name}" for name, count in tally(rows).items()]
answered = sum(row.error is None for row in rows)
st.caption(plain(f"{answered} of {len(rows)} answered. {' · '.join(verdicts)}"))
for reason in reasons(rows):
    st.warning(reason, icon=":material/warning:")
right_and_wrong(rows)
shown = filters(rows, notes)
if len(shown) < len(rows):
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{len(shown)} of {len(rows)} rows", width="content")
        st.button("Show all", key="batch.all", icon=":material/filter_alt_off:", type="tertiary", on_click=show_all)
if shown:
    table(lab, shown, notes, question.preset)
    st.caption(
        "Choose a row to open it below: why, what repairs it, a note (J and K step through the rows). "
        "Ask ↗ opens it on Ask in a new tab."
    )
opened = opened_row(rows)
if opened is not None:
    row_panel(lab, opened, shown, notes.get(opened.prompt, Note()), question.preset)
elif "row" in st.query_params:
    open_row(None)
with st.container(horizontal=True):
    download("CSV: the rows shown", lambda: summaries_csv(shown), "batch.csv", "batch.csv")
    as_json = [row.to_dict() for row in shown]
    download(
        "JSON: the rows shown", lambda: json.dumps(as_json, ensure_ascii=False, indent=1), "batch.json", "batch.json"
    )
st.subheader("Two batches side by side", anchor=False)
beside_another(lab, kept)
