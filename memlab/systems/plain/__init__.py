"""The model without a memory."""

from memlab.systems.plain.declaration import METHOD, SYSTEM, Settings

__all__ = ["METHOD", "SYSTEM", "Settings"]
