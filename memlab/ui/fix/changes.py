"""The change that a person chooses beside an answer: correct, forget or teach, filled in from the answer."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from memlab import Lab
from memlab.corpus.expected import expected as of_the_world
from memlab.corpus.world import atlas
from memlab.evaluate.causes import answered
from memlab.results import Cause, Fact, Neighbor, Prediction, Verdict
from memlab.results.cause import CORRECT, FORGET, TEACH, Repair
from memlab.results.verdict import plain_word
from memlab.ui.edit.forms import Change
from memlab.ui.plain import plain

OFFERED = 24  # passages that can be chosen
AROUND = 28  # characters of a passage in the menu


def ways(p: Prediction) -> dict[str, str]:
    """Name of a repair -> label of its button, for the repairs that this answer allows."""
    asked = of_the_world(atlas(), p.prompt)
    return {
        **({CORRECT: "Correct"} if asked is not None else {}),
        **({FORGET: "Forget"} if p.neighbors else {}),
        TEACH: "Teach",
    }


def correct(lab: Lab, p: Prediction, wanted: Sequence[str], key: str) -> Change | None:
    """The fact that the prompt asks for, and its new object."""
    asked = of_the_world(atlas(), p.prompt)
    if asked is None:
        return None
    facts = [Fact(asked.subject, asked.relation, answer) for answer in asked.answers]
    old = facts[0]
    if len(facts) > 1:
        old = st.selectbox("In place of", facts, format_func=lambda fact: fact.object, key=f"{key}.old")
    other = [answer for answer in wanted if plain_word(answer) not in {plain_word(fact.object) for fact in facts}]
    label = f"The {atlas().relation(old.relation).label} of {old.subject} is not {old.object} but"
    new = st.text_input(
        plain(label), other[0] if other else "", key=f"{key}.new", placeholder="Type a name", autocomplete="off"
    )
    if not new or not new.strip():
        st.caption("Type the new object; then you see what it changes.")
        return None
    return Change("correct", {"fact": old, "new_object": " ".join(new.split())}, (p.prompt,))


def forget(p: Prediction, wanted: Sequence[str], entry: int | None, key: str) -> Change | None:
    """Some of the passages behind the answer; by default the one that was chosen, or the heaviest wrong one."""
    right = {plain_word(answer) for answer in wanted}
    offered = {n.entry: n for n in p.neighbors[:OFFERED]}
    heaviest = max(
        (n for n in offered.values() if plain_word(n.token) not in right), key=lambda n: n.weight, default=None
    )
    first = entry if entry in offered else heaviest.entry if heaviest else None
    chosen = st.multiselect(
        "Passages",
        list(offered),
        default=[] if first is None else [first],
        format_func=lambda number: _named(offered[number]),
        key=f"{key}.entries.{first}",
        placeholder="Choose passages",
    )
    if not chosen:
        st.caption("Choose a passage; then you see what changes without it.")
        return None
    return Change("forget", {"entries": list(chosen), "datastore": p.datastore}, (p.prompt,))


def teach(repair: Repair | None, key: str) -> Change | None:
    """A sentence, and the word of it that is remembered."""
    text = st.text_area("Sentence", repair.text if repair else "", key=f"{key}.text", height=80)
    word = st.text_input(
        "Remember only this word",
        (repair.word or "") if repair else "",
        key=f"{key}.word",
        placeholder="Empty: every word of the sentence",
        autocomplete="off",
    )
    if not text or not text.strip():
        st.caption("Type a sentence; then you see what it changes.")
        return None
    value = " ".join((word or "").split()) or None
    return Change("teach", {"text": text, "value": value})


def taught_answer(p: Prediction, cause: Cause | None, verdict: Verdict | None) -> Repair | None:
    """What the form of teaching is filled with: the repair of the cause, or the question with the expected answer."""
    found = next((r for r in cause.repairs if r.kind == TEACH), None) if cause else None
    if found is None and verdict is not None and verdict.expected:
        found = answered(p, verdict.expected[0])
    return found


def _named(n: Neighbor) -> str:
    left = n.left[-AROUND:].partition(" ")[2] if len(n.left) > AROUND else n.left
    right = n.right[:AROUND].rpartition(" ")[0] if len(n.right) > AROUND else n.right
    return f"{n.weight:.3f} · {left}[{n.value}]{right} · {n.document}"
