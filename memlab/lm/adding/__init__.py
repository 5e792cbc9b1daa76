"""Adding models: from the hub, a folder, a GGUF file, a wheel or a zip, to an ordinary folder of safetensors.

Nothing here imports torch; what needs it runs in a process of its own (`child`), which can be stopped at any moment.
"""

from memlab.lm.adding.adding import Adding, add_model, check_name, leftovers, model_name
from memlab.lm.adding.origin import Origin

__all__ = ["Adding", "Origin", "add_model", "check_name", "leftovers", "model_name"]
