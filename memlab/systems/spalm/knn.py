"""The method whose calibrated settings SPALM + kNN-LM takes for its p_kNN."""

from __future__ import annotations

from memlab.declare import Method
from memlab.errors import NotFound
from memlab.systems.registry import registry

TAKEN = {"lam", "temperature", "k"}  # settings


def knn_method() -> Method:
    """The first method for causal models that mixes in a softmax of squared distances divided by a temperature, as p_kNN here.

    Raises:
        NotFound: no system declares one.
    """
    for method in registry().able("ask", "causal").values():
        knn = method.knn
        if (
            knn is not None
            and knn.divisor == "temperature"
            and not knn.root
            and {f.name for f in method.fields()} >= TAKEN
        ):
            return method
    raise NotFound("No system here declares a method with a nearest-neighbor distribution of causal models.")
