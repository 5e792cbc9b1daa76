"""What the panel of an answer is given to draw: the data of its component."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from streamlit.testing.v1 import AppTest

from memlab.figures.live import LiveAnswer


def panels(page: AppTest) -> list[dict[str, Any]]:
    found = [element.proto for element in page.get("bidi_component")]
    return [json.loads(proto.json) for proto in found if proto.component_name == "memlab_mixture"]


def panel(page: AppTest) -> dict[str, Any]:
    (only,) = panels(page)
    return only


def lam(page: AppTest) -> float:
    """The gate's value on the page."""
    data = panel(page)
    return float(data["stops"][data["at"]])


def sentence(page: AppTest) -> str:
    data = panel(page)
    return str(data["left"] + data["words"][data["first"][data["at"]]] + data["right"])


def first_p(page: AppTest) -> float:
    """Probability of the answer, computed from the two sides as the component does."""
    data = panel(page)
    live = LiveAnswer(**{field.name: data[field.name] for field in fields(LiveAnswer)})
    return live.p(live.at)[live.first[live.at]]


def tipping(page: AppTest) -> str:
    data = panel(page)
    text, at = data["tipping"], data["stops"][data["at"]]
    said = text["above"] if text["start"] is not None and at >= text["start"] else text["below"]
    value = f"{at:.2f}" if abs(round(at, 2) - at) < 5e-4 else f"{at:.3f}"
    return str(said.replace("\x01", value).replace("\x02", data["words"][data["first"][data["at"]]]))


def said(page: AppTest) -> str:
    """All that a person reads there; nothing where there is no panel."""
    return "\n".join(
        text
        for data in panels(page)
        for text in (
            sentence(page),
            f"p = {first_p(page):.2f}",
            *(side["title"] for side in data["panels"]),
            "".join(text for _, text in data["head"]),
            tipping(page),
        )
    )
