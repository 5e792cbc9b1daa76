"""What is checked of a declaration when its system is registered, so that a wrong one is listed with the reason."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from memlab.declare.columns import ABOUT, OWN, ROLES
from memlab.declare.lesson import LessonAction, LessonClaim
from memlab.declare.method import Method
from memlab.declare.model_format import ModelFormat
from memlab.declare.reserved import SETTINGS_OF, SETTINGS_OF_ASK, SETTINGS_OF_RUN
from memlab.declare.settings import Field, fields
from memlab.declare.surface import Chapter, Command, Correction, LongWork
from memlab.declare.system import Recipe, ReportedTable, Study, System
from memlab.errors import InputError

_PARTS: dict[str, type] = {
    "methods": Method,
    "studies": Study,
    "recipes": Recipe,
    "reported": ReportedTable,
    "chapters": Chapter,
    "commands": Command,
    "work": LongWork,
    "corrections": Correction,
    "model_formats": ModelFormat,
    "lesson_actions": LessonAction,
    "lesson_claims": LessonClaim,
}
_TYPES = (bool, int, float, str)  # of settings


def check_declaration(system: System) -> None:
    """Checks what a system says by itself, without loading its code.

    Raises:
        InputError: a part is of another type, a name cannot be used or is used twice, or settings are not as `setting(...)`
            makes them; one sentence that starts in lower case, with what is allowed.
    """
    if not isinstance(system.name, str) or not system.name.isidentifier():
        raise InputError(
            f"its name {system.name!r} is no identifier; allowed are letters, digits and _, as in 'my_system'."
        )
    for part, kind in _PARTS.items():
        for declared in getattr(system, part):
            if not isinstance(declared, kind):
                raise InputError(
                    f"its {part} hold a {type(declared).__name__}; expected is a memlab.declare.{kind.__name__}."
                )
    for what, named in (("method", system.methods), ("study", system.studies), ("recipe", system.recipes)):
        _check_names(what, [declared.name for declared in named])
    for method in system.methods:
        taken = SETTINGS_OF_ASK.union(*(SETTINGS_OF.get(ability, ()) for ability in method.abilities))
        _check_settings(f"the method {method.name!r}", method.settings, taken)
        named = [field.name for field in fields(method.settings)]
        if method.knn is not None and method.knn.divisor not in named:
            raise InputError(
                f"the method {method.name!r} divides distances by {method.knn.divisor!r}, which is none of its settings; allowed "
                f"is one of {', '.join(named)}."
            )
        if method.knn is None and method.can("explain"):
            raise InputError(
                f"the method {method.name!r} declares the ability 'explain', which is computed from shares of p_kNN; declare knn, "
                "or leave the ability out."
            )
        _check_columns(method)
    for study in system.studies:
        _check_settings(f"the study {study.name!r}", study.settings, SETTINGS_OF_RUN)
    try:
        json.dumps(system.to_dict())
    except (TypeError, ValueError) as error:
        raise InputError(
            f"what it declares cannot be written as JSON ({error}); use texts, numbers and tuples."
        ) from error


def _check_names(what: str, names: Iterable[Any]) -> None:
    counted = Counter(names)
    for name, count in counted.items():
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{name!r} cannot name a {what}; allowed is a text that is not empty.")
        if count > 1:
            raise InputError(f"it declares the {what} {name!r} twice.")


def _check_columns(method: Method) -> None:
    """Raises InputError for columns of a perplexity table that memlab cannot compute, or whose names a file cannot hold."""
    where = f"the columns of the method {method.name!r}"
    if not isinstance(method.columns, Mapping):
        raise InputError(f"{where} are {method.columns!r}; expected is a mapping of names to roles.")
    for name, role in method.columns.items():
        if not isinstance(name, str) or not name.strip() or "," in name or name in ABOUT:
            raise InputError(
                f"{name!r} cannot name a column of the method {method.name!r}; allowed is a text without a comma, other than "
                f"{', '.join(ABOUT)}."
            )
        if role not in ROLES:
            raise InputError(f"{where} name the role {role!r}; allowed is one of {', '.join(ROLES)}.")
        if role in OWN and method.scorer is None:
            raise InputError(
                f"{where} name the role {role!r}, which a scorer computes; declare scorer='module:function'."
            )


def _check_settings(where: str, settings: Any, taken: frozenset[str]) -> None:
    if not isinstance(settings, type) or not dataclasses.is_dataclass(settings):
        given = settings.__name__ if isinstance(settings, type) else repr(settings)
        raise InputError(f"the settings of {where} are {given}; expected is a frozen dataclass made with setting(...).")
    for raw in dataclasses.fields(settings):
        if not {"label", "help"} <= raw.metadata.keys():
            raise InputError(f"the setting {raw.name!r} of {where} has no label and help; make it with setting(...).")
        if raw.name in taken:
            raise InputError(
                f"the setting {raw.name!r} of {where} hides an argument of that name; choose another name."
            )
    for field in fields(settings):
        _check_default(where, field)


def _check_default(where: str, field: Field) -> None:
    """Raises InputError where the default value is not one that the setting allows."""
    default = field.default
    wrong = field.type not in _TYPES
    if not wrong and field.choices:
        wrong = default not in field.choices
    elif field.type in (int, float):
        low, high = field.low, field.high
        wrong = (low is not None and default < low) or (high is not None and default > high)
    if wrong:
        shown = "missing" if default is dataclasses.MISSING else repr(default)
        allowed = field.allowed if field.type in _TYPES else "a number, a text, true or false"
        raise InputError(f"the default of the setting {field.name!r} of {where} is {shown}; allowed is {allowed}.")
