"""One prompt through SPALM, which mixes vectors before the softmax."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from memlab.errors import InputError
from memlab.lab.generating import Generating
from memlab.lab.posing import How
from memlab.lm.prompts import read_prompt
from memlab.methods.answer import with_unmet
from memlab.methods.generating import next_step
from memlab.results import Gate, Prediction, Timings, TippingPoint

SPALM_METHODS = ("spalm", "spalm+knn-lm")


class AskingSpalm(Generating):
    """Questions to a SPALM."""

    def ask(
        self,
        prompt: str,
        method: str | None = None,
        model: str | None = None,
        datastore: str | None = None,
        as_of: int | None = None,
        preset: str = "calibrated",
        without: Sequence[int] = (),
        **settings: Any,
    ) -> Prediction:
        """One prompt through model and memory, as `Asking.ask`; method "spalm" or "spalm+knn-lm" asks a SPALM.

        Of a SPALM, `lm` and `knn` are what it says with its gate g forced to 1 (no memory) and to 0 (memory alone),
        `gate.local_weight` is g, and a neighbor's weight is its attention. It has no tipping point in lambda.
        """
        if method not in SPALM_METHODS:
            return super().ask(prompt, method, model, datastore, as_of, preset, without, **settings)
        if without:
            raise InputError("SPALM answers with all of its memory; entries cannot be left out. Forget them instead.")
        start = time.perf_counter()
        self._look_first(How(method, model, datastore), lambda lm: read_prompt(lm, prompt))
        order, mixing, about = self._pose_generation(method, model, datastore, None, as_of, preset, settings)
        read = read_prompt(order.lm, prompt)
        assert order.search is not None
        step, searched, ms = next_step(order, mixing, about["words"], read.ids, read.text)
        knn = step.lm if step.knn is None else step.knn
        prediction = Prediction(
            prompt=read.text,
            method=method,
            model=order.lm.name,
            kind=order.lm.kind,
            datastore=about["datastore"],
            workspace=self.workspace,
            as_of=about["as_of"],
            settings=about["settings"],
            lm=step.lm,
            knn=knn,
            mixture=step.mixture,
            gate=Gate("spalm", mixing.lam, step.token.gate),
            neighbors=step.neighbors,
            prompt_tokens=read.tokens,
            tipping=TippingPoint(None, step.lm[0].token, knn[0].token),
            searched=searched,
            entries=len(order.search.store),
            counterfactuals=step.counterfactuals,
            timings=Timings(ms["forward"], ms["search"], ms["mix"], 1e3 * (time.perf_counter() - start)),
        )
        return with_unmet(prediction, order.lm, about["notices"])
