"""Columns of a perplexity table: the roles that a method can give them, and their names."""

from __future__ import annotations

ROLES = {
    "base": "the model alone",
    "short-term": "the model with short-term memory",
    "cache": "the model with the continuous cache",
    "memory": "the model mixed with p_kNN",
    "memory+cache": "the model with the continuous cache, mixed with p_kNN",
    "own": "the mixture that the method's scorer computes",
    "own+memory": "that mixture, mixed with p_kNN of the scorer's memory",
}  # how they are computed: `memlab.evaluate.mixtures.ROLES`
OWN = frozenset(
    {"own", "own+memory"}
)  # computed by the declaring method; each other role is computed once, for one method
ABOUT = ("text", "position", "target")  # columns of every file of losses
