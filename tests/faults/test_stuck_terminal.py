"""`make run` in a terminal that takes nothing any more: a paused screen, a dead ssh connection."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Monitored = Any
PROJECT = Path(__file__).parents[2]
BREAKER = b'{"kind":"tick","writer":"w1","seq":1,"risk":{"circuit_breaker_active":true}}\n'
STEPS = 4


def fill(descriptor: int) -> int:
    """Write until nothing more is taken; return how many bytes that were."""
    os.set_blocking(descriptor, False)
    written = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            written += os.write(descriptor, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            written += os.write(descriptor, b"x")
    return written


@pytest.fixture
def honcho(monitored: Monitored) -> Iterator[Callable[[int], subprocess.Popen[bytes]]]:
    """Return what runs the Procfile on the home, writing to this terminal, as `make run` does."""
    started: list[subprocess.Popen[bytes]] = []

    def run(terminal: int) -> subprocess.Popen[bytes]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "honcho", "start"],
                cwd=PROJECT, env=monitored.environ | {"PATH": path},
                stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
            )
        )  # fmt: skip
        return started[0]

    yield run
    pids = [state.pid for name in ("collector", "scheduler") if (state := monitored.state(name))]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its readers too
        process.wait()


def went_on(monitored: Monitored) -> None:
    """Wait until either process has got a few steps further than now."""
    collector, scheduler = monitored.state("collector"), monitored.state("scheduler")
    monitored.wait(
        lambda: (
            monitored.state("collector").snapshot_number >= collector.snapshot_number + STEPS
            and monitored.state("scheduler").snapshot_number >= scheduler.snapshot_number + STEPS
        ),
        "more snapshots, and their evaluation",
    )


@pytest.mark.fault("P6")
def test_both_processes_go_on_and_end_behind_a_honcho_whose_terminal_is_stuck(
    monitored: Monitored, honcho: Callable[[int], subprocess.Popen[bytes]]
) -> None:
    ours, theirs = pty.openpty()  # nobody ever reads ours
    held = os.open(os.ttyname(theirs), os.O_WRONLY | os.O_NOCTTY)
    supervisor = honcho(theirs)
    monitored.wait(
        lambda: monitored.state("collector") and monitored.state("scheduler"), "both processes"
    )
    monitored.wait(lambda: monitored.state("scheduler").snapshot_number, "an evaluation")
    pids = [monitored.state(name).pid for name in ("collector", "scheduler")]
    assert fill(held) > 0
    went_on(monitored)

    # And when honcho itself takes nothing from the pipes that they log to.
    os.kill(supervisor.pid, signal.SIGSTOP)
    for pid in pids:
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGSTOP)
        pipe = os.open(f"/proc/{pid}/fd/2", os.O_WRONLY)
        assert fill(pipe) >= 4096
        os.close(pipe)
    monitored.append("main-w1.jsonl", BREAKER)  # each alert is logged too
    monitored.wait(lambda: monitored.firing("circuit_breaker_triggered"), "the alert")
    went_on(monitored)

    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    monitored.wait(lambda: not any(map(is_alive, pids)), "the end of both", 30)
    for descriptor in (ours, theirs, held):
        os.close(descriptor)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and waits for its stopped parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
