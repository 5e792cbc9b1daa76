"""Names that the record reserves; importing them imports no database."""

DEFAULT = "default"  # the workspace that is always there
