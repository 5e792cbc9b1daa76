"""Batch: many prompts in one table, each row a link to its answer."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from memlab.corpus.door import lines as lines_of
from memlab.corpus.prompt_table import prompts_of
from memlab.errors import MemlabError
from memlab.results import BatchRow, batch_csv
from memlab.results.batch import tally
from memlab.results.verdict import BOTH_RIGHT, BOTH_WRONG, HELPED, MISLED, RIGHT, WRONG
from memlab.ui.bar import settings_place
from memlab.ui.compare import view
from memlab.ui.downloads import download
from memlab.ui.entry import through_app
from memlab.ui.plain import plain
from memlab.ui.question import Question, choose
from memlab.ui.session import current_lab, show_error
from memlab.ui.sharing import here

REST = ("model", "p_model", "memory", "p_memory", "memory_weight", "error", "open")
MARKS = {HELPED: "✓ ↑", MISLED: "✗ ↓", BOTH_RIGHT: "✓ ✓", BOTH_WRONG: "✗ ✗", RIGHT: "✓", WRONG: "✗"}
MOST = 5  # reasons shown above the table; each row has its own in the column error


def reasons(failed: list[BatchRow]) -> list[tuple[str, str]]:
    """Why lines cannot be asked, with the numbers of the first lines of each reason."""
    lines: dict[str, list[int]] = {}
    for row in failed:
        lines.setdefault(str(row.error), []).append(row.line)
    return [(reason, _numbers(there)) for reason, there in list(lines.items())[:MOST]]


def _numbers(lines: list[int]) -> str:
    more = f" and {len(lines) - MOST} more" if len(lines) > MOST else ""
    return f"{'Line' if len(lines) == 1 else 'Lines'} {', '.join(map(str, lines[:MOST]))}{more}"


def address(question: Question, row: BatchRow) -> dict[str, str]:
    """The view of a row on the page Ask: as it was asked, or, where it could not be, as it was meant."""
    if row.prediction is not None:
        given = row.verdict.expected if row.verdict is not None and row.verdict.source == "given" else ()
        return view(row.prediction) | ({"expected": " | ".join(given)} if given else {})
    return {"prompt": row.prompt, "method": question.method.name, "preset": question.preset}


def marked(row: BatchRow) -> dict[str, str]:
    """The verdict with its mark, where there is one."""
    return {} if row.verdict is None else {"verdict": f"{MARKS[row.verdict.name]} {row.verdict.name}"}


through_app()
lab = current_lab()

st.title("Batch", anchor=False)
st.markdown(
    "One prompt on each line, or a table with the columns *prompt* and *expected* (CSV). Every row says what model, memory "
    "and mixture answer, and opens on the page Ask. Where an answer is expected, also by the bundled world, it says who is "
    "right."
)
with st.form("batch", border=False):
    text = st.text_area(
        "Prompts",
        key="batch.prompts",
        height=180,
        placeholder="The capital of France is [MASK].\nThe painter of Mona Lisa was [MASK].",
    )
    st.form_submit_button("Ask all", type="primary", icon=":material/play_arrow:")
try:
    with settings_place():
        question = choose(lab, text or "")
    for problem in question.problems:
        show_error(problem)
    if not (text or "").strip():
        st.info("Paste prompts, one on each line; lines that cannot be asked will say why.", icon=":material/list:")
        st.stop()
    how = {
        "method": question.method.name,
        "model": question.model,
        "datastore": question.datastore,
        "as_of": question.as_of,
        "preset": question.preset,
        **question.settings,
    }
    with st.spinner("Asking"):
        prompts = prompts_of(lines_of(text))
        rows = lab.ask_many(prompts.lines, prompts.expected, **how)
except MemlabError as error:
    show_error(error)
    st.stop()

failed = [row for row in rows if row.error]
verdicts = [f"{count} {MARKS[name]} {name}" for name, count in tally(rows).items()]
st.caption(plain(f"{len(rows) - len(failed)} of {len(rows)} answered. {' · '.join(verdicts)}"))
for reason, lines in reasons(failed):
    st.warning(plain(f"{lines}: {reason}"), icon=":material/warning:")
table = [
    row.cells() | marked(row) | {"open": f"/ask?{urlencode({**here(), **address(question, row)})}"} for row in rows
]
probability = st.column_config.ProgressColumn(width="small", min_value=0.0, max_value=1.0, format="%.2f")
st.dataframe(
    table,
    hide_index=True,
    column_order=("line", "prompt", "answer", *(("verdict", "expected") if verdicts else ()), "p", *REST),
    column_config={
        "open": st.column_config.LinkColumn("open", display_text="open"),
        "answer": st.column_config.TextColumn(width="medium"),
        "p": probability,
        "p_model": probability,
        "p_memory": probability,
    },
)
download("CSV", batch_csv(rows), "batch.csv", "batch.csv")
