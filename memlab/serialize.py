"""Results and declarations as JSON-compatible values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

_ATOMS = (str, int, float, bool, type(None))


def as_json(result: Any, *names: str) -> dict[str, Any]:
    """A dataclass as a dictionary of JSON-compatible values.

    Args:
        result: the instance. Its own `to_dict` is not called, so that `to_dict` can call this.
        names: fields and properties to take, in this order. Default: all fields.
    """
    kind: Any = type(result)
    return {name: json_value(getattr(result, name)) for name in names or _fields(kind)}


def json_value(value: Any) -> Any:
    """Tuples become lists, arrays nested lists, objects what their `to_dict` gives, other dataclasses their fields."""
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Mapping):
        return {key: json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if hasattr(value, "tolist"):  # arrays and numbers of numpy
        return value.tolist()
    return as_json(value) if is_dataclass(value) else value


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def filled(kind: type[T], /, **values: Any) -> T:
    """An instance of a frozen dataclass without slots or `__post_init__`, made without its `__init__`: setting the
    fields of a frozen object one by one takes most of the time of reading thousands of rows.

    Every field without a default value must be given; the others have theirs from the class.
    """
    made = object.__new__(kind)
    made.__dict__.update(values)
    return made
