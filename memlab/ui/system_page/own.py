"""Panels that only one system has: the module `memlab.ui.systems.<name>` with `panels(lab, system)`, where there is one."""

from __future__ import annotations

import importlib
from importlib.util import find_spec

from memlab import Lab
from memlab.declare import System

PACKAGE = "memlab.ui.systems"


def own_panels(lab: Lab, system: System) -> None:
    """Draws the system's own panels; nothing for a system without them."""
    name = f"{PACKAGE}.{system.name}"
    if find_spec(name) is None:
        return
    panels = getattr(importlib.import_module(name), "panels", None)  # a module may serve a page of its own only
    if panels is not None:
        panels(lab, system)
