"""Edits of weights in the ledger: the parameters of a row, and the part "weights" of a workspace's state.

A row names its delta by hash; the fold is the list of active deltas. Undone edits are left out of the sum; deltas that
were trained on top of them do not change. `trained_on` names these edits as sources, so that an undo says which later
edits depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from memlab.lm.delta_refs import DeltaRef
from memlab.record.hash_chain import EditRow
from memlab.record.kinds import EditKind, FormField, MadeBy
from memlab.record.parameters import Checks, check_fields
from memlab.record.weights_state import WEIGHTS, WeightEdit, fold_weights

MOST_FACTS = 100_000

_SHA256 = re.compile("[0-9a-f]{64}")
_EDIT = re.compile(r"edit:([1-9][0-9]{0,8})")


def parameters_of(
    facts: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    model: str,
    weights_hash: str,
    sha256: str,
    on: Sequence[int],
) -> dict[str, Any]:
    """What the ledger records of an edit. `on`: numbers of the edits of this model that were active when it was
    trained."""
    return {
        "facts": [dict(f) for f in facts], "settings": dict(settings), "model": model, "weights_hash": weights_hash,
        "delta": sha256, "trained_on": [{"source": f"edit:{n}"} for n in on],
    }  # fmt: skip


def check(parameters: Mapping[str, Any], sequence: int) -> None:
    """Raises ValueError for parameters that cannot be an edit of weights; the message continues "edit <n> ..."."""
    check_fields(parameters, "parameters", _FIELDS, {}, sequence)


def read(row: EditRow) -> WeightEdit:
    """The edit in a row, as the fold needs it."""
    p = row.parameters
    objects = tuple((f["subject"], f["relation"], f["new"]) for f in p["facts"])
    return WeightEdit(DeltaRef(row.sequence, p["delta"], p["model"], p["weights_hash"]), objects)


def summary(parameters: Mapping[str, Any]) -> str:
    """One line about an edit."""
    facts, s = parameters["facts"], parameters["settings"]
    first = facts[0]
    change = "forgotten" if first["new"] is None else f"{first['object']} -> {first['new']}"
    what = f"{first['relation']} of {first['subject']}: {change}"
    more = f" and {len(facts) - 1} more" if len(facts) > 1 else ""
    limit = "unconstrained" if s["norm"] == "none" else f"{s['norm']} {s['delta']:g}"
    return f"Weights of {parameters['model'][-60:]}: {what[:200]}{more} ({s['method']}, {limit})"


def trained_on(parameters: Mapping[str, Any]) -> tuple[int, ...]:
    """Numbers of the edits that were active when this one was trained."""
    return tuple(int(s["source"].removeprefix("edit:")) for s in parameters["trained_on"])


def _facts(value: Any, sequence: int) -> None:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_FACTS:
        raise ValueError("has facts that are not a list of facts")
    for fact in value:
        check_fields(fact, "a fact", {"subject": _text, "relation": _text, "object": _text, "new": _new}, {}, sequence)


def _text(value: Any, sequence: int) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= 500:
        raise ValueError(f"has {str(value)[:40]!r} where a name is expected")


def _new(value: Any, sequence: int) -> None:
    if value is not None:
        _text(value, sequence)


def _hash(value: Any, sequence: int) -> None:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("names its weights without a SHA-256 hash")


def _settings(value: Any, sequence: int) -> None:
    plain = isinstance(value, dict) and {"method", "norm", "delta"} <= value.keys()
    if not plain or not isinstance(value["method"], str) or value["norm"] not in ("none", "inf", "l2"):
        raise ValueError("lacks the settings of its training")
    delta = value["delta"]
    number = isinstance(delta, int | float) and not isinstance(delta, bool) and delta > 0
    if not (delta is None if value["norm"] == "none" else number):
        raise ValueError(f"has the delta {str(delta)[:40]}, which is not a positive number")


def _sources(value: Any, sequence: int) -> None:
    names = [s.get("source") if isinstance(s, dict) else None for s in value] if isinstance(value, list) else [None]
    if not all(isinstance(n, str) and (m := _EDIT.fullmatch(n)) and int(m[1]) < sequence for n in names):
        raise ValueError("says that it was trained on edits that do not precede it")


_FIELDS: Checks = {
    "facts": _facts, "settings": _settings, "model": _text, "weights_hash": _hash, "delta": _hash, "trained_on": _sources,
}  # fmt: skip


def example(sha256: str) -> dict[str, Any]:
    """An edit of one fact that names a file of weights."""
    fact = {"subject": "France", "relation": "capital", "object": "Paris", "new": "Lyon"}
    return parameters_of([fact], {"method": "ftm", "norm": "inf", "delta": 0.01}, "a model", "0" * 64, sha256, ())


_FACTS = FormField("facts", "Facts", "Facts that the model knows, each with its new object.", "facts")
MODIFY = EditKind(
    "modify", WEIGHTS, check, fold_weights, summary, read, form=(_FACTS,), title="Modify weights", example=example,
    made_by=MadeBy("modify", "modify", "modify"),
)  # fmt: skip
UNLEARN = EditKind(
    "unlearn", WEIGHTS, check, fold_weights, summary, read, form=(_FACTS,), title="Forget in the weights",
    made_by=MadeBy("modify", "modify --forget", "modify"),
)  # fmt: skip
KINDS = (MODIFY, UNLEARN)
