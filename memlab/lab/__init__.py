"""Lab: the public interface. Everything that a page, the command line or a notebook can do is reached from here.

from memlab import Lab
lab = Lab.open()
lab.ask("The capital of France is [MASK].")
"""

from memlab.lab.asking import PRESETS
from memlab.lab.door import Lab

__all__ = ["PRESETS", "Lab"]
