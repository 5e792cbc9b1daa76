"""From what a form or a command line was given to the parameters of an edit, as the form of its kind declares them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from memlab.corpus.door import checked_text
from memlab.errors import InputError
from memlab.record.kinds import EditKind, FormField
from memlab.results import Fact

_FACT = ("subject", "relation", "object")
_TRUTH = {"true": True, "false": False}


def form_parameters(kind: EditKind, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an edit from the values of its form; fields that are left empty are left out.

    Args:
        values: name of a field -> its value: of its type, or a text as a person types it ("3", "true",
            "France|capital|Paris", several facts divided by ";"). A number without a fraction becomes an int.

    Raises:
        InputError: the kind has no form or no such field, a required field is empty, or a value is not of its type.
    """
    if not kind.form:
        raise InputError(f"The kind {kind.name!r} declares no form. Give its parameters as JSON.")
    names = [field.name for field in kind.form]
    for name in values:
        if name not in names:
            raise InputError(f"The kind {kind.name!r} has no field {str(name)[:40]!r}. Its fields: {', '.join(names)}.")
    out: dict[str, Any] = {}
    for field in kind.form:
        value = _given(field, values.get(field.name))
        if value is not None:
            out[field.name] = value
        elif field.required:
            raise InputError(f"The field {field.name!r} ({field.label}) is empty. Allowed is {field.allowed}.")
    return out


def as_plain(value: Any) -> Any:
    """The same with facts as JSON objects, for parameters that are given in Python."""
    if isinstance(value, Fact):
        return {name: getattr(value, name) for name in _FACT}
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return value


def _given(field: FormField, value: Any) -> Any:
    """The value of a field as it is recorded; None where it is empty."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return _READ[field.type](value, field)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise InputError(f"{field.name} is {str(value)[:60]!r}; allowed is {field.allowed}.") from None


def _text(value: Any, field: FormField) -> str:
    if not isinstance(value, str):
        raise TypeError
    return checked_text(value, field.label).strip()


def _number(value: Any, field: FormField) -> float | int:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
        return int(value)  # also beyond what a float holds
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return int(number) if number.is_integer() else number


def _choice(value: Any, field: FormField) -> str:
    if value not in field.choices:
        raise ValueError
    return str(value)


def _flag(value: Any, field: FormField) -> bool:
    said = value if isinstance(value, bool) else _TRUTH.get(str(value).strip().lower())
    if said is None:
        raise ValueError
    return said


def _fact(value: Any, field: FormField) -> dict[str, str] | None:
    if isinstance(value, str):
        value = json.loads(value) if value.lstrip().startswith("{") else value.split("|")
    parts = [as_plain(value)[name] for name in _FACT] if isinstance(value, Mapping | Fact) else list(value)
    if all(part is None or not str(part).strip() for part in parts):
        return None
    subject, relation, object_ = (checked_text(part, field.label).strip() for part in parts)
    if not (subject and relation and object_):
        raise ValueError
    return {"subject": subject, "relation": relation, "object": object_}


def _facts(value: Any, field: FormField) -> list[dict[str, str]] | None:
    if isinstance(value, str):
        value = json.loads(value) if value.lstrip().startswith("[") else value.split(";")
    found = [_fact(one, field) for one in value if one]
    return [fact for fact in found if fact is not None] or None


_READ: dict[str, Callable[[Any, FormField], Any]] = {
    "text": _text, "number": _number, "choice": _choice, "flag": _flag, "fact": _fact, "facts": _facts,
}  # fmt: skip
