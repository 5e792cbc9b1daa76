"""What the chapters, commands and jobs of systems may use of a lab: protocols, because the lab is in a higher layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from memlab.lm.model import LanguageModel
from memlab.memory.shelf import Cache, Shelf
from memlab.record.ledger import Ledger
from memlab.record.weights_state import WeightsState


class Workspace(Protocol):
    """A home folder seen from one workspace (`memlab.lab.context.Context`)."""

    @property
    def home(self) -> Path:
        """The home folder."""

    @property
    def workspace(self) -> str:
        """The name of the workspace."""

    @property
    def ledger(self) -> Ledger:
        """The recorded edits of the workspace; `ledger.state(part, as_of)` is what they add up to."""

    @property
    def shelf(self) -> Shelf:
        """The datastores of the home folder."""

    @property
    def cache(self) -> Cache:
        """Bounded, shared by all labs of the home folder; a key holds everything that its value depends on."""

    @property
    def states(self) -> Cache:
        """A cache for states that edits change, which are large: few are kept."""

    def load(self, model: str) -> LanguageModel:
        """A model by name, folder or hub name, with its own weights. Raises NotFound, InputError."""

    def bundled_for(self, kind: str) -> str:
        """The name of the bundled model of a kind."""

    def weights(self, lm: LanguageModel, as_of: int | None) -> LanguageModel:
        """A model with the weights that the edits up to `as_of` (None: all) give it."""

    def weights_state(self, as_of: int | None = None) -> WeightsState:
        """The edits of weights that hold after edit `as_of`."""


class OpenLab(Protocol):
    """A `memlab.lab.Lab`: the workspace, and every verb and chapter by its name."""

    @property
    def context(self) -> Workspace:
        """What chapters work on."""

    def __getattr__(self, name: str) -> Any:
        """Verbs (`ask`, `correct`, ...) and chapters (`side_effects`, `building`, ...) of the lab."""
