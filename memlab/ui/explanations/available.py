"""Which views a method has, and why it does not have the others."""

from __future__ import annotations

from memlab.declare import Method

NEEDS = {"Drop neighbors": "explain", "Sweep": "sweep"}  # view -> the ability that it shows
OF_A_MEMORY = ("Why retrieved", "Map", "Key health")


def why_not(method: Method, view: str) -> str | None:
    """One sentence on why a method does not have this view; None where it does."""
    if view in NEEDS:
        return method.why_not(NEEDS[view])
    if view in OF_A_MEMORY and not method.remembers:
        return f"{method.title} has no memory to look into."
    if view in OF_A_MEMORY and method.memory is not None:
        return f"The keys of {method.title} are not states of texts; the page of its system shows what was retrieved."
    return None
