"""The vote of the passages, beside their list."""

from __future__ import annotations

from html import escape

from memlab.figures.mixing import weight_name
from memlab.figures.theme import MEMORY, shares, visible
from memlab.figures.votes import decides_alone, votes
from memlab.results import Prediction
from memlab.ui.highlight import chip

SHOWN = 4  # words


def vote_tally(p: Prediction) -> str:
    """HTML: for each word the passages that remember it and their total weight; whether one passage alone decides."""
    found = votes(p)
    if not found:
        return "<span></span>"
    rows = [
        f"<li style='white-space:nowrap'>{chip(vote.token, MEMORY)}: {vote.passages} "
        f"passage{'' if vote.passages == 1 else 's'}, {weight}</li>"
        for vote, weight in zip(found[:SHOWN], shares([vote.weight for vote in found[:SHOWN]]), strict=True)
    ]
    rest = len(found) - SHOWN
    more = f"<li style='opacity:0.85'>{rest} more word{'' if rest == 1 else 's'}</li>" if rest > 0 else ""
    one = decides_alone(p)
    alone = (
        ""
        if one is None
        else f"<div>One passage decides: it has {one.weight:.2f} of the {weight_name(p)}, and says {escape(visible(one.token))}.</div>"
    )
    return (
        f"<ul aria-label='Votes of the passages' style='display:flex;flex-wrap:wrap;gap:0.3rem 1.2rem;list-style:none;"
        f"margin:0;padding:0;font-size:0.95rem'>{''.join(rows)}{more}</ul>{alone}"
    )
