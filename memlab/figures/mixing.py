"""How an answer was mixed, in words: the formula's terms, where the answer tips, what the weights of neighbors are.

Generated from the gate's description (`GateInfo`), so that pages, presentation and report describe all methods alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from memlab.figures.sides import end, sentence, two
from memlab.figures.theme import share
from memlab.results import Prediction, TippingPoint


def in_words(p: Prediction) -> str:
    """One or two sentences: what is mixed, where, and by what."""
    info = p.gate.info
    if info.mixes == "nothing":
        return "No memory is used: this is the model's own distribution."
    how = "computed for this context" if info.learned else "one constant"
    if info.mixes == "distributions":
        return f"{info.symbol} = {two(p.gate.value)} is the weight of {info.weighs} in a mixture of two distributions ({how})."
    also = ""
    if p.gate.knn_weight:
        also = f" After the softmax a distribution of neighbors is mixed in with the weight {two(p.gate.knn_weight)}."
    computed = " as computed for this context" if info.learned and not _forced(p) else ""
    return (
        f"{info.symbol} = {two(p.gate.value)}{computed} is the weight of {info.weighs}; retrieved tokens have "
        f"1 − {info.symbol} = {two(1 - p.gate.value)}. They are mixed as vectors, before the softmax: the probabilities at "
        f"the two ends are counterfactuals and do not add up to the answer's.{also}"
    )


def _forced(p: Prediction) -> bool:
    """Whether a setting forces the gate to one of its ends."""
    return p.settings.get("gate", "learned") != "learned"


def in_numbers(p: Prediction, digits: int = 3) -> str:
    """The computation of the answer's probability, in numbers."""
    best, info = p.mixture[0], p.gate.info
    if info.mixes == "nothing":
        return f"{best.p:.{digits}f}"
    if info.mixes == "distributions":
        return p.formula(digits=digits)
    ends = "; ".join(f"{end(info, g)} {d.of(best.id):.{digits}f}" for g, d in (("1", p.lm), ("0", p.knn)))
    return f"{best.p:.{digits}f} at {info.symbol} = {two(p.gate.value)}; {ends}"


def tipping(p: Prediction) -> str:
    """Plain sentences: the value of the gate from which the other side's answer wins, and what holds at the present
    value."""
    said = tipping_texts(p)
    memory_decides = said.start is not None and p.gate.value >= said.start
    return said.at(two(p.gate.value), p.answer, memory_decides)


VALUE, ANSWER = "\x01", "\x02"  # placeholders for the gate's value and the answer in a text that is completed later


@dataclass(frozen=True)
class TippingTexts:
    """The sentences of `tipping` for every value of the gate, with VALUE and ANSWER where they depend on it.

    `start`: the value from which `above` holds instead of `below`; None if `below` always holds.
    """

    below: str
    above: str
    start: float | None

    def at(self, value: str, answer: str, past: bool) -> str:
        """The sentences at one value; `past`: whether it is at or beyond `start`."""
        return (self.above if past else self.below).replace(VALUE, value).replace(ANSWER, answer)


def tipping_texts(p: Prediction) -> TippingTexts:
    """The sentences of `tipping` for every value of the gate."""
    info = p.gate.info
    if info.mixes == "nothing":
        return TippingTexts("", "", None)
    return _of_vectors(p) if info.mixes == "vectors" else _of_distributions(p.tipping)


def tipping_of_distributions(point: TippingPoint, value: float) -> str:
    """The sentences for two distributions that are mixed with the weight `value` of the memory."""
    said = _of_distributions(point)
    return said.at(two(value), "", said.start is not None and value >= said.start)


def _of_distributions(point: TippingPoint) -> TippingTexts:
    symbol = point.symbol
    model, memory = point.model_answer, point.memory_answer
    if point.lam is None:
        agree = f"Model and memory agree on {memory}: no {symbol} changes the answer."
        return TippingTexts(agree, agree, None)
    between = [f"{word} from {symbol} = {low:.2f} to {high:.2f}" for word, low, high in point.others]
    also = f" In between, another word wins: {', '.join(between)}." if between else ""
    if point.lam >= 1:
        text = f"Memory ({memory}) cannot win below {symbol} = 1: the model's {model} stays ahead.{also}"
        return TippingTexts(text, text, None)
    if point.others:
        text = f"Memory's {memory} passes the model's {model} at {symbol} = {point.lam:.2f}.{also}"
        return TippingTexts(text, text, None)
    first = f"Memory wins from {symbol} = {point.lam:.2f}: {memory} instead of {model}. At {symbol} = {VALUE}"
    return TippingTexts(f"{first} the model decides.", f"{first} memory decides.", point.lam)


def _of_vectors(p: Prediction) -> TippingTexts:
    point, info = p.tipping, p.gate.info
    own, memory, symbol = point.model_answer, point.memory_answer, info.symbol
    first, last = (sentence(end_) for end_ in info.ends)
    here = f"At {symbol} = {VALUE} the answer is {ANSWER}."
    if point.lam is None:
        text = f"Both ends give {own}, with the memory alone and without it. {here}"
    elif point.lam >= 1:
        said = f"{memory} ({share(p.knn[0].p)})"
        text = f"{last} ({own}) wins only at {symbol} = 1; {info.ends[0]} gives {said}. {here}"
    else:
        said = f"{memory} ({share(p.knn[0].p)})"
        text = f"{last} wins from {symbol} = {point.lam:.2f}: {own}. {first} ({symbol} = 0) gives {said}. {here}"
    return TippingTexts(text, text, None)


def weight_name(p: Prediction) -> str:
    """The name of a neighbor's weight: "weight" in the memory's distribution, or "attention"."""
    return "attention" if p.gate.info.mixes == "vectors" else "weight"


def share_of_memory(p: Prediction) -> str:
    """The gate in a few words, for a row of a comparison."""
    info = p.gate.info
    if info.mixes == "nothing":
        return "no memory"
    return f"{info.symbol} = {two(p.gate.value)}, the weight of {info.weighs}"
