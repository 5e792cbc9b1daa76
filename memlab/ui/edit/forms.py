"""What a person wants to change: the three forms of the Edit page."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import streamlit as st

from memlab import Lab
from memlab.errors import InputError, NotFound
from memlab.record.memory_edits import TEXT_LIMIT
from memlab.results import Edit, Fact
from memlab.ui.app.address import AUTOMATIC, named, unknown_name
from memlab.ui.app.session import show_error
from memlab.ui.article import origin
from memlab.ui.edit.timeline import cloze

WEIGHT = 0.05  # passages with less weight than this hardly change an answer
ASKED = 3  # questions offered about a forgotten document


@dataclass(frozen=True)
class Change:
    """A change that is not made yet.

    `way`: teach, correct or forget; `what`: arguments of that verb; `questions`: prompts that show its effect.
    """

    way: str
    what: dict[str, Any]
    questions: tuple[str, ...] = ()

    def work(self, lab: Lab, author: dict[str, str], dry_run: bool, scores: bool | None = None) -> Edit:
        """Previews the change (`dry_run`) or makes it; `scores` as in `Lab.teach`. Raises MemlabError."""
        ways: dict[str, Callable[..., Edit]] = {"teach": lab.teach, "correct": lab.correct, "forget": lab.forget}
        return ways[self.way](**self.what, **author, dry_run=dry_run, scores=scores)


def teach(lab: Lab) -> Change | None:
    """A sentence or short text; every word of it, or one."""
    with st.form("edit.teach", border=False):
        text = st.text_area(
            "Text",
            key="text",
            bind="query-params",
            height=110,
            placeholder="The capital of Wakanda is Birnin.",
            help=f"A sentence or a short text, at most {TEXT_LIMIT:,} characters. It is found like any passage.",
        )
        word = st.text_input(
            "Remember only this word",
            key="word",
            bind="query-params",
            placeholder="Empty: every word of the text",
            autocomplete="off",
        )
        st.form_submit_button("Preview", icon=":material/visibility:")
    if not text or not text.strip():
        return None
    value = " ".join((word or "").split()) or None
    question = cloze(" ".join(text.split()), value)
    return Change("teach", {"text": text, "value": value}, (question,) if question else ())


def correct(lab: Lab) -> Change | None:
    """A fact, and its new object."""
    fact = fact_field(lab)
    if fact is None:
        return None
    new = st.text_input("New object", key="new", bind="query-params", placeholder="Type a name", autocomplete="off")
    if not new or not new.strip():
        return None
    return Change("correct", {"fact": fact, "new_object": " ".join(new.split())}, (lab.question(fact),))


def forget(lab: Lab) -> Change | None:
    """A document, everything that states a fact, what a prompt finds, or passages by their numbers."""
    targets = {
        "a document": _document,
        "whatever states a fact": _fact,
        "what a prompt finds": _found,
        "passages by number": _numbered,
    }
    for problem in unknown_name("forget", targets):
        show_error(problem)
    chosen = st.segmented_control(
        "What to forget",
        list(targets),
        default="a document",
        required=True,
        key="forget",
        bind="query-params",
    )
    if targets[chosen] is _numbered:  # names its datastore itself
        return _numbered(lab, None)
    return targets[chosen](lab, collection(lab))


def collection(lab: Lab) -> str | None:
    """The datastore whose texts are meant; asked only where there are texts besides the bundled ones."""
    bundled = tuple(info.name for info in lab.models() if info.bundled)
    own = [store.name for store in lab.datastores() if not store.name.startswith(bundled)]
    for problem in unknown_name("texts", own, "datastore"):
        show_error(problem)
    if not own:
        return None
    help = "Whose texts are meant. Automatic: the bundled articles."
    return named(st.selectbox("Datastore", [AUTOMATIC, *own], key="texts", bind="query-params", help=help))


def _document(lab: Lab, datastore: str | None) -> Change | None:
    documents: dict[str, str] = {}
    for article in lab.articles(datastore):
        name = origin(article.id, article.title)
        documents[f"{name} ({article.id})" if name in documents else name] = article.id
    keep_or_replace("document", "document", documents, None)
    title = st.selectbox(
        "Document",
        list(documents),
        index=None,
        key="document",
        bind="query-params",
        placeholder="Type a title, for example France",
    )
    if title is None:
        return None
    facts = [fact for fact in lab.facts() if fact.subject == title][:ASKED]
    what = {"document": documents[title], "datastore": datastore}
    return Change("forget", what, tuple(lab.question(fact) for fact in facts))


def _fact(lab: Lab, datastore: str | None) -> Change | None:
    fact = fact_field(lab)
    return Change("forget", {"fact": fact, "datastore": datastore}, (lab.question(fact),)) if fact else None


def _found(lab: Lab, datastore: str | None) -> Change | None:
    line, bar = st.columns([3, 2], gap="medium")
    prompt = line.text_input(
        "Prompt", key="found", bind="query-params", placeholder="The capital of France is [MASK].", autocomplete="off"
    )
    weight = bar.slider("Weight above", 0.0, 1.0, WEIGHT, 0.01, key="weight", bind="query-params")
    if not prompt or not prompt.strip():
        return None
    return Change("forget", {"prompt": prompt, "weight_above": weight, "datastore": datastore}, (prompt,))


def _numbered(lab: Lab, datastore: str | None) -> Change | None:
    """Entries by their numbers, which are those of one datastore; a link may say what to ask afterwards."""
    line, store = st.columns([3, 2], gap="medium")
    typed = line.text_input("Entries", key="entries", bind="query-params", placeholder="120, 121", autocomplete="off")
    names = [s.name for s in lab.datastores()]
    for problem in unknown_name("counted", names):
        show_error(problem)
    counted = store.selectbox("Counted in the datastore", names, key="counted", bind="query-params")
    numbers = [part.strip() for part in (typed or "").split(",") if part.strip()]
    if not numbers:
        return None
    for number in numbers:
        if not number.isdecimal():
            raise InputError(
                f"{number!r} is no entry. Type whole numbers with commas between them, for example 120, 121."
            )
    about = st.query_params.get("about")
    what = {"entries": [int(number) for number in numbers], "datastore": counted}
    return Change("forget", what, (about,) if about else ())


def fact_field(lab: Lab) -> Fact | None:
    """Three menus bound to the address; each offers only what the one before leaves. None until a subject is chosen."""
    by_subject: dict[str, list[Fact]] = {}
    for fact in lab.facts():
        by_subject.setdefault(fact.subject, []).append(fact)
    about, how, old = st.columns(3)
    with about:
        subject = _menu("subject", "Subject", sorted(by_subject), "Type a name, for example France")
    if subject is None:
        return None
    facts = by_subject[subject]
    labels = {relation.name: relation.label for relation in lab.inventory.relations()}
    with how:
        relation = _menu("relation", "Relation", list(dict.fromkeys(labels[f.relation] for f in facts)))
    with old:
        objects = [f.object for f in facts if labels[f.relation] == relation]
        told = _menu("object", "Object", objects)
    return next((f for f in facts if labels[f.relation] == relation and f.object == told), None)


def _menu(name: str, label: str, options: list[str], placeholder: str | None = None) -> str | None:
    """A selector that starts empty where it has a placeholder, else with its first option."""
    first = None if placeholder else options[0]
    keep_or_replace(name, label, options, first)
    choice: str | None = st.selectbox(
        label,
        options,
        index=None if placeholder else 0,
        key=name,
        bind="query-params",
        placeholder=placeholder,
    )
    return choice


def keep_or_replace(name: str, label: str, options: Collection[str], first: str | None) -> None:
    """Puts `first` in place of a choice that is no longer offered; shows an error where the address names no option."""
    state, asked = st.session_state, st.query_params.get(name)
    if name not in state and asked is not None and asked not in options:
        show_error(NotFound(f"There is no {label.lower()} {asked!r} here."))
    elif name in state and state[name] not in (None, *options):
        state[name] = first
