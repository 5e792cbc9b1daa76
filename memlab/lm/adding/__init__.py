"""Adding models: from the hub, a folder, a GGUF file, a wheel or a zip, to a folder with safetensors.

Nothing here imports torch; work that needs it runs in a child process (`child`), which can be stopped at any moment.
"""

from memlab.lm.adding.adding import Adding, add_model, check_name, leftovers, model_name
from memlab.lm.adding.origin import Origin

__all__ = ["Adding", "Origin", "add_model", "check_name", "leftovers", "model_name"]
