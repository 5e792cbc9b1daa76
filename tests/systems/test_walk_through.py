"""The code of CONTRIBUTING.md's walk-through is a system that works."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from memlab import Lab
from memlab.systems.registry import registered
from tests.commands import document, run_on

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"


def test_the_system_of_the_guide_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab: Lab) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.S)
    (tmp_path / "near_knn.py").write_text("\n\n".join(blocks), "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with registered(importlib.import_module("near_knn").SYSTEM):
        near = lab.ask("The capital of Norway is", "near-knn", threshold=1e6)
        assert near.gate.value == pytest.approx(0.3)
        np.testing.assert_allclose(near.mixture.p, 0.3 * near.knn.p + 0.7 * near.lm.p, atol=1e-12)
        far = lab.ask("The capital of Norway is", "near-knn", threshold=0.0)
        assert far.mixture.logp.tobytes() == far.lm.logp.tobytes()
        assert lab.read("The capital of Norway is Oslo.", "near-knn").gate_kind == "near"
        said = document(run_on(lab.home)("near", "The capital of Norway is", "--json"))
        assert said == {"prompt": "The capital of Norway is", "near": lab.is_near("The capital of Norway is")}
        assert lab.near.is_near("The capital of Norway is") is said["near"]
