"""Edits of any kind that a system declares, from their parameters: checked, tried, recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memlab.errors import InputError
from memlab.lab.context import Context
from memlab.record.forms import as_plain, form_parameters
from memlab.record.kinds import EditKind, kind, kinds
from memlab.record.memory_edits import edit_of
from memlab.record.trial import tried
from memlab.results import Edit
from memlab.systems.registry import registry


class Recording:
    """The kinds of edits there are, and edits of those that need nothing but their parameters."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def kinds(self) -> tuple[EditKind, ...]:
        """All kinds of edits: memlab's own, then those of the systems."""
        registry()  # which registers the kinds of the systems
        return kinds()

    def kind(self, name: str) -> EditKind:
        """A kind of edit. Raises InputError, naming those there are."""
        registry()
        return kind(str(name))

    def record(self, name: str, parameters: Mapping[str, Any] | None, author: str, dry_run: bool) -> Edit:
        """Records an edit, or only works it out; see `Lab.record`."""
        chosen = self.kind(name)
        if chosen.elsewhere is not None:
            raise InputError(chosen.elsewhere)
        if not isinstance(parameters, Mapping | None):
            raise InputError(f"The parameters of an edit are a dictionary, not {type(parameters).__name__}.")
        row = tried(self.context.ledger, chosen, as_plain(parameters or {}), author)
        made = None if dry_run else self.context.ledger.append(row.kind, row.summary, row.parameters, author)
        said = made or row
        where = self.context.workspace
        return edit_of(made, said.kind, said.summary, said.parameters, said.author, where, said.sequence)

    def of_form(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of an edit from the values of its kind's form. Raises InputError; see `form_parameters`."""
        chosen = self.kind(name)
        if chosen.elsewhere is not None:
            raise InputError(chosen.elsewhere)
        return form_parameters(chosen, values)
