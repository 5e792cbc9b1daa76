"""What the pages of single systems need beyond the general ones."""
