"""A generated text: what memory made likelier, what is copied from a passage, where texts diverge.

HTML, not a chart: the text wraps, can be searched, and can be read aloud. Colors are never the only cue: there are
also double lines with numbers, signs, and the label of each token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from memlab.figures.theme import MEMORY, share
from memlab.results import CopiedSpan, Generation, GenerationPair, Node

STRONGEST = 0.5  # opacity of a color
MOST_GAIN = 3.0  # nats: twenty times likelier; colors are clipped there
CHOSEN = "✎"
LONGEST = 34  # characters of a branch that are shown
_END = {"end": " ■"}  # the model ended the text


def running(g: Generation) -> str:
    """HTML of the prompt and the tokens of this branch; each is an element with its number in `data-token`."""
    parts = [f'<span class="prompt">{escape(g.prompt)}</span>']
    for i, node in enumerate(g.path()):
        spans = [(n, span) for n, span in enumerate(g.copied, 1) if span.first <= i < span.last]
        begins = "".join(f"<sup>{n}</sup>" for n, span in spans if span.first == i)
        parts.append(_token(g, node, i, spans, begins))
    return "".join(parts) + _END.get(g.ended, "")


def html_of_text_so_far(prompt: str, text: str) -> str:
    """HTML of a prompt and the text generated so far, in the style of the finished text."""
    style = "font-size:1.1rem;line-height:2.1;white-space:pre-wrap;overflow-wrap:anywhere;padding:0.1rem 0.2rem"
    return f'<div style="{style}"><span style="opacity:0.7">{escape(prompt)}</span> {escape(text)}</div>'


def alone(pair: GenerationPair) -> str:
    """HTML of the model's continuation without memory; the part shared with the other text is paler."""
    other = pair.without_memory
    assert other is not None
    at = len(other.tokens) if pair.parted is None else pair.parted - pair.after
    same, own = (escape("".join(t.text for t in part)) for part in (other.tokens[:at], other.tokens[at:]))
    return f'<span style="opacity:0.7">{escape(other.prompt)}{same}</span>{own}{_END.get(other.ended, "")}'


def described(pair: GenerationPair) -> str:
    """One or two sentences: the effect of memory, where the two texts diverge, how much was copied."""
    g = pair.with_memory
    s, tokens = g.summary, g.tokens
    if not tokens:
        return "Nothing has been generated yet."
    if g.gate_info.mixes == "nothing":
        return f"{len(tokens)} tokens by the model alone."
    said = f"Memory changed the most probable word at {s['changed']} of {len(tokens)} steps. "
    other, at = pair.without_memory, pair.parted
    if pair.after == len(tokens):
        said += "Nothing has been generated yet after the token that you chose."
    elif other is not None and at is None:
        said += f"{'After the token that you chose the' if pair.after else 'The'} text is the same with and without it."
    elif other is not None and at is not None:
        there = other.tokens[at - pair.after :]
        with_memory = tokens[at].text.strip() if at < len(tokens) else "nothing more"
        without = there[0].text.strip() if there else "nothing more"
        said += f"The texts diverge at step {at}: {with_memory!r} with memory, {without!r} without."
    if g.copied:
        said += f" {s['copied']:.0%} of the tokens are copied word for word from remembered passages."
    return said


def changed_first(g: Generation) -> int:
    """The first step at which memory changed the most probable word; 0 where it changed none."""
    changed = (i for i, t in enumerate(g.tokens) if t.top["mixture"][0].id != t.top["lm"][0].id)
    return next(changed, 0)


def copied(number: int, span: CopiedSpan) -> str:
    """One line about a span."""
    more = f", and {span.passages - 1} more passages" if span.passages > 1 else ""
    return f"{number} · {span.document}: {span.last - span.first} tokens{more}"


@dataclass(frozen=True)
class BranchLine:
    """A branch as a line of the tree: its depth, the step at which it leaves the line above, and its text from
    there."""

    leaf: int
    depth: int
    step: int
    text: str
    shown: bool


def branch_lines(g: Generation) -> list[BranchLine]:
    """All branches, each below the one that it leaves; the first is the one that was generated first."""
    paths = sorted([node.number for node in g.path(b.leaf)] for b in g.branches if b.leaf is not None)
    lines: list[BranchLine] = []
    for n, path in enumerate(paths):
        leaves = [_shared(path, earlier) for earlier in paths[:n]]
        step = max(leaves, default=0)
        depth = 1 + lines[leaves.index(step)].depth if leaves else 0
        text = "".join(g.nodes[number].token.text for number in path[step:]).strip()
        short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        lines.append(BranchLine(path[-1], depth, step, short, path[-1] == g.leaf))
    return lines


def label(g: Generation, node: Node, spans: list[tuple[int, CopiedSpan]]) -> str:
    """The label of a token, which replaces its color."""
    t = node.token
    parts = [t.text.strip() or "end of the text"]
    if t.loss is not None:
        parts.append(f"probability {share(math.exp(-t.loss))}")
    if g.gate_info.mixes != "nothing":
        without = 0.0 if t.loss_without_memory is None else math.exp(-t.loss_without_memory)
        parts.append(f"without memory {share(without)}")
    if node.chosen:
        parts.append("chosen by you")
    parts += [f"word for word in {span.document} ({n})" for n, span in spans]
    return "; ".join(parts)


def _token(g: Generation, node: Node, i: int, spans: list[tuple[int, CopiedSpan]], begins: str) -> str:
    t = node.token
    gain = MOST_GAIN if t.loss_without_memory is None else t.gain or 0.0
    strength = STRONGEST * min(1.0, max(0.0, gain) / MOST_GAIN) if g.gate_info.mixes != "nothing" else 0.0
    classes = " ".join(["t", *(["copied"] if spans else []), *(["chosen"] if node.chosen else [])])
    said = escape(label(g, node, spans), quote=True)
    text = t.text.lstrip()
    blank = escape(t.text[: len(t.text) - len(text)])
    sign = f"<i>{CHOSEN}</i>" if node.chosen else ""
    within = " joined" if spans and any(span.first < i for _, span in spans) else ""
    return (
        f'<span class="{"copied gap" if within else "gap"}">{blank}</span>'
        f'<span class="{classes}" role="option" tabindex="-1" data-token="{i}" title="{said}" aria-label="{said}" '
        f'style="--a:{strength:.2f}">{begins}{sign}{escape(text) or "■"}</span>'
    )


def _shared(a: list[int], b: list[int]) -> int:
    """How many nodes two branches share."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))


def color() -> str:
    """The memory's color as RGB numbers, for the strip."""
    return " ".join(str(int(MEMORY[i : i + 2], 16)) for i in (1, 3, 5))
