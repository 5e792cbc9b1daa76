"""A taught text that is longer than the bundled models read at once."""

from __future__ import annotations

import numpy as np
import pytest

from memlab.lm.catalogue import load
from memlab.memory.entries import encode_keys, taught_entries


@pytest.mark.parametrize("name", ["atlas-mlm", "atlas-clm"])
def test_a_long_text_is_remembered_to_its_end(name: str) -> None:
    lm = load(name)
    text = "Paris near " * 130 + "and at the end of it all stands Wakandania beside Berlin"
    assert len(lm.read(text)[0]) > 2 * lm.limit
    planned = taught_entries(lm, text, None)
    assert max(len(c) for c in planned.entries.contexts) <= lm.limit
    remembered = [text[a:b] for _, a, b in planned.entries.spans]
    assert remembered.count("Paris") == 130
    assert remembered[-1] == "Berlin"
    assert "Wakandania" in planned.unknown.values()
    keys = encode_keys(lm, planned.entries, ("last",))["last"]
    assert np.isfinite(keys).all()
