"""The server: whom it answers, and how it ends. It is started as `memlab serve` starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from memlab.record.database import open_database
from memlab.record.jobs import Jobs
from tests.forks import Forks

START = 120.0  # seconds until the server must answer


def ask(port: int, host: str, origin: str | None = None, path: str = "/_stcore/stream", upgrade: bool = True) -> int:
    """The status of a request as it goes over the wire; a web socket that is opened has status 101."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"Origin: {origin}"] if origin is not None else []
    if upgrade:
        lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    else:
        lines.append("Connection: close")
    with socket.create_connection(("127.0.0.1", port), 10) as wire:
        wire.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(wire.recv(1000).split(b" ")[1])


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, forked: Forks) -> Iterator[int]:
    """A server's port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    home = tmp_path_factory.mktemp("served")
    process = forked.start(None, "serve", "--port", str(number), "--no-browser", "--home", str(home))
    until = time.monotonic() + START
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError):
            if ask(number, f"localhost:{number}", path="/_stcore/health", upgrade=False) == 200:
                break
        time.sleep(0.2)
    yield number
    process.send_signal(signal.SIGINT)
    done = process.wait()
    assert (done.returncode, done.stderr) == (0, b"")


def test_only_its_own_names_are_answered(port: int) -> None:
    for host in ("localhost", "LOCALHOST", "127.0.0.1", "[::1]", "localhost."):
        own = f"{host}:{port}"
        assert ask(port, own, f"http://{own}") == 101, host
        assert ask(port, own, path="/", upgrade=False) == 200, host
    assert ask(port, f"localhost:{port}") == 101  # no page: a program on this machine
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a@localhost", "", "192.168.1.2"):
        foreign = f"{host}:{port}"
        assert ask(port, foreign, f"http://{foreign}") in (400, 403), host
        assert ask(port, foreign, path="/", upgrade=False) in (400, 403), host
        assert ask(port, foreign, path="/_stcore/health", upgrade=False) in (400, 403), host


@pytest.mark.parametrize(
    "origin", ["http://localhost:9999", "http://localhost", "http://127.0.0.1:9999", "http://evil.example", "null", ""]
)
def test_pages_of_other_origins_open_no_web_socket(port: int, origin: str) -> None:
    assert ask(port, f"localhost:{port}", origin) == 403


def test_the_end_of_the_server_leaves_its_jobs_interrupted(home: Path) -> None:
    """Ctrl+C while a job is inside a library that hears nothing, and while one that stops is running."""
    code = """
        import signal, sys, time
        from pathlib import Path
        import torch
        from memlab.record.database import open_database
        from memlab.record.jobs import Jobs
        import uvicorn
        from memlab.ui.app import server

        jobs = Jobs.of(open_database(Path(sys.argv[1])))
        jobs._mark_interrupted()
        def deaf(progress, stop):
            progress(0.5, "half way")
            while True:
                torch.rand(300, 300) @ torch.rand(300, 300)
        def hears(progress, stop):
            while not stop():
                time.sleep(0.02)
            return "part"
        jobs.submit("build", "deaf", deaf, resumable=True)
        jobs.submit("build", "hears", hears, resumable=True)
        jobs.submit("build", "waits", hears, resumable=True)
        def run(app, **options):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            print("running", flush=True)
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                server.end_jobs()
        uvicorn.run = run
        server.serve(1)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(home)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "running\n"
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "terminate called" not in process.stderr.read()
    database = open_database(home)
    listed = Jobs(database).list()
    assert {(job.title, job.state, job.can_resume) for job in listed} == {
        ("deaf", "interrupted", True), ("hears", "interrupted", True), ("waits", "interrupted", True),
    }  # fmt: skip
    database.close()


def test_a_program_that_ends_leaves_its_jobs_interrupted(home: Path) -> None:
    """A script or notebook whose last line is past while a job still computes."""
    code = """
        import sys, time
        from pathlib import Path
        import torch
        from memlab.record.database import open_database
        from memlab.record.jobs import Jobs
        jobs = Jobs.of(open_database(Path(sys.argv[1])))
        def deaf(progress, stop):
            while True:
                torch.rand(300, 300) @ torch.rand(300, 300)
        jobs.submit("build", "deaf", deaf, resumable=True)
        time.sleep(1)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(home)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
    database = open_database(home)
    assert [job.state for job in Jobs(database).list()] == ["interrupted"]
    database.close()
