"""What is known about a job, and whether the process that runs it is still alive."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from memlab.record.tables import Job

STALE_AFTER = 60.0  # seconds without a sign of life after which a process counts as dead
GOING = ("waiting", "running")
RESUMABLE = ("stopped", "interrupted", "failed")
RUNNER = str(uuid.uuid4())  # this process, should another one get its pid
HOST = socket.gethostname()


@dataclass(frozen=True)
class JobInfo:
    """What is known about a job; `fraction` is 0 to 1, `error` says why it failed, `result` is what it returned.

    `stop`: it was asked to stop. Times are ISO 8601 in UTC.
    """

    id: str
    kind: str
    title: str
    parameters: dict[str, Any] | None
    resumable: bool
    state: str
    fraction: float
    message: str
    error: str | None
    result: Any
    created: str
    started: str | None
    ended: str | None
    stop: bool

    @property
    def over(self) -> bool:
        """Whether it has ended: nothing more happens to it by itself."""
        return self.state not in GOING

    @property
    def can_resume(self) -> bool:
        """Whether it can continue from where it ended."""
        return self.resumable and self.state in RESUMABLE

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def job_info(values: Mapping[str, Any]) -> JobInfo:
    """A job from its row; a value that was changed to another type is replaced, and `error` says so."""
    known = {field.name: values[field.name] for field in fields(JobInfo)}
    wrong = [name for name, types in _TYPES.items() if not isinstance(known[name], types)]
    for name in wrong:
        known[name] = _INSTEAD.get(name)
    if wrong:
        known["error"] = f"The row of this job is damaged ({', '.join(wrong)}). Remove it."
    return JobInfo(**known)


_TEXT_OR_NONE = (str, type(None))
_TYPES: dict[str, Any] = {
    "id": str, "kind": str, "title": str, "state": str, "message": str, "created": str,
    "error": _TEXT_OR_NONE, "started": _TEXT_OR_NONE, "ended": _TEXT_OR_NONE,
    "parameters": (dict, type(None)), "fraction": (int, float), "resumable": (bool, int), "stop": (bool, int),
}  # fmt: skip
_INSTEAD = {
    "id": "", "kind": "", "title": "a damaged job", "state": "failed", "message": "", "created": "", "fraction": 0.0,
    "resumable": False, "stop": False,
}  # fmt: skip


def lives(job: Job) -> bool:
    """Whether the process that took a job still runs it."""
    if type(job.pid) is not int or type(job.heartbeat) not in (int, float):
        return False  # memlab did not write this
    if job.runner == RUNNER and job.pid == os.getpid():
        return True
    if job.host == HOST and os.name == "posix":  # elsewhere os.kill kills
        if job.pid == os.getpid():
            return False  # an earlier process had this one's pid
        try:
            os.kill(job.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it runs, under another user
    return time.time() - job.heartbeat < STALE_AFTER
