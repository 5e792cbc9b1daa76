"""The panel for one token of a reading or a generation: what the answer would be with another gate."""

from __future__ import annotations

from dataclasses import replace

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

    Where distributions are mixed, the end at 0 is everything but long-term memory: the model, and the continuous cache
    if there is one. So the mixture is linear between the two ends with or without a cache.
    """
    info, gate = of.gate_info, step.token.gate
    assert gate is not None
    assert step.knn is not None
    if info.mixes == "vectors":
        lm, knn = step.lm, step.knn
        lam = float(of.settings.get("lam") or 0.0)
    else:
        lm, knn, lam = step.counterfactuals["0"], step.counterfactuals["1"], gate
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
        tipping=tipping_point(lm, knn),
        counterfactuals=step.counterfactuals,
    )
    return replace(p, tipping=_of_vectors(p)) if info.mixes == "vectors" else p


def _of_vectors(p: Prediction) -> TippingPoint:
    """The tipping point, to a hundredth: from this gate on, the answer is that of the model's own state."""
    own, memory, symbol = p.lm[0], p.knn[0], p.gate.info.symbol
    if own.id == memory.id:
        return TippingPoint(None, own.token, memory.token, symbol=symbol)
    live = live_answer(p)
    other = [n for n, first in enumerate(live.first) if live.ids[first] != own.id]
    return TippingPoint(live.stops[min(other[-1] + 1, len(live.stops) - 1)], own.token, memory.token, symbol=symbol)
