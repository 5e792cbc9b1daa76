"""Work in a child process: it can be stopped at any moment, and its memory is freed when it ends."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from typing import Any

from memlab.errors import InputError, MemlabError, NotFound, StoppedError

LOOK_EVERY = 0.1  # seconds between looks at a process
LAST_WAIT = 5.0  # seconds that a process has to end after SIGTERM

Step = Callable[[float, str], None]
_ERRORS: dict[str, type[MemlabError]] = {"InputError": InputError, "NotFound": NotFound}


class Unreachable(InputError):
    """A source of models does not answer; another way may."""


@dataclass(frozen=True)
class Watch:
    """Progress of a process: by the bytes under `folder` of those `expected`, or (expected = 0) by its own reports."""

    step: Step
    stop: Callable[[], bool]
    folder: Path | None = None
    expected: int = 0
    message: str = ""

    def look(self, log: Path) -> None:
        """Reports progress. Raises StoppedError when asked to stop."""
        if self.stop():
            raise StoppedError("Stopped.")
        if self.folder is not None and self.expected:
            done = min(size_of(self.folder), self.expected)
            self.step(done / self.expected, f"{self.message} ({done / 1e6:,.0f} of {self.expected / 1e6:,.0f} MB)")
        elif said := _last(log, "fraction"):
            self.step(float(said["fraction"]), str(said["message"]))
        else:
            self.step(0.0, self.message)


def in_child(verb: str, arguments: Mapping[str, Any], work: Path, watch: Watch) -> Any:
    """What `memlab.lm.adding.child` returns for a verb.

    Raises:
        MemlabError: what the work raised. StoppedError: `watch.stop` returned True.
    """
    log = work / f"{verb}.log"
    command = [sys.executable, "-m", "memlab.lm.adding.child", verb, json.dumps(dict(arguments))]
    path = os.pathsep.join([str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])])
    code, tail = run_beside(command, log, watch, {"PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"})
    said = _last(log, "result") or _last(log, "error")
    if said is None:
        raise InputError(
            f"The model could not be read: the process that did it ended with status {code}. {tail}".strip()
        )
    if "error" in said:
        kind = str(said["error"])
        raise (Unreachable if kind == "Unreachable" else _ERRORS.get(kind, InputError))(str(said["message"]))
    return said["result"]


def run_beside(command: Sequence[str], log: Path, watch: Watch, environment: Mapping[str, str]) -> tuple[int, str]:
    """Runs a program to its end; its output goes to `log`.

    Returns:
        Its exit status, and the last line that it wrote to standard error.
    """
    errors = log.with_suffix(".err")
    with log.open("wb") as out, errors.open("wb") as err:
        process = Popen(command, stdin=PIPE, stdout=out, stderr=err, env={**os.environ, **environment})
        try:
            while True:
                with suppress(TimeoutExpired):
                    process.wait(LOOK_EVERY)
                watch.look(log)
                if process.returncode is not None:
                    break
        finally:
            _end(process)
    lines = [line for line in errors.read_text("utf-8", "replace").splitlines() if line.strip()]
    return process.returncode, lines[-1].strip()[:300] if lines else ""


def size_of(folder: Path) -> int:
    """Bytes of all files under a folder; files that disappear meanwhile are not counted."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def _end(process: Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()  # memlab's child process ends when its standard input closes
    if process.poll() is not None:
        return
    process.terminate()
    until = time.monotonic() + LAST_WAIT
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
        process.wait()


def _last(log: Path, key: str) -> dict[str, Any] | None:
    """The last JSON line of a log that has `key`."""
    for line in reversed(log.read_text("utf-8", "replace").splitlines()):
        with suppress(ValueError):
            said = json.loads(line)
            if isinstance(said, dict) and key in said:
                return said
    return None
