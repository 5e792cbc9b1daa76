"""BeliefBank (Kassner et al., EMNLP 2021): what a model believes, made consistent by a solver and fed back."""

from memlab.systems.beliefbank.declaration import SYSTEM

__all__ = ["SYSTEM"]
