"""One prompt through SPALM, which mixes vectors before the softmax."""

from __future__ import annotations

import time

from memlab.errors import InputError
from memlab.lab.asking import AskRequest
from memlab.lab.context import Context
from memlab.lab.generating import Generating, GenerationRequest
from memlab.lm.prompts import read_prompt
from memlab.methods.answer import with_unmet
from memlab.methods.generating import next_step
from memlab.results import Gate, Prediction, Timings, TippingPoint

SPALM_METHODS = ("spalm", "spalm+knn-lm")


class AskingSpalm:
    """Questions to a SPALM."""

    def __init__(self, context: Context, generating: Generating) -> None:
        self.context, self.generating = context, generating

    def ask(self, request: AskRequest) -> Prediction:
        """The answer of a SPALM to a question; method "spalm" or "spalm+knn-lm".

        `lm` and `knn` are the distributions with its gate g forced to 1 (no memory) and to 0 (memory alone),
        `gate.local_weight` is g, and a neighbor's weight is its attention. It has no tipping point in lambda.

        Raises:
            InputError: entries are left out. MemlabError: whatever cannot be used.
        """
        if request.without:
            raise InputError("SPALM answers with all of its memory; entries cannot be left out. Forget them instead.")
        start = time.perf_counter()
        asked = GenerationRequest(
            request.prompt,
            str(request.method),
            request.model,
            request.datastore,
            as_of=request.as_of,
            preset=request.preset,
            settings=request.settings,
        )
        self.generating.resolver.check_text_first(asked.reading(), lambda lm: read_prompt(lm, asked.prompt))
        order, mixing, about = self.generating.resolve(asked)
        read = read_prompt(order.lm, asked.prompt)
        assert order.search is not None
        step, searched, ms = next_step(order, mixing, about["words"], read.ids, read.text)
        knn = step.lm if step.knn is None else step.knn
        prediction = Prediction(
            prompt=read.text,
            method=asked.method,
            model=order.lm.name,
            kind=order.lm.kind,
            datastore=about["datastore"],
            workspace=self.context.workspace,
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
