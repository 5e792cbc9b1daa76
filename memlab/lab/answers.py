"""Answers of every method: the one way to ask, for all chapters."""

from __future__ import annotations

from typing import Any

from memlab.lab.asking import Asking, AskRequest
from memlab.lab.asking_spalm import SPALM_METHODS, AskingSpalm
from memlab.results import Prediction


class Answers:
    """Asks the part of the lab that knows the method."""

    def __init__(self, asking: Asking, spalm: AskingSpalm) -> None:
        self.asking, self.spalm = asking, spalm

    def ask(self, prompt: str, **how: Any) -> Prediction:
        """One prompt through model and memory; arguments and errors as `Lab.ask`."""
        request = AskRequest.of(prompt, how)
        return self.spalm.ask(request) if request.method in SPALM_METHODS else self.asking.ask(request)

    def again(self, p: Prediction, **changed: Any) -> Prediction:
        """The same question with some arguments of `Lab.ask` changed, for example `without=[12]` or `lam=0.9`."""
        asked = {"method": p.method, "model": p.model, "datastore": p.datastore, "as_of": p.as_of, "without": p.without}
        return self.ask(p.prompt, **{**asked, **p.settings, **changed})
