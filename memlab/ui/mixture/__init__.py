"""The answer, updated in the browser as its slider moves: sentence, bars, formula and tipping point."""

from memlab.ui.mixture.of_token import token_panel
from memlab.ui.mixture.panel import Settled, mixture_panel

__all__ = ["Settled", "mixture_panel", "token_panel"]
