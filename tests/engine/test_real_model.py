"""A real pretrained model, as the README's third command brings it. Skipped where it cannot be fetched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memlab.lab import Lab
from memlab.lm.adding import beside
from memlab.lm.adding.beside import Unreachable
from tests.forks import converting_in_forks


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Lab:
    """A home folder with smollm2; $MEMLAB_TEST_HOME keeps it between runs."""
    kept = os.environ.get("MEMLAB_TEST_HOME")
    lab = Lab.open(Path(kept) / "real" if kept else tmp_path_factory.mktemp("real"))
    if "smollm2" not in lab.library.names():
        pytest.importorskip("gguf", reason="the package gguf is not installed: pip install 'memlab[gguf]'")
        pytest.importorskip("accelerate", reason="the package accelerate is not installed: pip install 'memlab[gguf]'")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(beside, "Popen", converting_in_forks(request.getfixturevalue("forked")))
            try:
                lab.library.add("smollm2")
            except Unreachable as error:
                pytest.skip(f"the real model cannot be fetched here: {error}")
    return lab


def test_the_real_model_knows_the_capital_of_france(real: Lab) -> None:
    p = real.ask("The capital of France is", model="smollm2", method="base")
    assert p.lm[0].token == "Paris"
    assert p.lm[0].p == pytest.approx(0.77, abs=0.03)


def test_its_card_says_where_it_came_from(real: Lab) -> None:
    (info,) = [m for m in real.models() if m.path == (real.home / "models/smollm2").resolve()]
    assert info.record["added"]["license"].lower() == "apache-2.0"
    assert 260 < info.size_mb < 280
    assert all(sha256 in info.card for sha256 in info.record["added"]["files"].values())
