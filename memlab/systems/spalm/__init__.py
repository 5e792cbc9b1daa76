"""SPALM (Yogatama, de Masson d'Autume & Kong, TACL 2021)."""

from memlab.systems.spalm.declaration import METHOD, SYSTEM, WITH_KNN, Settings

__all__ = ["METHOD", "SYSTEM", "WITH_KNN", "Settings"]
