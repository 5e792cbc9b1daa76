"""The panel for one token of a reading or a generation: what the answer would be with another gate."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from memlab.figures.live import live_answer
from memlab.reading.mixing import tipping_point
from memlab.results import Gate, Generation, Prediction, TippingPoint, Trace, TraceStep
from memlab.results.verdict import verdict
from memlab.ui.mixture.panel import mixture_panel


def token_panel(of: Trace | Generation, step: TraceStep, key: str) -> None:
    """The slider shows counterfactuals of the computed gate. In a passage, the word that follows counts as right."""
    p = as_prediction(of, step)
    follows = step.token.text.strip()
    right = verdict(p, (follows,), "what follows") if isinstance(of, Trace) and follows else None
    titles = ("Model alone and cache", "Memory", "Mixture") if step.cache is not None else None
    mixture_panel(p, key, None, right, titles=titles)


def as_prediction(of: Trace | Generation, step: TraceStep) -> Prediction:
    """The question "what follows here?", with the two ends of the gate as its sides.

    Where distributions are mixed, the model's end is everything but long-term memory: the model, and the continuous cache
    if there is one. So the mixture is linear between the two ends with or without a cache.
    """
    info, gate = of.gate_info, step.token.gate
    assert gate is not None
    assert step.knn is not None
    if info.mixes == "vectors":
        lm, knn = step.lm, step.knn
        lam = float(of.settings.get("lam") or 0.0)
    else:
        lm, knn = step.counterfactuals[str(info.model_end)], step.counterfactuals[str(info.memory_end)]
        lam = info.memory_weight(gate)
    p = Prediction(
        prompt=of.text[: step.token.start].rstrip(),
        method=of.method,
        model=of.model,
        kind="causal",
        datastore=of.datastore or "",
        workspace=of.workspace,
        as_of=of.as_of,
        settings=of.settings,
        lm=lm,
        knn=knn,
        mixture=step.mixture,
        gate=Gate(info, gate, lam),
        neighbors=step.neighbors,
        prompt_tokens=(),
        tipping=tipping_point(lm, knn, info),
        counterfactuals=step.counterfactuals,
        forced=step.forced,
    )
    return p if info.curve == "linear" else replace(p, tipping=_from_stops(p))


def _from_stops(p: Prediction) -> TippingPoint:
    """Up to which stop of the gate, from the model's end, the answer is the model's."""
    own, memory, info = p.lm[0], p.knn[0], p.gate.info
    if own.id == memory.id:
        return TippingPoint(None, own.token, memory.token, symbol=info.symbol)
    live = live_answer(p)
    from_model = list(zip(live.stops, live.first, strict=True))
    if info.model_end:
        from_model.reverse()
    held = [stop for stop, first in takewhile(lambda at: live.ids[at[1]] == own.id, from_model)]
    return TippingPoint(held[-1] if held else float(info.model_end), own.token, memory.token, symbol=info.symbol)
