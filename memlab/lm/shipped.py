"""Names of the models that ship with memlab."""

from __future__ import annotations

BUNDLED = ("atlas-mlm", "atlas-clm")  # each has a bundled datastore of its name
SHIPPED = (*BUNDLED, "atlas-spalm", "atlas-qa", "atlas-fae")  # the others read another one's datastore, or have none
