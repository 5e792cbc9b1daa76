"""Fix it here: correct, forget or teach beside an answer, with the effect before it is applied."""

from memlab.ui.fix.panel import choose_way, fix_here

__all__ = ["choose_way", "fix_here"]
