"""One answer as a file to take along, with everything that is needed to make it again."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import memlab
from memlab.lab.asking import Asking
from memlab.lm.catalogue import load
from memlab.results import Prediction

if TYPE_CHECKING:
    from memlab.figures.report import View

LIBRARIES = ("torch", "transformers", "tokenizers", "faiss-cpu", "numpy")


class Reporting(Asking):
    """Reports."""

    def command(self, p: Prediction) -> str:
        """The shell command that asks the same again."""
        options = {"method": p.method, "model": p.model, "datastore": p.datastore, "as-of": p.as_of, **p.settings}
        words = [f"--{name} {shlex.quote(str(value))}" for name, value in options.items()]
        words += [f"--without {entry}" for entry in p.without]
        if p.workspace != "default":
            words.append(f"--workspace {shlex.quote(p.workspace)}")
        return f"memlab ask {shlex.quote(p.prompt)} {' '.join(words)}"

    def versions(self, p: Prediction) -> dict[str, str]:
        """Of memlab, its libraries, and hashes of the model and the texts behind an answer."""
        out = {"memlab": memlab.__version__, "Python": platform.python_version()}
        out |= {name: version(name) for name in LIBRARIES}
        out[f"weights of {p.model} (sha256)"] = load(p.model).weights_hash
        if self._shelf.is_built(p.datastore):
            out[f"texts of {p.datastore} (sha256)"] = self._shelf.open(p.datastore).fingerprint.corpus_hash
        return out

    def report(self, p: Prediction, views: Sequence[View] = ()) -> str:
        """A self-contained HTML file of the answer: words, neighbors, settings, versions, and how to make it again.

        `views` are explanations of the answer, such as `lab.sweep(p)` or `lab.layers(p)`: a chart each.
        """
        from memlab.figures.report import report  # plotly takes a second to import; only pages and reports need it

        return report(p, self.command(p), self.code(p), self.versions(p), views)
