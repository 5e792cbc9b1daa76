"""kNN-LM's reader: p_kNN mixed in by a constant lambda, or by a gate that was trained on held-out text.

The formulas are in `memlab.reading.mixing` (eq. 2) and `memlab.reading.mixture` (eq. 3), since other methods use the
same mixture; the gates (He, Neubig & Berg-Kirkpatrick, EMNLP 2021) in `memlab.reading.gates`.
"""

from __future__ import annotations

from typing import Any

from memlab.evaluate.trained_gates import GateFor, gate_file, kept_gate
from memlab.memory.datastore import Searchable
from memlab.reading.gates import Constant, KnnGate, gate_class
from memlab.reading.knn_reader import KnnReader, whole_store
from memlab.reading.reader import House


class KnnLmReader(KnnReader):
    """A kNN reader whose gate may be one that was trained for a datastore, k and temperature."""

    def gate(self, kind: str, store: Searchable, settings: Any, house: House) -> KnnGate:
        if gate_class(kind) is Constant:
            return Constant(settings.lam)
        fitting = GateFor.of(whole_store(store).fingerprint, settings.k, settings.temperature)
        return kept_gate(gate_file(house.home, store.name, kind), fitting)
