"""Studies of systems: long work with settings and a result, as a call or as a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memlab.declare import checked
from memlab.lab.house import LabHouse
from memlab.lab.jobs import long_work
from memlab.progress import Progress, Stop
from memlab.systems.registry import registry

if TYPE_CHECKING:
    from memlab.lab import Lab


class Studies:
    """Runs the studies that systems declare."""

    def __init__(self, house: LabHouse) -> None:
        self.house = house

    def run(self, system: str, study: str, settings: Mapping[str, Any], progress: Progress, stop: Stop) -> Any:
        """The result of a study; see `Lab.run`."""
        _, declared = registry().study(system, study)
        chosen = checked(declared.settings, settings)
        return registry().code(declared.run, declared, "code")(self.house, chosen, progress, stop)


@long_work("study", resumable=True)
def _study(lab: Lab, progress: Progress, stop: Stop, system: str, study: str, settings: dict[str, Any]) -> Any:
    return lab.run(system, study, progress, stop, **settings)
