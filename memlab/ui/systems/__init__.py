"""Panels that only one system has, found by name: `<name>.py` with `panels(lab, system)`."""
