"""A training that can be resumed after Stop, a kill or a power cut.

One safetensors file holds the weights, the state of the optimizers, and the number of steps; it is written under a
temporary name and renamed, so that there is always a complete one. The batches of a training follow from its seed, so a
resumed training reads the remaining ones and ends with the same weights, bit for bit, as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from memlab.errors import HomeError
from memlab.lm.optimization import Optimization
from memlab.lm.plain_path import plain_path

EVERY = 60.0  # seconds between two writes


class Checkpoint:
    """The state of one training in a home folder.

    Args:
        home: its folder `training/` holds the file.
        every: seconds of work between two writes.
    """

    def __init__(self, home: Path, every: float = EVERY) -> None:
        self.folder, self.every = home / "training", every
        self.file = self.folder / "none"
        self.smooth = 0.0  # mean loss so far
        self._before = 0.0  # seconds of work of earlier runs
        self._begun = self._written = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of work so far, those of earlier runs included."""
        return self._before + time.monotonic() - self._begun

    def take_up(self, training: Mapping[str, Any], optimization: Optimization) -> int:
        """Loads the stored state into a new model and its optimizers. Returns the number of steps made, 0 if nothing is
        stored.

        Args:
            training: everything that determines the weights (recipe, hash of the text ...); identifies the file.

        Raises:
            HomeError: the file cannot be read.
        """
        identity = json.dumps({**training, "torch": torch.__version__}, sort_keys=True)
        self.file = self.folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.safetensors"
        if not self.file.exists():
            return 0
        try:
            with plain_path(self.folder) as folder, safe_open(folder / self.file.name, "pt") as read:
                position = json.loads(read.metadata()["position"])
                self._put(optimization, {name: read.get_tensor(name) for name in read.keys()})  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise HomeError(
                f"The stored state of this training cannot be read: {self.file} ({error}). Delete the file to start over."
            ) from error
        optimization.made = int(position["step"])
        self.smooth, self._before = float(position["loss"]), float(position["seconds"])
        self._begun = self._written = time.monotonic()
        return optimization.made

    def passed(self, optimization: Optimization, smooth: float) -> None:
        """Called after each step; writes if the last write is at least `every` seconds ago."""
        self.smooth = smooth
        if time.monotonic() - self._written >= self.every:
            self.write(optimization)

    def stopped(self, optimization: Optimization, smooth: float) -> str:
        """Writes, and returns the end of the message about the stop."""
        self.smooth = smooth
        self.write(optimization)
        return "the state is kept, and running the same training again resumes it"

    def write(self, optimization: Optimization) -> None:
        """Writes the file. Raises HomeError where the disk is full or the folder cannot be written."""
        said = {"step": optimization.made, "loss": self.smooth, "seconds": self.seconds}
        part = self.file.with_name(f"{self.file.stem}.{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob(f"{self.file.stem}.*.part"):  # of a process that was killed
                left.unlink(missing_ok=True)
            with plain_path(self.folder) as folder:
                save_file(_tensors(optimization), folder / part.name, {"position": json.dumps(said)})
            with part.open("rb+") as written:
                os.fsync(written.fileno())
            os.replace(part, self.file)
        except (OSError, SafetensorError) as error:
            raise HomeError(f"The state of the training cannot be written in {self.folder}: {error}.") from error
        finally:
            with suppress(OSError):
                part.unlink()
        self._written = time.monotonic()

    def done(self) -> None:
        """Removes the file: the training is over."""
        self.file.unlink(missing_ok=True)

    @staticmethod
    def _put(optimization: Optimization, kept: Mapping[str, Tensor]) -> None:
        """Restores weights and optimizers. Raises KeyError, ValueError or RuntimeError for a state of another shape."""
        with torch.no_grad():
            for n, weight in enumerate(optimization.parameters):
                weight.copy_(kept[f"weight.{n}"])
        for o, optimizer in enumerate(optimization.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, tensor in kept.items():
                kind, number, *rest = name.split(".")
                if kind == f"optimizer{o}":
                    state.setdefault(int(number), {})[rest[0]] = tensor
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _tensors(optimization: Optimization) -> dict[str, Tensor]:
    """Weights and states of the optimizers under names of their own."""
    out = {f"weight.{n}": w.detach().clone() for n, w in enumerate(optimization.parameters)}
    for o, optimizer in enumerate(optimization.optimizers):
        for number, state in optimizer.state_dict()["state"].items():
            out |= {f"optimizer{o}.{number}.{name}": tensor.clone() for name, tensor in state.items()}
    return out
