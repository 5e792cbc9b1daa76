"""Running the pages without a browser."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from memlab import Lab
from memlab.bundle import bundle

SECONDS = 60  # a busy machine loads a model in that time


@pytest.fixture(scope="session", autouse=True)
def _components_are_looked_for_once() -> Iterator[None]:
    """Each AppTest looks through all installed packages for components of Streamlit, as a server does once at its start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(autouse=True)
def _same_main() -> Iterator[None]:
    """A page that is run becomes the main module, which processes that a later test starts would run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


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


@pytest.fixture
def own_lab(built_home: Path, tmp_path: Path) -> Lab:
    """A home folder of the test's own, so that its edits reach no other test; the datastores are hard links."""
    home = tmp_path / "home"
    shutil.copytree(
        built_home / "datastores",
        home / "datastores",
        copy_function=os.link,
        ignore=shutil.ignore_patterns(".*"),
    )
    return Lab.open(home)


@pytest.fixture
def open_own(
    own_lab: Lab, open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """As `open_page`, over the home folder of `own_lab`."""
    monkeypatch.setenv("MEMLAB_HOME", str(own_lab.home))
    return open_page
