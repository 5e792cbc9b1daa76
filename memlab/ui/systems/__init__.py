"""Panels of single systems, found by name: `<name>.py` with `panels(lab, system)`."""
