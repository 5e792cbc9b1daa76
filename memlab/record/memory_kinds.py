"""The kinds of edits that change memory: teach, forget and correct, and their combined effect (`Changes`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from memlab.memory.changes import Changes, Taught
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import EditKind, FormField, MadeBy, register_kind
from memlab.record.parameters import check_correct, check_forget, check_teach
from memlab.results import Source

MEMORY = "memory"

_SOURCE = ("corpus", "document", "start", "end", "text")


class Effect(NamedTuple):
    """What one edit forgets and teaches."""

    forgets: frozenset[Source]
    teaches: Taught | None


def sources_of(parameters: Mapping[str, Any]) -> tuple[Source, ...]:
    """What an edit with these parameters forgets."""
    return tuple(Source(**{name: s[name] for name in _SOURCE}) for s in parameters.get("forgets", ()))


def taught_by(seq: int, parameters: Mapping[str, Any]) -> Taught | None:
    """What the edit with this number and these parameters teaches."""
    if (lesson := parameters.get("teaches")) is None:
        return None
    spans = None if lesson["spans"] is None else tuple((int(a), int(b)) for a, b in lesson["spans"])
    return Taught(seq, lesson["title"], lesson["text"], spans)


def effect_of(row: EditRow) -> Effect:
    """What a row forgets and teaches."""
    return Effect(frozenset(sources_of(row.parameters)), taught_by(row.sequence, row.parameters))


def fold_memory(effects: Sequence[Effect], head: int) -> Changes:
    """The memory after these edits, the last of the ledger being number `head`."""
    removed = frozenset[Source]().union(*(effect.forgets for effect in effects))
    return Changes(head, removed, tuple(effect.teaches for effect in effects if effect.teaches))


def changes_of(rows: Sequence[EditRow], head: int) -> Changes:
    """The state of memory after active rows of a ledger; those of other parts change no memory."""
    return fold_memory([effect_of(row) for row in rows if row.kind in MEMORY_KINDS], head)


def _teaching(parameters: Mapping[str, Any]) -> str:
    return f"Taught: {_short(parameters['teaches']['text'])}"


def _forgetting(parameters: Mapping[str, Any]) -> str:
    if (fact := parameters.get("fact")) is not None:
        return f"Forgot that the {fact['relation']} of {fact['subject']} is {fact['object']}"
    places = len(parameters["forgets"])
    found = f" found for: {_short(parameters['prompt'])}" if "prompt" in parameters else ""
    return f"Forgot {'1 place' if places == 1 else f'{places:,} places'}{found}"


def _correcting(parameters: Mapping[str, Any]) -> str:
    fact = parameters["fact"]
    return _short(f"Corrected {fact['relation']} of {fact['subject']}: {fact['object']} -> {parameters['new_object']}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:157] + "..."


_TEXT = FormField("text", "Text", "A sentence or short text to remember.")
_VALUE = FormField("value", "Only this word", "Remember only the occurrences of this word.", required=False)
_FACT = FormField("fact", "Fact", "Subject, relation and object as the memory states them.", "fact")
_NEW = FormField("new_object", "New object", "What is taught in place of the old object.")

TEACH = EditKind(
    "teach", MEMORY, check_teach, fold_memory, _teaching, effect_of, form=(_TEXT, _VALUE), title="Teach",
    made_by=MadeBy("teach", "teach", "edit"),
)  # fmt: skip
FORGET = EditKind(
    "forget", MEMORY, check_forget, fold_memory, _forgetting, effect_of, form=(_FACT,), title="Forget",
    made_by=MadeBy("forget", "forget", "edit"),
)  # fmt: skip
CORRECT = EditKind(
    "correct", MEMORY, check_correct, fold_memory, _correcting, effect_of, form=(_FACT, _NEW), title="Correct",
    made_by=MadeBy("correct", "correct", "edit"),
)  # fmt: skip
MEMORY_KINDS = {kind.name: register_kind(kind) for kind in (TEACH, FORGET, CORRECT)}
