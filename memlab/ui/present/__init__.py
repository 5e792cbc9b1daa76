"""A question or lesson presented step by step, in large type."""
