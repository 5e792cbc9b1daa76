"""Modifying memories in transformers by constrained fine-tuning (Zhu et al. 2020)."""

from memlab.systems.constrained_ft.declaration import SYSTEM

__all__ = ["SYSTEM"]
