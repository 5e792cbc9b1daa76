"""Facts as Experts: a language model with an editable memory of facts."""

from memlab.systems.facts_as_experts.declaration import SYSTEM

__all__ = ["SYSTEM"]
