"""One answer as a file, with everything that is needed to reproduce it."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import memlab
from memlab.lab.context import Context
from memlab.lm.catalogue import load
from memlab.results import Prediction
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.figures.report import View

LIBRARIES = ("torch", "transformers", "tokenizers", "faiss-cpu", "numpy")


class Reports:
    """Commands and code that reproduce an answer, and reports of it as files."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def command(self, p: Prediction) -> str:
        """The shell command that asks the same again; raises nothing."""
        options = {"method": p.method, "model": p.model, "datastore": p.datastore, "as-of": p.as_of, **p.settings}
        words = [f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value != ""]
        words += [f"--without {entry}" for entry in p.without]
        if p.workspace != "default":
            words.append(f"--workspace {shlex.quote(p.workspace)}")
        return f"memlab ask {shlex.quote(p.prompt)} {' '.join(words)}"

    def code(self, prediction: Prediction) -> str:
        """Python code that makes the same prediction in a notebook; raises nothing."""
        given = "".join(f", {name}={value!r}" for name, value in prediction.settings.items())
        left_out = f", without={list(prediction.without)}" if prediction.without else ""
        return (
            "from memlab import Lab\n\n"
            f"lab = Lab.open(workspace={prediction.workspace!r})\n"
            f"p = lab.ask({prediction.prompt!r}, method={prediction.method!r}, model={prediction.model!r},\n"
            f"            datastore={prediction.datastore or None!r}, as_of={prediction.as_of}{left_out}{given})\n"
            "p  # a notebook displays it; p.to_dict() has everything\n"
        )

    def versions(self, p: Prediction) -> dict[str, str]:
        """Versions of memlab and its libraries, and hashes of the model and the texts behind an answer.

        Raises:
            NotFound: the model is no longer there.
        """
        out = {"memlab": memlab.__version__, "Python": platform.python_version()}
        out |= {name: version(name) for name in LIBRARIES}
        out[f"weights of {p.model} (sha256)"] = load(p.model).weights_hash
        of_texts = registry().method(p.method).memory is None
        if p.datastore and of_texts and self.context.shelf.is_built(p.datastore):
            out[f"texts of {p.datastore} (sha256)"] = self.context.shelf.open(p.datastore).fingerprint.corpus_hash
        return out

    def html(self, p: Prediction, views: Sequence[View] = ()) -> str:
        """A self-contained HTML file of the answer: words, neighbors, settings, versions, and how to reproduce it.

        `views` are explanations of the answer, such as `lab.explain.sweep(p)` or `lab.explain.layers(p)`: a chart each.

        Raises:
            NotFound: the model is no longer there.
        """
        from memlab.figures.report import report  # plotly takes a second to import; only pages and reports need it

        return report(p, self.command(p), self.code(p), self.versions(p), views)
