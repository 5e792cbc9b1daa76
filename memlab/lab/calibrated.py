"""What the calibration of a datastore says about a method's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memlab.declare import Method, checked
from memlab.errors import InputError
from memlab.systems.registry import registry


def calibration_of(method: Method, calibrated: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The record for a method among those of a datastore; None where its settings are not calibrated there.

    Without one of its own, that of a method which makes p_kNN in the same way, with the settings that p_kNN depends on: k, key
    and the divisor. Lambda belongs to the gate, and stays the method's default.

    Args:
        calibrated: method -> record, as in a datastore's meta.json and a model's card.
    """
    if method.name in calibrated:
        record: Mapping[str, Any] = calibrated[method.name]
        return record
    if method.knn is None:
        return None
    methods = registry().methods
    for name, record in calibrated.items():
        if name in methods and methods[name].knn == method.knn:
            shared = {n: record["settings"][n] for n in (method.knn.divisor, "k", "key") if n in record["settings"]}
            if len(shared) == 3 and _takes(method, shared):
                preferred = record.get("preferred_key")
                kept = preferred is not None and _takes(method, {"key": preferred})
                return {**record, "settings": shared, "preferred_key": preferred if kept else shared["key"]}
    return None


def _takes(method: Method, settings: Mapping[str, Any]) -> bool:
    """Whether these are settings of a method, with values that it allows."""
    try:
        checked(method.settings, settings)
    except InputError:
        return False
    return True


def notice(method: Method, store: str, calibrated: Mapping[str, Any]) -> list[str]:
    """One sentence where the settings of a method with p_kNN are not calibrated on a datastore; else nothing."""
    if method.knn is None or calibration_of(method, calibrated) is not None:
        return []
    return [
        f"The datastore {store!r} is not calibrated for {method.title}: settings that are not given are "
        "those of the paper, which may not suit this model's distances."
    ]
