"""Other processes for tests, without the seconds that importing torch takes.

Some tests need another process: its own connections and caches, another locale, a signal, a kill. One server process
for all workers of a run imports the libraries once; each process that a test starts is a fork of it, which then runs a
command or a program as a fresh interpreter would: arguments from the operating system, standard streams of the locale,
its own exit status.
What a test checks about starting the interpreter itself still starts one.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

IMPORTED = (
    "streamlit",
    "memlab.cli",
    "memlab.lab",
    "memlab.lm.adding.converting",
    "memlab.record.migrating",
    "rich.console",
    "sklearn.feature_extraction.text",
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
        if self._status is None:
            self._status = self._server.ask({"do": "poll", "pid": self.pid})["status"]
        return self._status

    def wait(self) -> Done:
        """Waits for its end."""
        while (status := self.poll()) is None:
            time.sleep(0.01)
        return Done(status, self.out.read_bytes(), self.err.read_bytes())


class Forks:
    """Starts processes; see `forks`."""

    def __init__(self, wire: socket.socket, folder: Path, environment: Environment | None) -> None:
        self._wire, self._folder, self._number = wire.makefile("rwb"), folder, 0
        self._environment = (
            None if environment is None else {os.fsdecode(k): os.fsdecode(v) for k, v in environment.items()}
        )
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
        order = {
            "program": program,
            "arguments": arguments,
            "streams": [str(stream) for stream in streams],
            "environment": self._environment,
        }
        self._running.append(Running(self, self.ask({"do": "start", **order})["pid"], *streams[1:]))
        return self._running[-1]

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Gives the server an order and returns its answer. Raises OSError where the server has ended."""
        self._wire.write(json.dumps(order).encode() + b"\n")
        self._wire.flush()
        answer = self._wire.readline()
        if not answer:
            raise ConnectionError("the server of forks has ended")
        return dict(json.loads(answer))

    def end(self) -> None:
        """Ends all processes that still run."""
        for running in self._running:
            if running.poll() is None:
                running.send_signal(signal.SIGKILL)
                running.wait()


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


def converting_in_forks(server: Forks) -> Callable[..., Any]:
    """Stands in for the `Popen` of `memlab.lm.adding.beside`: converting imports torch and transformers for seconds."""
    start = subprocess.Popen

    def popen(command: list[str], *, stdin: int, stdout: BinaryIO, stderr: BinaryIO, env: dict[str, str]) -> Any:
        if command[3:4] == ["convert"]:
            return ForkedModule(server, command, stdout, stderr)
        return start(command, stdin=stdin, stdout=stdout, stderr=stderr, env=env)

    return popen


@contextmanager
def forks(shared: Path | None = None, environment: Environment | None = None) -> Iterator[Forks]:
    """A way to start forks until the end of the block.

    Args:
        shared: a folder of all that use one server; it ends when the last of them does. None: a server of one's own.
        environment: of the server, by default that of the tests. Forks of a shared server get that of the caller.
    """
    with tempfile.TemporaryDirectory(prefix="forks") as own:
        folder = Path(own)
        with _connected(shared or folder, environment) as wire:
            server = Forks(wire, folder, dict(os.environ) if environment is None else None)
            try:
                yield server
            finally:
                server.end()


@contextmanager
def _connected(folder: Path, environment: Environment | None) -> Iterator[socket.socket]:
    """A connection to the server of a folder, which is started where it does not run."""
    with socket.socket(socket.AF_UNIX) as wire:
        with FileLock(folder / "forks.lock"):
            address = folder / "forks.address"
            if not _reached(wire, address):
                place = tempfile.mkdtemp(prefix="forks")  # the address of a socket must be short
                subprocess.Popen(
                    [sys.executable, "-m", "tests.forks", f"{place}/socket"],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=environment if environment is not None else os.environ,  # type: ignore[arg-type]
                )
                address.write_text(f"{place}/socket", "utf-8")
                until(lambda: _reached(wire, address))
        yield wire


def _reached(wire: socket.socket, address: Path) -> bool:
    """Connects to the server at an address; whether it is there."""
    try:
        wire.connect(address.read_text("utf-8"))
    except OSError:
        return False
    return True


def until(condition: Any, seconds: float = 240) -> None:
    """Waits until a condition holds; on a busy machine that may take long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"nothing came in {seconds:.0f} s"
        time.sleep(0.02)


def _serve(address: str) -> None:
    """Answers the orders of all connections, lines of JSON, until the last one has ended."""
    with socket.socket(socket.AF_UNIX) as door, selectors.DefaultSelector() as sockets:
        door.bind(address)
        door.listen()
        sockets.register(door, selectors.EVENT_READ)
        _import_all()
        while True:
            for key, _ in sockets.select():
                if key.fileobj is door:
                    wire = door.accept()[0]
                    sockets.register(wire, selectors.EVENT_READ, wire.makefile("rb"))
                elif line := key.data.readline():
                    key.fileobj.sendall(json.dumps(_answer(json.loads(line))).encode() + b"\n")  # type: ignore[union-attr]
                else:
                    sockets.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
            if len(sockets.get_map()) == 1:
                shutil.rmtree(Path(address).parent, ignore_errors=True)  # nobody can come any more
                if not sockets.select(0):  # and nobody stands before the door
                    break


def _import_all() -> None:
    gc.disable()  # a sixth of the time would go into looking for garbage
    import torch

    for name in IMPORTED:
        import_module(name)
    torch.set_num_threads(1)  # a fork does not inherit threads
    gc.freeze()  # forks do not look through the libraries, nor copy what they would write there
    gc.enable()


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    if order["do"] == "poll":
        ended, status = os.waitpid(order["pid"], os.WNOHANG)
        return {"status": os.waitstatus_to_exitcode(status) if ended else None}
    if (pid := os.fork()) == 0:
        _become(order)
    return {"pid": pid}


def _become(order: dict[str, Any]) -> None:
    """What the fork does: it runs the program with its own streams, and ends as an interpreter does."""
    for number, path in enumerate(order["streams"]):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY), number)
    sys.stdin = os.fdopen(0, closefd=False)  # the server has read ahead in its own
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    if order["environment"] is not None:
        os.environ.clear()
        os.environ.update(order["environment"])
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
    _serve(sys.argv[1])
