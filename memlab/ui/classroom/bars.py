"""Bars of a class beside those of model and memory, as HTML: light enough for thirty phones, and redrawn without flicker."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from memlab.figures.theme import CLASS, MEMORY, MODEL, RIGHT, ink
from memlab.ui.classroom.rounds import Bar, Reveal, Tally

COLORS = (CLASS, MODEL, MEMORY)
_CELL = "padding:0.15em 0.5em 0.15em 0;vertical-align:middle"


def three_bars(bars: Sequence[Bar], titles: Sequence[str], right: Reveal | None = None) -> str:
    """A table: for each word a bar for each title (class, model, memory), with its number.

    Args:
        right: the reveal, once the answer is shown; right words get a mark.
    """
    head = "".join(
        f"<th scope='col' style='{_CELL};text-align:left;border-bottom:0.2em solid {color}'>{escape(title)}</th>"
        for title, color in zip(titles, COLORS, strict=False)
    )
    rows = []
    for bar in bars:
        mark = " ✓" if right is not None and right.is_right(bar.word) else ""
        said = f"<span style='font-weight:700'>{escape(bar.word)}</span>{_right(mark)}"
        cells = "".join(
            f"<td style='{_CELL};width:{72 // len(titles)}%'>{_bar(value, color)}</td>"
            for value, color in zip((bar.guessed, bar.model, bar.memory)[: len(titles)], COLORS, strict=False)
        )
        rows.append(
            f"<tr><th scope='row' style='{_CELL};text-align:left;overflow-wrap:anywhere'>{said}</th>{cells}</tr>"
        )
    return _table("Guesses of the class beside model and memory", f"<tr><td></td>{head}</tr>", rows)


def class_bars(counted: Tally) -> str:
    """A table of the guesses alone: word, bar, how many."""
    rows = [
        f"<tr><th scope='row' style='{_CELL};text-align:left;overflow-wrap:anywhere'>{escape(word)}</th>"
        f"<td style='{_CELL};width:75%'>{_bar(n / counted.total, CLASS, str(n))}</td></tr>"
        for word, n in counted.words
    ]
    if counted.others:
        rows.append(f"<tr><td style='{_CELL}'>others</td><td style='{_CELL}'>{counted.others}</td></tr>")
    return _table("Guesses of the class", "", rows)


def _bar(value: float, color: str, said: str | None = None) -> str:
    share = max(0.0, min(1.0, value))
    return (
        "<div style='display:flex;align-items:center;gap:0.4em'>"
        f"<div style='flex:0 1 auto;height:0.9em;width:{70 * share:.1f}%;background:{color};border-radius:0.15em'></div>"
        f"<span style='font-variant-numeric:tabular-nums'>{escape(said or f'{value:.2f}')}</span></div>"
    )


def _right(mark: str) -> str:
    return f"<span style='color:{ink(RIGHT)};font-weight:700' title='right'>{mark}</span>" if mark else ""


def _table(label: str, head: str, rows: Sequence[str]) -> str:
    return f"<table aria-label='{label}' style='width:100%;border-collapse:collapse;font-size:1rem'>{head}{''.join(rows)}</table>"
