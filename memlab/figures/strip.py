"""The passage as a strip of tokens: the gain of memory for each, and below it the words that memory predicted.

HTML, not a chart: two thousand words are still text that wraps, can be searched, and can be read aloud. Colors are
never the only cue: there are also the line under a word (solid, dotted, none), the number below, and the label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import numpy as np

from memlab.figures.theme import MEMORY, MODEL, visible
from memlab.results import Trace, TraceToken

SHOWN = 4  # remembered tokens under a word, as in the lecture's figure
STRONGEST = 0.75  # opacity of a color
MOST_GAIN = 3.0  # nats: twenty times likelier; colors are clipped there
QUIET_GAIN = 0.05  # nats: less than this is drawn as no difference
SURPRISE = "#7E57C2"  # not one of the three colors: it is about the text, not about a source


@dataclass(frozen=True)
class Coloring:
    """The meaning of a token's color.

    `of` returns the number that is drawn (None: nothing to draw); at `end` the color is strongest.
    """

    label: str
    reading: str
    of: Callable[[TraceToken], float | None]
    end: float


def colorings(trace: Trace) -> dict[str, Coloring]:
    """The colorings that this trace has, by their name in an address."""
    a = trace.arrays
    local = trace.gate_info.mixes == "vectors"
    info = trace.gate_info
    gate = (
        f"1 − {info.symbol}, the weight of what was retrieved"
        if local
        else f"{info.symbol}, the weight of {info.weighs}"
    )
    found = {
        "gain": Coloring(
            "Gain of memory",
            "Orange over a solid line: memory makes the word more likely. Blue over a dotted line: less likely.",
            lambda token: token.gain,
            min(_end(np.abs(trace.gain)), MOST_GAIN),
        ),
        "surprise": Coloring(
            "Surprise",
            "The darker, the less the model and its memory together expected the word (−ln p, in nats).",
            lambda token: token.loss,
            _end(a.loss),
        ),
        "gate": Coloring(
            "Gate",
            f"The darker, the more memory counts: {gate}.",
            (lambda token: None if token.gate is None else 1 - token.gate) if local else lambda token: token.gate,
            _end(1 - a.gate if local else a.gate, 0.05) if trace.gate_kind != "constant" else 1.0,
        ),
    }
    without = trace.gate_kind == "none" and ("gate", "gain")
    short = bool(trace.settings.get("short_term") or trace.settings.get("cache"))
    return {name: c for name, c in found.items() if not without or name == "surprise" or (name == "gain" and short)}


def strip(trace: Trace, coloring: str, first: int, last: int, memory: bool) -> str:
    """HTML of the tokens from `first` to before `last`; each is an element with its number in `data-token`.

    Args:
        coloring: a name of `colorings`.
        memory: show the first remembered tokens under each token; those equal to the token are marked.
    """
    how = colorings(trace)[coloring]
    columns = memory and trace.arrays.entries.shape[1] > 0
    parts = []
    for token in trace[first:last]:
        before = trace.text[trace[token.position - 1].end : token.start] if token.position else " "
        if before.count("\n") > 1 and token.position > first:
            parts.append("<hr>")
        parts.append(_token(token, coloring, how, columns, joined=not before and token.position > first))
    return "".join(parts)


def number(coloring: str, value: float | None) -> str:
    """The number of a token in few characters; a gain with its sign."""
    if value is None:
        return ""
    if np.isinf(value):
        return "−∞" if value < 0 else "∞"
    if coloring == "gain":
        return f"{value:+.1f}".replace("-", "−") if abs(value) >= QUIET_GAIN else "0"
    return f"{value:.2f}" if coloring == "gate" else f"{value:.1f}"


def legend(trace: Trace, coloring: str) -> str:
    """HTML of the scale: a strip of color with its ends in numbers."""
    how = colorings(trace)[coloring]
    two = coloring == "gain"
    color = {"gain": MEMORY, "gate": MEMORY, "surprise": SURPRISE}[coloring]
    low = f"{MODEL}{_hex(STRONGEST)}, " if two else ""
    unit = "" if coloring == "gate" else " nats"
    end = f"{how.end:.{2 if coloring == 'gate' else 1}f}"
    ends = (f"−{end}", f"+{end}{unit}") if two else ("0", f"{end}{unit}")
    bar = (
        f"<span style='display:inline-block;width:7rem;height:0.7rem;border-radius:0.35rem;"
        f"background:linear-gradient(90deg, {low}transparent, {color}{_hex(STRONGEST)})'></span>"
    )
    return (
        "<div style='display:flex;flex-wrap:wrap;gap:0.5rem;align-items:center;font-size:0.85rem;opacity:0.9'>"
        f"<span>{ends[0]}</span>{bar}<span>{ends[1]}</span><span>{escape(how.reading)}</span></div>"
    )


def label(token: TraceToken) -> str:
    """The label of a token, which replaces its color: word, gain, surprise, gate, and the words of memory."""
    parts = [token.text.strip() or "blank"]
    if token.impossible:
        parts.append("memory makes it impossible")
    elif token.gain is not None and abs(token.gain) >= QUIET_GAIN:
        parts.append(f"memory {'helps' if token.gain > 0 else 'harms'} by {abs(token.gain):.2f} nats")
    if not token.impossible:
        parts.append("not predicted" if token.loss is None else f"surprise {token.loss:.2f} nats")
    if token.gate is not None:
        parts.append(f"gate {token.gate:.2f}")
    if token.neighbors:
        parts.append("memory says " + ", ".join(n.token for n in token.neighbors[:SHOWN]))
    return "; ".join(parts)


def described(trace: Trace) -> str:
    """One or two sentences: the gain of memory over the whole passage, and how often it harms."""
    s = trace.summary
    if s["worsened"] is None:
        return "No token was predicted."
    if trace.gate_kind == "none" and s["worsened"] == 0 and not s["mean_gain"]:
        return f"Read by the model alone: perplexity {_figure(s['perplexity'])}."
    worse = round(s["worsened"] * s["predicted"])
    if s["mean_gain"] is None:
        effect = "the memory alone is used, and it gives some tokens probability 0"
    else:
        way = "saves" if s["mean_gain"] >= 0 else "costs"
        effect = f"memory {way} {abs(s['mean_gain']):.2f} nats per token on average"
    return (
        f"Perplexity {_figure(s['perplexity'])} with memory, {_figure(s['perplexity_without_memory'])} without: {effect}. "
        f"It makes {worse} of {s['predicted']} tokens less likely ({s['worsened']:.0%})."
    )


def _token(token: TraceToken, coloring: str, how: Coloring, columns: bool, joined: bool) -> str:
    value = how.of(token)
    strength = 0.0 if value is None else min(1.0, abs(value) / how.end) * STRONGEST
    signed = coloring == "gain" and value is not None and abs(value) >= QUIET_GAIN
    side = ("p" if value > 0 else "m") if signed and value is not None else ""
    classes = " ".join(c for c in ("t", coloring, side, "j" if joined else "") if c)
    said = escape(label(token), quote=True)
    below = f"<i>{number(coloring, value)}</i>" if columns else ""
    below += "".join(_remembered(n.token, n.id == token.id) for n in token.neighbors[:SHOWN]) if columns else ""
    text = escape(token.text.strip() or visible(token.text))
    return (
        f'<span class="{classes}" role="option" tabindex="-1" data-token="{token.position}" title="{said}" '
        f'aria-label="{said}" style="--a:{strength:.2f}"><b>{text}</b>{below}</span>'
    )


def _remembered(word: str, right: bool) -> str:
    return f"<u class='r'>{escape(visible(word))}</u>" if right else f"<u>{escape(visible(word))}</u>"


def _end(values: np.ndarray, least: float = 1.0) -> float:
    """The value of the strongest color: the 95th percentile, so that a single large value does not make the others
    pale."""
    real = values[np.isfinite(values)]
    return max(least, float(np.quantile(real, 0.95))) if len(real) else least


def _hex(opacity: float) -> str:
    return f"{round(255 * opacity):02X}"


def _figure(value: float | None) -> str:
    return "infinite" if value is None else f"{value:,.1f}"
