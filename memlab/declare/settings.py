"""Settings as a frozen dataclass whose fields carry label, range and help.

Methods and studies declare one `Settings` dataclass each. Widgets, command-line options, links, checks and
documentation are all made from its fields.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memlab.errors import InputError


@dataclass(frozen=True)
class Field:
    """One setting as a page or a command line needs it."""

    name: str
    type: type
    default: Any
    label: str
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    log: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values in words, as error messages say them."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.type is str:
            return "a text"
        if self.type is bool:
            return "true or false"
        number = "a whole number" if self.type is int else "a number"
        if self.low is not None and self.high is not None:
            return f"{number} from {self.low:g} to {self.high:g}"
        return number


def setting(
    default: Any,
    label: str,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    choices: tuple[str, ...] = (),
    log: bool = False,
) -> Any:
    """A dataclass field that carries what a widget and an error message need.

    Args:
        default: the paper's value.
        label: short name on the page; for the field's symbols use Unicode.
        help: one or two sentences: what it does and what larger values mean.
        low, high: inclusive range of a number.
        step: step of a slider.
        choices: the allowed strings, for a setting that is a choice.
        log: whether a slider should be logarithmic.
    """
    meta = {"label": label, "help": help, "low": low, "high": high, "step": step, "choices": choices, "log": log}
    return dataclasses.field(default=default, metadata=meta)


def fields(settings: type) -> list[Field]:
    """The fields of a `Settings` dataclass, in order."""
    out = []
    for f in dataclasses.fields(settings):
        out.append(Field(f.name, type(f.default), f.default, **f.metadata))
    return out


def checked(settings: type, values: Mapping[str, Any], base: Any = None) -> Any:
    """A `settings` object from `values`, completed by `base` (or the defaults), every value checked.

    Numbers and truth values may come as text (from an address or a command line).

    Raises:
        InputError: unknown name, wrong type, or out of range; says what is allowed.
    """
    known = {f.name: f for f in fields(settings)}
    for name in values:
        if name not in known:
            raise InputError(f"There is no setting {name!r}. Allowed here: {', '.join(known)}.")
    start = dataclasses.asdict(base) if base is not None else {n: f.default for n, f in known.items()}
    start.update({name: checked_value(known[name], value) for name, value in values.items()})
    return settings(**start)


_TRUTH = {"true": True, "false": False}  # as Python, an address or a command line writes them


def checked_value(field: Field, value: Any) -> Any:
    """The value of one setting, from text where it comes from an address. Raises InputError, which says what is allowed."""
    wrong = InputError(f"{field.name} is {value!r}; allowed is {field.allowed}.")
    if field.choices:
        if value not in field.choices:
            raise wrong
        return value
    if field.type is str:
        if not isinstance(value, str) or not value.strip():
            raise wrong
        return value.strip()
    if field.type is bool:
        truth = _TRUTH.get(str(value).strip().lower())
        if truth is None:
            raise wrong
        return truth
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise wrong
    if field.type is int and number != int(number):
        raise wrong
    if (field.low is not None and number < field.low) or (field.high is not None and number > field.high):
        raise wrong
    return int(number) if field.type is int else number
