"""Pages of single systems: what they need beyond the general page."""
