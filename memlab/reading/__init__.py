"""The engine: from states and neighbors to distributions, for single questions, passages and generations."""
