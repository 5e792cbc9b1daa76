"""The continuous cache (Grave, Joulin & Usunier, ICLR 2017)."""

from memlab.systems.continuous_cache.declaration import METHOD, SYSTEM, Settings

__all__ = ["METHOD", "SYSTEM", "Settings"]
