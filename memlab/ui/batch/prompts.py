"""The prompts of a batch: pasted or uploaded, with a column of expected answers; restored after a reload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.corpus.door import decoded, lines
from memlab.corpus.prompt_table import EXPECTED, PROMPT, columns_of
from memlab.errors import InputError, MemlabError
from memlab.lab.kept_batches import AskedBatch
from memlab.ui.app.address import whole_number
from memlab.ui.app.session import show_error

BATCH = "batch"  # in the address: the number of the batch
PROMPTS, NAME, COLUMN = "batch.prompts", "batch.name", "batch.expected"
_FILE, _PROBLEM = "batch.file", "batch.problem"
NO_COLUMN = "none: only Atlas knows"
LARGEST = 4_000_000  # bytes of a file
OWN = ("method", "lam")  # controls whose address parameter the page itself writes, unbound


def restore(lab: Lab) -> None:
    """On arrival with a batch in the address, restores its prompts, and the settings that the address does not name."""
    state = st.session_state
    asked = st.query_params.get(BATCH)
    if asked is None or PROMPTS in state:
        return
    number = whole_number(asked)
    try:
        if number is None:
            raise InputError(f"There is no batch {asked[:20]!r}. Give the number of a batch.")
        kept = lab.batches.get(number).asked
    except MemlabError as error:
        del st.query_params[BATCH]
        show_error(error)
        return
    state[PROMPTS], state[NAME], state[COLUMN] = "\n".join(kept.lines), kept.name, kept.expected or NO_COLUMN
    for name, value in kept.how.items():
        if name in st.query_params or value is None or name == "model":
            continue
        if name in OWN:
            st.query_params[name] = f"{value:g}" if name == "lam" else str(value)
        else:
            state[name] = str(value) if name == "as_of" else value


def prompt_input() -> bool:
    """The field for prompts, and an upload that fills it. Returns whether "Ask all" was pressed."""
    with st.form("batch", border=False):
        st.text_area(
            "Prompts",
            key=PROMPTS,
            height=180,
            placeholder="The capital of France is [MASK].\nThe painter of Mona Lisa was [MASK].",
        )
        pressed = st.form_submit_button("Ask all", type="primary", icon=":material/play_arrow:")
    with st.expander("Upload a file", icon=":material/upload_file:"):
        st.file_uploader(
            "CSV, TXT or JSONL; a table needs a column *prompt*, and may have one of expected answers",
            type=["csv", "txt", "jsonl", "tsv"],
            key=_FILE,
            on_change=_take,
            max_upload_size=LARGEST // 1_000_000,
        )
    if (problem := st.session_state.get(_PROBLEM)) is not None:
        show_error(InputError(problem))
    return pressed


def _take() -> None:
    """Puts the uploaded text into the field; where it cannot be read, the field stays as it is."""
    state = st.session_state
    state.pop(_PROBLEM, None)
    file: Any = state.get(_FILE)
    if file is None:
        return
    try:
        state[PROMPTS] = decoded(file.getvalue(), file.name).replace("\r\n", "\n")
        state[NAME] = Path(file.name).name[:80]
        state.pop(COLUMN, None)
    except InputError as error:
        state[_PROBLEM] = str(error)


def expected_column(text: str) -> str | None:
    """The column with the expected answers, for tables only. Raises InputError for a table that cannot be read."""
    found = lines(text)
    columns = columns_of(found)
    state = st.session_state
    if PROMPT not in columns or len(columns) < 2:
        return None
    others = [name for name in dict.fromkeys(columns) if name and name != PROMPT]
    if state.get(COLUMN) not in (*others, NO_COLUMN):
        state[COLUMN] = EXPECTED if EXPECTED in others else NO_COLUMN
    chosen = st.selectbox(
        "Expected answers are in the column",
        [NO_COLUMN, *others],
        key=COLUMN,
        help="Several right answers: Bern | Berne. Questions of the bundled world are judged without it.",
    )
    return None if chosen == NO_COLUMN else chosen


def asked_batch(text: str, expected: str | None, how: dict[str, Any]) -> AskedBatch:
    """The prompts and how they are asked, as they are stored."""
    return AskedBatch(tuple(lines(text)), expected, how, str(st.session_state.get(NAME) or ""))
