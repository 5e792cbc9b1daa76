"""What commands share: progress on standard error, and Ctrl+C."""

from __future__ import annotations

import io
import signal
import threading

import pytest

from memlab import commands


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_in_a_file_is_a_line_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    file, clock = io.StringIO(), [100.0]
    monkeypatch.setattr("sys.stderr", file)
    monkeypatch.setattr(commands.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(commands, "_next_line", [0.0])
    for tenth in range(11):
        commands.progress(tenth / 10, f"{tenth} of 10 texts read")
        clock[0] += 0.4
    said = [line.split()[0] for line in file.getvalue().splitlines()]
    assert said == ["10%", "40%", "70%", "100%"]  # nothing at 0; 1.2 s apart; the end always
    assert "\r" not in file.getvalue()


def test_progress_in_a_terminal_is_one_line_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Terminal()
    monkeypatch.setattr("sys.stderr", file)
    for part in (0.0, 0.5, 1.0):
        commands.progress(part, "reading")
    assert file.getvalue().count("\r") == 1
    assert file.getvalue().count("\n") == 1


def test_the_first_interrupt_asks_and_the_second_aborts() -> None:
    before, asked = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), commands.at_interrupt(lambda: asked.append(True)):  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        assert asked == [True]
        signal.raise_signal(signal.SIGINT)
    assert asked == [True]
    assert signal.getsignal(signal.SIGINT) == before


def test_another_thread_leaves_interrupts_alone() -> None:
    seen = []

    def work() -> None:
        with commands.at_interrupt(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
