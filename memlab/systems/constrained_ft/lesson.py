"""What a step of a lesson can do to weights."""

from __future__ import annotations

from collections.abc import Mapping

from memlab.errors import InputError
from memlab.reading.workspace import OpenLab
from memlab.results import Fact
from memlab.systems.constrained_ft.declaration import METHODS, NORMS


def check(arguments: Mapping[str, str]) -> None:
    """Raises InputError for a method, norm or radius that there is not."""
    for name, allowed in (("method", METHODS), ("norm", NORMS)):
        if name in arguments and arguments[name] not in allowed:
            raise InputError(f"The lesson's {name} is {arguments[name]!r}. Allowed: {', '.join(allowed)}.")
    _delta(arguments)


def modify(lab: OpenLab, arguments: Mapping[str, str]) -> None:
    """Gives one fact another object by constrained fine-tuning. Raises MemlabError."""
    how = {name: arguments[name] for name in ("method", "norm") if name in arguments}
    fact = Fact(arguments["subject"], arguments["relation"], arguments["new"])
    lab.modify([fact], delta=_delta(arguments), **how)


def _delta(arguments: Mapping[str, str]) -> float | str | None:
    """The radius; None without a constraint."""
    text = arguments.get("delta", "auto")
    try:
        found = text if text == "auto" else float(text)
    except ValueError:
        raise InputError(f"The lesson's delta is {text!r}; it must be a number or auto.") from None
    return None if arguments.get("norm") == "none" else found
