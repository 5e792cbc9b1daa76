"""Colors, dashes and marks for words that are compared with each other.

The first word takes the color of what is shown (memory or mixture); the others take colors other than
these three, keep 3:1 contrast in both themes, and differ in dash and mark as well.
"""

from __future__ import annotations

COLORS = ("#8E63CE", "#B5820E", "#0E8FA8", "#D0508F", "#7C8696")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon")
QUIET = "#7C8696"


def colors(first: str, count: int) -> list[str]:
    """One color for each of at most six words."""
    return [first, *COLORS][:count]


def listed(names: list[str] | tuple[str, ...]) -> str:
    """Words as a list in a sentence: "a, b and c"; "nothing" without any."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "nothing"
