"""The picture of the Guide: a prompt goes to model and memory, their answers are mixed. HTML, so that no text is cut."""

from __future__ import annotations

from memlab.figures.theme import MEMORY, MIXTURE, MODEL

SAYS = "A prompt goes to the model and to its memory; their answers are mixed with the weights 1 − λ and λ."
_BOX = "border-radius:0.8rem;padding:0.8rem 1.1rem;color:#fff;line-height:1.4;flex:1 1 9.5rem"
_ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:0.6rem"
_ARROW = "<span style='font-size:1.5rem;opacity:0.7'>→</span>"


def idea() -> str:
    """HTML of the picture; it wraps on narrow screens."""
    prompt = _box("#3B4454", "Prompt", "… Nile … continent of …", ())
    model = _box(MODEL, "Model", "what its weights have learned", (("Europe", 0.81),))
    memory = _box(MEMORY, "Memory", "what similar passages said", (("Africa", 0.99),))
    mixture = _box(MIXTURE, "Mixture", "the answer that you see", (("Africa", 0.75), ("Europe", 0.20)))
    sides = "".join(
        f"<div style='{_ROW};flex-wrap:nowrap'>{side}<i style='white-space:nowrap;width:4.2rem'>× {weight}</i></div>"
        for side, weight in ((model, "(1 − λ)"), (memory, "λ"))
    )
    return (
        f"<div role='img' aria-label='{SAYS}' style='{_ROW}'>{prompt}{_ARROW}"
        f"<div style='display:grid;gap:0.6rem;flex:2 1 17rem'>{sides}</div>{_ARROW}{mixture}</div>"
    )


def _box(color: str, title: str, text: str, words: tuple[tuple[str, float], ...]) -> str:
    bars = "".join(
        "<div style='display:flex;align-items:center;gap:0.5rem;margin-top:0.3rem'>"
        f"<span style='background:#fff;border-radius:0.25rem;height:0.9rem;width:{6 * p:.2f}rem'></span>{word} {p:.2f}</div>"
        for word, p in words
    )
    return f"<div style='background:{color};{_BOX}'><b style='font-size:1.1rem'>{title}</b><br>{text}{bars}</div>"
