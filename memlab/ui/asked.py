"""The answer that an address of the Ask page stands for, without its controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memlab import Lab
from memlab.errors import InputError
from memlab.results import Prediction
from memlab.ui.address import named, whole_number
from memlab.ui.as_of import NOW


def asked(lab: Lab, parameters: Mapping[str, str]) -> Prediction:
    """Asks what the query parameters of the Ask page say. Raises MemlabError for what cannot be had."""
    methods = lab.methods()
    prompt, name = parameters.get("prompt", ""), parameters.get("method")
    fields = methods[name].fields() if name in methods else [f for m in methods.values() for f in m.fields()]
    known = {field.name for field in fields}
    moment = parameters.get("as_of", NOW)
    edit = whole_number(moment)
    if moment != NOW and edit is None:
        raise InputError(f"as_of is {moment!r}; allowed are {NOW} and the number of an edit.")
    settings: dict[str, Any] = {key: value for key, value in parameters.items() if key in known}
    return lab.ask(
        prompt,
        method=name,
        model=named(parameters.get("model")),
        datastore=named(parameters.get("datastore")),
        as_of=edit,
        preset=parameters.get("preset", "calibrated"),
        **settings,
    )
