"""The component behind the answer: the data it gets, and the value it returns once its slider rests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from memlab.figures.live import live_answer
from memlab.figures.mixing import VALUE, tipping_texts
from memlab.figures.sides import said, sides, two
from memlab.figures.theme import MEMORY, MIXTURE, MODEL, RIGHT, WRONG, visible
from memlab.results import Prediction
from memlab.results.verdict import Verdict, ids_of
from memlab.ui.mixture.texts import around, head, verdict_texts

LONGEST = 24  # characters of a word in the table
_HERE = Path(__file__).parent
_COLORS = {"model": MODEL, "memory": MEMORY, "mixed": MIXTURE, "right": RIGHT, "wrong": WRONG}
_STYLE = ".answer { " + " ".join(f"--{name}: {color};" for name, color in _COLORS.items()) + " }\n"
_PANEL = st.components.v2.component(
    "memlab_mixture",
    html=(_HERE / "mixture.html").read_text("utf-8"),
    css=_STYLE + (_HERE / "mixture.css").read_text("utf-8"),
    js=(_HERE / "mixture.js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Settled:
    """What happens once the slider rests: `take` is called with its value. `default`: where Back returns to."""

    default: float
    take: Callable[[float], None]


def mixture_panel(
    p: Prediction,
    key: str,
    settled: Settled | None,
    verdict: Verdict | None = None,
    large: bool = False,
    titles: Sequence[str] | None = None,
) -> None:
    """The completed prompt, a slider, the bars of each side, the formula and the tipping point.

    Args:
        settled: None where the gate is computed; the slider then shows counterfactuals and changes nothing else.
        large: for a projector. titles: of the sides, where they differ from those of a question.
    """

    def rested() -> None:
        value = st.session_state[key].settled
        if settled is not None and value is not None:
            settled.take(float(value))

    data = content(p, settled, verdict, large)
    for side, title in zip(data["panels"], titles or (), strict=False):
        side["title"] = title
    _PANEL(key=key, data=data, on_settled_change=rested)


def content(p: Prediction, settled: Settled | None, verdict: Verdict | None, large: bool) -> dict[str, Any]:
    """What the component draws, as JSON."""
    info, shown = p.gate.info, sides(p)
    right = ids_of(p, verdict.expected) if verdict is not None else ()
    likeliest = sorted(right, key=lambda i: -(p.lm.of(i) + p.knn.of(i)))[:1]  # one row for "Amphibian" and "amphibian"
    live = live_answer(p, also=likeliest, stops=() if settled is None else (settled.default,))
    left, after = around(p)
    place = {word: n for n, word in enumerate(live.ids)}
    return {
        **live.to_dict(),
        "labels": [_label(word) for word in live.words],
        "symbol": info.symbol,
        "settable": settled is not None,
        "left": left,
        "right": after,
        "panels": [
            {"kind": kind, "title": side.title}
            for kind, side in zip(("model", "memory", "mixture") if len(shown) > 1 else ("model",), shown, strict=True)
        ],
        "otherwise": f"If {info.symbol} were {VALUE} (counterfactual)" if settled is None and len(shown) > 1 else "",
        "caption": f"Probability of each word on each side. {said(p)}",
        "firstModel": place[p.lm[0].id],
        "firstMemory": place[p.knn[0].id],
        "label": "λ, the weight of the memory"
        if settled is not None
        else f"What if {info.symbol}, the weight of {info.weighs}, were",
        "note": "" if settled is not None else f"Computed for this context: {info.symbol} = {two(p.gate.value)}.",
        "back": f"Back to {two(p.gate.value)}",
        "head": head(p),
        "tipping": asdict(tipping_texts(p)),
        "verdict": None
        if verdict is None
        else {
            "expected": " | ".join(verdict.expected),
            "right": [place[i] for i in right if i in place],
            "texts": verdict_texts(p, verdict),
        },
        "large": large,
    }


def _label(word: str) -> str:
    shown = visible(word).strip("Ġ▁ ") or visible(word)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
