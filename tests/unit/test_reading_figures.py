"""The strip of tokens, gain by group and the three sources, from a trace made by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from memlab.figures import gain, sources
from memlab.figures.strip import colorings, described, label, legend, number, strip
from memlab.figures.theme import MEMORY, MODEL
from memlab.results import NO_GATE, About, Distribution, GateInfo, Trace, TraceArrays, TraceStep, lambda_gate

VECTORS = GateInfo("spalm", "g", "the model's own state", ("memory", "state"), True, "vectors")
WORDS = ["The", "capital", "<b>", "Paris", "."]
TEXT = "The capital\n\n<b>Paris."


def group(name: str, by: str, tokens: int, gain: float, worsened: float, gate: float = 0.5) -> dict:
    return {by: name, "tokens": tokens, "gain": gain, "gate": gate, "worsened": worsened}


@pytest.fixture
def trace() -> Trace:
    """Five tokens: not predicted, harmed by 0.5 nats, untouched, helped by 2 nats, helped by 0.02 nats."""
    loss = np.array([np.nan, 2.5, 1.0, 1.0, 0.98])
    without = np.array([np.nan, 2.0, 1.0, 3.0, 1.0])
    values = np.array([[-1, -1], [3, 1], [0, 0], [3, 1], [0, 4]])
    arrays = TraceArrays(
        ids=np.arange(5),
        start=np.array([0, 4, 13, 16, 21]),
        end=np.array([3, 11, 16, 21, 22]),
        kind=("function word", "word", "punctuation", "name", "punctuation"),
        frequency=np.array([9, 1, 0, 5, 20]),
        loss=loss,
        loss_without_memory=without,
        gate=np.array([np.nan, 0.1, 0.2, 0.9, 0.3]),
        searched=np.array([False, True, True, True, True]),
        entries=np.where(values < 0, -1, 10 + values),
        values=values,
        weights=np.where(values < 0, np.nan, 0.5),
        distances=np.where(values < 0, np.nan, 1.0),
        cached=np.full((5, 0), -1),
        cached_weights=np.full((5, 0), np.nan),
        top={},
    )
    summary = {
        "tokens": 5,
        "predicted": 4,
        "perplexity": 3.94,
        "perplexity_without_memory": 5.75,
        "mean_gain": 0.38,
        "worsened": 0.25,
        "by_kind": [
            group("name", "kind", 1, 2.0, 0.0, 0.9),
            group("number", "kind", 0, np.nan, np.nan),
            group("word", "kind", 1, -0.5, 1.0, 0.1),
        ],
        "by_frequency": [group("1 to 9", "frequency", 2, 0.75, 0.5)],
    }
    about = About("knn-lm", "hand", "hand", "default", 0, {"k": 2}, lambda_gate("learned"), WORDS)
    return Trace(**vars(about), text=TEXT, arrays=arrays, summary=summary)


def options(html: str) -> list[tuple[str, str, str]]:
    """Class, strength of the color and label of each token."""
    found = re.findall(r'<span class="([^"]*)" role="option".*?aria-label="([^"]*)" style="--a:([\d.]+)"', html)
    return [(classes, strength, said) for classes, said, strength in found]


def test_the_strip_says_with_sign_line_and_label_what_its_color_says(trace: Trace) -> None:
    # The 0.95 quantile of |0.5|, |0|, |2|, |0.02| is 0.5 + 0.85 * 1.5 = 1.775 nats: there the color is strongest (0.75).
    html = strip(trace, "gain", 0, 5, memory=True)
    got = options(html)
    assert [classes for classes, _, _ in got] == ["t gain", "t gain m", "t gain", "t gain p j", "t gain j"]
    assert [strength for _, strength, _ in got] == ["0.00", f"{0.75 * 0.5 / 1.775:.2f}", "0.00", "0.75", "0.01"]
    assert [number("gain", token.gain) for token in trace] == ["", "−0.5", "0", "+2.0", "0"]
    assert got[0][2] == "The; not predicted"
    assert "memory harms by 0.50 nats; surprise 2.50 nats; gate 0.10; memory says Paris, capital" in got[1][2]
    assert "memory helps by 2.00 nats" in got[3][2]
    assert label(trace[4]).count("memory") == 1  # says, but neither helps nor harms
    assert html.count("<hr>") == 1  # the blank line of the text
    assert "&lt;b&gt;" in html
    assert "<b><b>" not in html
    remembered = re.findall(r"<u( class='r')?>([^<]*)</u>", html)
    assert [word for right, word in remembered if right] == ["capital", "Paris", "."]
    assert strip(trace, "gain", 3, 5, memory=False).count("<u") == 0
    assert "−1.8" in legend(trace, "gain")
    assert "+1.8 nats" in legend(trace, "gain")


def test_the_color_of_the_gate_is_the_weight_of_the_memory(trace: Trace) -> None:
    strengths = [float(strength) for _, strength, _ in options(strip(trace, "gate", 0, 5, memory=False))]
    assert strengths[3] == max(strengths)
    spalm = replace(trace, method="spalm", gate_info=VECTORS)  # there g is the weight of the local state
    strengths = [float(strength) for _, strength, _ in options(strip(spalm, "gate", 0, 5, memory=False))]
    assert strengths[1] == max(strengths)
    assert "1 − g" in legend(spalm, "gate")
    assert "λ" in legend(trace, "gate")
    alone = replace(trace, gate_info=NO_GATE)
    assert list(colorings(alone)) == ["surprise"]
    assert list(colorings(replace(alone, settings={"short_term": 8}))) == ["gain", "surprise"]


def test_the_sentence_says_how_many_tokens_memory_worsens(trace: Trace) -> None:
    assert described(trace) == (
        "Perplexity 3.9 with memory, 5.8 without: memory saves 0.38 nats per token on average. "
        "It makes 1 of 4 tokens less likely (25%)."
    )
    costs = replace(trace, summary={**trace.summary, "mean_gain": -0.1})
    assert "memory costs 0.10 nats" in described(costs)


def test_a_token_that_memory_makes_impossible_is_said_to_be(trace: Trace) -> None:
    loss = np.array([np.nan, np.inf, 1.0, 1.0, 0.98])
    alone = replace(
        trace,
        arrays=replace(trace.arrays, loss=loss),
        summary={**trace.summary, "perplexity": None, "mean_gain": None},
    )
    assert number("gain", alone[1].gain) == "−∞"
    assert label(alone[1]) == "capital; memory makes it impossible; gate 0.10; memory says Paris, capital"
    assert options(strip(alone, "gain", 1, 2, memory=True))[0][:2] == ("t gain m", "0.75")
    assert "infinite with memory, 5.8 without: the memory alone is used" in described(alone)
    row = alone[1].to_dict()
    assert (row["loss"], row["gain"], row["impossible"]) == (None, None, True)
    assert not alone[2].to_dict()["impossible"]


def test_groups_are_drawn_with_their_sign(trace: Trace) -> None:
    figure = gain.by_group(trace, "kind")
    gains, worse, gates = figure.data
    assert list(gains.x) == [2.0, -0.5]  # a kind without tokens has no row
    assert list(gains.text) == ["+2.00", "−0.50"]
    assert list(gains.marker.color) == [MEMORY, MODEL]
    assert list(gains.marker.pattern.shape) == ["", "/"]
    assert list(worse.text) == ["0%", "100%"]
    assert list(gates.x) == [0.9, 0.1]
    spalm = gain.by_group(replace(trace, gate_info=VECTORS), "kind")
    assert list(spalm.data[2].x) == pytest.approx([0.1, 0.9])
    assert len(gain.by_group(replace(trace, gate_info=lambda_gate("constant")), "kind").data) == 2
    assert gain.described(trace, "kind") == (
        "Best for name (1 token): mean gain +2.00 nats, 0% made less likely. "
        "Least for word (1 token): mean gain −0.50 nats, 100% made less likely."
    )
    assert gain.described(trace, "frequency") == (
        "words with 1 to 9 entries: mean gain +0.75 nats, 50% made less likely."
    )


def test_three_sources_share_their_words_and_the_gate_is_forced_both_ways(trace: Trace) -> None:
    def over(*p: float) -> Distribution:
        with np.errstate(divide="ignore"):
            return Distribution(np.log(np.array(p)), WORDS)

    lm, knn = over(0.5, 0.3, 0.1, 0.05, 0.05), over(0.0, 0.0, 0.0, 0.8, 0.2)
    mixture = over(0.25, 0.15, 0.05, 0.425, 0.125)
    step = TraceStep(trace[3], lm, knn, mixture, None, (), {"0": lm, "1": knn})
    shown = sources.three_sources(trace, step)
    assert [bars.name for bars in shown.data] == ["Model alone", "Memory", "Mixture"]
    order = sources.compared(trace, step)
    assert order[0] == 3  # the word that really follows comes first
    for bars, said in zip(shown.data, (lm, knn, mixture), strict=True):
        assert list(bars.x) == pytest.approx([said.of(i) for i in order])
    rows = sources.forced(trace, step)
    assert [row["gate"] for row in rows] == [
        "λ = 0: the model alone",
        "λ = 0.90: as computed",
        "λ = 1: the memory alone",
    ]
    assert [row["p(Paris)"] for row in rows] == ["0.050", "0.425", "0.800"]
    assert [row["first word"] for row in rows] == ["The (0.50)", "Paris (0.42)", "Paris (0.80)"]
    spalm = sources.forced(replace(trace, gate_info=VECTORS), step)
    assert spalm[0]["gate"] == "g = 0: memory"
    assert "The actual next word is 'Paris' (0.42)" in sources.described(trace, step)
