"""Choosing a fact of the bundled world: subject, relation, object."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

from memlab import Lab
from memlab.errors import NotFound
from memlab.results import Fact
from memlab.ui.session import show_error


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
    """Puts `first` in place of a choice that is no longer offered, and says what the address cannot have."""
    state, asked = st.session_state, st.query_params.get(name)
    if name not in state and asked is not None and asked not in options:
        show_error(NotFound(f"There is no {label.lower()} {asked!r} here."))
    elif name in state and state[name] not in (None, *options):
        state[name] = first
