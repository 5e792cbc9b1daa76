"""Other processes for tests, without the seconds that importing torch takes.

Some tests need another process: its own connections and caches, another locale, a signal, a kill. One server process
imports the libraries once; each process that a test starts is a fork of it, which then runs a command or a program as
a fresh interpreter would: arguments from the operating system, standard streams of the locale, its own exit status.
What a test checks about starting the interpreter itself still starts one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

IMPORTED = (
    "streamlit",
    "memlab.cli",
    "memlab.lab",
    "memlab.lm.adding.converting",
    "transformers.models.llama.modeling_llama",
    "transformers.models.modernbert.modeling_modernbert",
)
ROOT = Path(__file__).parents[1]
Environment = Mapping[str, str] | Mapping[bytes, bytes]


@dataclass(frozen=True)
class Done:
    """How a process ended: its exit status, or the negative number of the signal that ended it, and what it printed."""

    returncode: int
    stdout: bytes
    stderr: bytes

    def document(self) -> Any:
        """The JSON document of a command that succeeded."""
        assert self.returncode == 0, self.stderr.decode(errors="replace")
        return json.loads(self.stdout)


class Running:
    """A process that was started; `out` and `err` are the files that it writes into."""

    def __init__(self, server: Forks, pid: int, out: Path, err: Path) -> None:
        self._server, self.pid, self.out, self.err = server, pid, out, err
        self._status: int | None = None

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._ended(wait=False)

    def wait(self) -> Done:
        """Waits for its end."""
        status = self._ended(wait=True)
        assert status is not None
        return Done(status, self.out.read_bytes(), self.err.read_bytes())

    def _ended(self, wait: bool) -> int | None:
        if self._status is None:
            self._status = self._server.ask({"do": "wait" if wait else "poll", "pid": self.pid})["status"]
        return self._status


class Forks:
    """Starts processes; see `forks`."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process, self._folder, self._number = process, folder, 0
        self._running: list[Running] = []

    def memlab(self, *arguments: str, typed: str = "") -> Done:
        """Runs a command of memlab and waits for its end. `typed` stands on its standard input."""
        return self.start(None, *arguments, typed=typed).wait()

    def start(
        self, program: str | None, *arguments: str, typed: str = "", streams: tuple[Path, Path, Path] | None = None
    ) -> Running:
        """Starts a Python program with these arguments, or, with None, a command of memlab.

        `streams` are the files of its standard streams, by default files of the server's own.
        """
        self._number += 1
        if streams is None:
            streams = typing, _, _ = tuple(self._folder / f"{self._number}.{name}" for name in ("in", "out", "err"))
            typing.write_text(typed, "utf-8")
        for stream in streams[1:]:
            stream.touch()
        order = {"program": program, "arguments": arguments, "streams": [str(stream) for stream in streams]}
        self._running.append(Running(self, self.ask({"do": "start", **order})["pid"], *streams[1:]))
        return self._running[-1]

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Gives the server an order and returns its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the server of forks ended with {self._process.wait()}"
        return dict(json.loads(answer))

    def end(self) -> None:
        """Ends all processes that still run, and the server."""
        for running in self._running:
            if running.poll() is None:
                running.send_signal(signal.SIGKILL)
                running.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


class ForkedModule:
    """Stands in for `subprocess.Popen` where `python -m MODULE ARGUMENTS` is started: a fork runs the module."""

    def __init__(self, server: Forks, command: list[str], stdout: BinaryIO, stderr: BinaryIO) -> None:
        _, flag, module, *arguments = command
        assert flag == "-m"
        pipe = Path(tempfile.mkdtemp()) / "stdin"
        os.mkfifo(pipe)
        program = f"import runpy; runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
        self._running = server.start(program, *arguments, streams=(pipe, Path(stdout.name), Path(stderr.name)))
        self.stdin = pipe.open("wb")  # when it closes, the fork's standard input ends
        self.returncode: int | None = None

    def poll(self) -> int | None:
        self.returncode = self._running.poll()
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        end = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a fork", timeout)
            time.sleep(0.01)
        return status

    def terminate(self) -> None:
        self._running.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._running.send_signal(signal.SIGKILL)


@contextmanager
def forks(environment: Environment | None = None) -> Iterator[Forks]:
    """A server of forks, started with this environment (by default that of the tests) until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.forks"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment if environment is not None else os.environ,  # type: ignore[arg-type]
        )
        server = Forks(process, Path(folder))
        try:
            yield server
        finally:
            server.end()


def until(condition: Any, seconds: float = 240) -> None:
    """Waits until a condition holds; on a busy machine that may take long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"nothing came in {seconds:.0f} s"
        time.sleep(0.02)


def _serve() -> None:
    """Answers the orders on standard input, lines of JSON, until it ends."""
    import torch

    for name in IMPORTED:
        import_module(name)
    torch.set_num_threads(1)  # a fork does not inherit threads
    for line in sys.stdin.buffer:
        order = json.loads(line)
        if order["do"] in ("wait", "poll"):
            ended, status = os.waitpid(order["pid"], os.WNOHANG if order["do"] == "poll" else 0)
            answer: dict[str, Any] = {"status": os.waitstatus_to_exitcode(status) if ended else None}
        elif (pid := os.fork()) == 0:
            _become(order)
        else:
            answer = {"pid": pid}
        os.write(1, json.dumps(answer).encode() + b"\n")


def _become(order: dict[str, Any]) -> None:
    """What the fork does: it runs the program with its own streams, and ends as an interpreter does."""
    for number, path in enumerate(order["streams"]):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY), number)
    sys.stdin = os.fdopen(0, closefd=False)  # the server has read ahead in its own
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    sys.argv = ["memlab", *(os.fsdecode(a.encode()) for a in order["arguments"])]
    status = 1
    try:
        if order["program"] is None:
            from memlab.cli import main

            main(prog_name="memlab")
        else:
            exec(compile(order["program"], "<program>", "exec"), {"__name__": "__main__"})
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
