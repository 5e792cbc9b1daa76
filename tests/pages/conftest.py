"""Running the pages without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from memlab.bundle import bundle

SECONDS = 60  # a busy machine loads a model in that time


@pytest.fixture
def open_page(built_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Runs a script of the app at an address: `open_page("pages/ask.py", prompt="...", lam="0.5")`."""
    monkeypatch.setenv("MEMLAB_HOME", str(built_home))

    def run(script: str, **address: str) -> AppTest:
        page = AppTest.from_file(str(bundle() / script), default_timeout=SECONDS)
        for name, value in address.items():
            page.query_params[name] = value
        return page.run()

    return run
