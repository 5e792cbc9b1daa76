"""The form for building a datastore of one's own: texts, name, model, keys, index."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from memlab import Lab
from memlab.corpus.hub_name import PREFIX
from memlab.corpus.model_kinds import model_kind
from memlab.corpus.one_file import TextOptions
from memlab.corpus.readers import READERS
from memlab.errors import InputError
from memlab.lab.building import BuildRequest
from memlab.lm.model import KEYS
from memlab.memory.index import RECIPES
from memlab.record.job_info import JobInfo
from memlab.ui.library.build_preview import Given, preview

OTHER = "another model"
UPLOAD, FOLDER, HUB = "Upload files", "Folder on this computer", "Data set of the hub"


def build_form(lab: Lab, taken: Collection[str]) -> JobInfo | None:
    """The fields; the job once Build is pressed. Raises MemlabError for what cannot be built.

    Args:
        taken: names of the datastores there are.
    """
    left, right = st.columns(2, gap="large")
    with left:
        way = st.segmented_control(
            "Texts",
            [UPLOAD, FOLDER, HUB],
            default=UPLOAD,
            required=True,
            key="memories.way",
            wrap=True,
            label_visibility="collapsed",
        )
        if way == UPLOAD:
            endings = [ending.removeprefix(".") for ending in READERS]
            most = f"Larger files than the limit shown here are read by their path: {FOLDER}."
            files = st.file_uploader("Texts", [*endings, "gz"], True, key="memories.files", help=most) or []
            path = ""
        elif way == FOLDER:
            files = []
            path = st.text_input("File or folder", key="memories.path", placeholder="/home/ada/letters").strip()
        else:
            files = []
            path = _hub_field()
        kinds = "" if way == HUB else f"{', '.join(READERS)}, each also with .gz. "
        large = " Files of more than 200 MB are read from a folder." if way == UPLOAD else ""
        st.caption(
            f"{kinds}A table has its texts in a column named text, content, body, article or sentence, or in the one named "
            f"here.{large}"
        )
        options = _options(way == FOLDER)
    with right:
        name = st.text_input("Name", key="memories.name", max_chars=80, placeholder="letters", autocomplete="off")
        model, kind = _model(lab)
        keys, index, window, stride = _details(kind)
    waiting = way == UPLOAD and not files  # also while an upload is in progress
    help = "Give a file first; one that is too large (shown in red) is not taken." if waiting else None
    with st.container(horizontal=True):
        build = st.button(
            "Build", key="memories.build", type="primary", icon=":material/construction:", disabled=waiting, help=help
        )
        look = st.button(
            "Preview and estimate",
            key="memories.preview",
            icon=":material/preview:",
            disabled=waiting,
            help=help or "How the texts are read, what is left out, and how large and slow the memory would be.",
        )
    texts = Given(path, tuple((file.name, file.getvalue()) for file in files) if build or look else ())
    if look:
        preview(lab, texts, options, BuildRequest(name or "preview", model, keys, index, window, stride))
    if not build:
        return None
    name = name.strip()
    if name in taken:
        raise InputError(f"There is a memory named {name!r} already. Choose another name, or delete that one first.")
    order = lab.building.order([], name, model, keys, index, window, stride, options)
    order["texts"] = [str(file) for file in texts.paths(lab)]
    return lab.work.submit("build", f"Building the memory {name}", **order)


def _hub_field() -> str:
    """The name of a data set of the hub, with the prefix that marks it; empty where none is typed."""
    name = st.text_input(
        "Data set",
        key="memories.hub",
        placeholder="Salesforce/wikitext:wikitext-2-raw-v1/train",
        help="OWNER/DATASET, then :CONFIG and /SPLIT where needed; the split is train where none is given, and train[:1000] "
        "its first rows. It is fetched for the preview, too. Code of a data set never runs.",
    ).strip()
    return name and PREFIX + name.removeprefix(PREFIX)


def _options(folder: bool) -> TextOptions:
    """How files are read."""
    with st.expander("How files are read", icon=":material/filter_alt:"):
        column = st.text_input(
            "Column of the texts", key="memories.column", placeholder="automatic", autocomplete="off",
            help="In csv, jsonl and parquet files: the column or field that holds the text.",
        ).strip()  # fmt: skip
        hidden = folder and st.checkbox(
            "Hidden files too",
            key="memories.hidden",
            help="In a folder: files and folders whose name begins with a dot.",
        )
        bare = st.checkbox(
            "Without the license of Project Gutenberg", key="memories.bare",
            help="Reads only what is between the START and END marks of a book from there.",
        )  # fmt: skip
    return TextOptions(bool(hidden), column or None, bare)


def _model(lab: Lab) -> tuple[str, str | None]:
    """The chosen model, and its kind where that is known. Models of kinds that make no memories are not offered."""
    kinds = {info.name: info.kind for info in lab.models() if info.method is None and info.kind in tuple(KEYS)}
    chosen = st.selectbox(
        "Model",
        [*kinds, OTHER],
        key="memories.model",
        help="The model reads the texts now and every question later; the memory belongs to it.",
    )
    if chosen != OTHER:
        return chosen, kinds[chosen]
    name = st.text_input(
        "Folder or hub name",
        key="memories.other",
        placeholder="distilbert-base-uncased",
        help="A folder in the Hugging Face form, or a name on its hub (the first use needs the internet).",
    ).strip()
    return name, None


def _details(kind: str | None) -> tuple[tuple[str, ...], str | None, int | None, int | None]:
    """Keys, index, window and stride; empty or None where memlab chooses."""
    known = KEYS[kind] if kind else {key: KEYS[k][key] for k in KEYS for key in KEYS[k]}
    window = stride = None
    with st.expander("Keys and index", icon=":material/tune:"):
        keys = st.multiselect(
            "Keys",
            list(known),
            key="memories.keys",
            placeholder="the usual one",
            help="Which hidden state represents a place in a text; several give a memory each, and the one that "
            "calibration finds best is the default. The usual one is the paper's (ffn) for causal models.  \n"
            + "  \n".join(f"**{key}**: {what}" for key, what in known.items()),
        )
        index = st.selectbox(
            "Index",
            RECIPES,
            index=None,
            key="memories.index",
            placeholder="by size",
            help="flat compares every entry; the others are faster on very large memories and approximate.",
        )
        if kind is None or model_kind(kind).left_to_right:
            window = st.number_input(
                "Window", 2, value=None, key="memories.window", placeholder="automatic",
                help="Causal models: how many tokens are read at once.",
            )  # fmt: skip
            stride = st.number_input(
                "Stride", 1, value=None, key="memories.stride", placeholder="automatic",
                help="Causal models: tokens from the start of one window to the next.",
            )  # fmt: skip
    return tuple(keys), index, window, stride
