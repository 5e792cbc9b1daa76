"""kNN-LM (Khandelwal et al., ICLR 2020)."""

from memlab.systems.knn_lm.declaration import METHOD, SYSTEM, Settings

__all__ = ["METHOD", "SYSTEM", "Settings"]
