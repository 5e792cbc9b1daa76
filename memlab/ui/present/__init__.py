"""A question told step by step, in large type."""
