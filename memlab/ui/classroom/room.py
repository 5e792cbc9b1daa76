"""The class of this server: its address, passes, guesses and workspace. None without `--share`."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from memlab.errors import MemlabError
from memlab.ui.classroom.gate import JOIN
from memlab.ui.classroom.passes import Bucket, Passes
from memlab.ui.classroom.rounds import Rounds

if TYPE_CHECKING:  # the server starts without the engine
    from memlab import Lab
    from memlab.lab.looking import Looking
    from memlab.results import Prediction

ENVIRONMENT = "MEMLAB_CLASS"  # how `memlab serve` passes the tokens: other users could read arguments
QUESTIONS, QUESTIONS_PER_SECOND = 5.0, 0.1  # of one guest: at once, and per second after that
WAIT = 20.0  # seconds that a question may wait for others: one is answered at a time


@dataclass
class Classroom:
    """One class.

    Args:
        address, port: where guests connect: an address of this machine on the network.
        workspace: whose state guests look at, in a copy that nobody changes.
    """

    address: str
    port: int
    workspace: str
    passes: Passes = field(repr=False)

    def __post_init__(self) -> None:
        self.rounds = Rounds()
        self.presented: Prediction | None = None  # the answer to the current question; only for the lecturer
        self.answering = threading.Semaphore(1)
        self._lock = threading.Lock()
        self._copy: tuple[Lab, str] | None = None
        self._asked: dict[int, Bucket] = {}

    @property
    def invitation(self) -> str:
        """The address that the QR code holds."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}{JOIN}{self.passes.guest_token}"

    def looking(self, lab: Lab) -> Looking:
        """What guests may use: questions to a copy of the workspace, made at the first one. Raises MemlabError."""
        from memlab.lab.looking import Looking

        with self._lock:
            if self._copy is None:
                name = lab.workspaces.copy(self.workspace, self._name(lab)).name
                self._copy = lab, name
            return Looking(lab.home, self._copy[1])

    def show_again(self, lab: Lab, workspace: str) -> None:
        """From now on guests look at a copy of this workspace as it is now. Raises MemlabError."""
        with self._lock:
            before, self.workspace, self._copy = self._copy, workspace, None
        if before is not None:
            with suppress(MemlabError):
                lab.workspaces.delete(before[1], before[1])

    def may_ask(self, seat: int) -> float:
        """Counts a question of a guest. Returns 0, or the seconds until the next one is allowed."""
        with self._lock:
            bucket = self._asked.setdefault(seat, Bucket(QUESTIONS, QUESTIONS_PER_SECOND, self.passes.clock))
            return bucket.take()

    def end(self) -> None:
        """Deletes the copy of the workspace, so that nothing is left of the class."""
        with self._lock:
            if self._copy is not None:
                lab, name = self._copy
                with suppress(MemlabError):  # somebody deleted it by hand
                    lab.workspaces.delete(name, name)
                self._copy = None

    def _name(self, lab: Lab) -> str:
        taken = {info.name for info in lab.workspaces()}
        return next(name for n in range(1, len(taken) + 2) if (name := f"class {n}") not in taken)


_present: Classroom | None = None


def present() -> Classroom | None:
    """The class of this server; None where it is not shared."""
    return _present


def begin(classroom: Classroom | None) -> None:
    """Sets the class of this server (None: no class)."""
    global _present
    _present = classroom


def from_environment(port: int) -> Classroom | None:
    """The class that `memlab serve --share` asks for; child processes do not inherit its variable."""
    said = os.environ.pop(ENVIRONMENT, "")
    if said:
        told = json.loads(said)
        passes = Passes(told["guest_token"], told["lecturer_token"], told["seats"])
        begin(Classroom(told["address"], port, told["workspace"], passes))
    return _present
