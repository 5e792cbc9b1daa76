"""The estimate before a build, against what the build then gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memlab import Lab
from memlab.errors import InputError
from memlab.lab.building import BuildRequest
from memlab.results import Article
from memlab.ui.library.build_preview import duration

Tiny = Callable[[str], Path]


def test_an_estimate_is_close_to_what_is_built(tiny: Tiny, tmp_path: Path) -> None:
    lab, text = Lab.open(tmp_path / "home"), "The capital of France is Paris. Many people live in Paris. " * 10
    documents = [Article(f"t{n}", f"t{n}", text) for n in range(60)]
    model = str(tiny("llama"))
    about = lab.building.estimate(documents, BuildRequest("letters", model))
    (built,) = lab.build(documents, "letters", model)
    assert (about.texts, about.characters) == (60, 60 * len(text))
    assert about.entries == pytest.approx(built.entries, rel=0.1)
    folder = lab.home / "datastores" / "letters"
    size = sum((folder / name).stat().st_size for name in ("keys.f16", "index.faiss", "values.i32", "tokens.i32")) / 1e6
    assert size < about.megabytes < 1.5 * size  # and the texts themselves
    assert about.seconds == pytest.approx(about.entries / about.entries_per_s)
    with pytest.raises(InputError, match="no key 'transform'"):
        lab.building.estimate(documents, BuildRequest("letters", model, ("transform",)))


def test_durations_are_said_in_the_unit_that_is_read_easily() -> None:
    assert [duration(s) for s in (0.1, 89, 600, 9000)] == ["1 s", "89 s", "10 minutes", "2.5 hours"]
