"""The answer that follows its slider: sentence, bars, formula and tipping point, drawn in the browser."""

from memlab.ui.mixture.of_token import token_panel
from memlab.ui.mixture.panel import Settled, mixture_panel

__all__ = ["Settled", "mixture_panel", "token_panel"]
