"""What a tick asks of the kernel, whatever becomes of the collector.

Time would be the machine's word; the system calls are the engine's.
"""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Monitored = Any
TICKS = 60
ENGINE = """
import os, sys
from tickbeat import HeartbeatWriter
heartbeat = HeartbeatWriter(sys.argv[1], interval_seconds=1)
path = heartbeat.stats().path

def wait_for(lines):
    while not os.path.exists(path) or open(path, "rb").read().count(b'"kind":"tick"') < lines:
        pass

for number in range(int(sys.argv[2])):
    os.getppid()  # a mark in the trace
    heartbeat.record_tick({"pnl": {"daily": 1.5}, "custom": {"number": number}})
    os.getppid()
    wait_for(number + 1)
"""
MANY = """
import sys
from tickbeat import HeartbeatWriter
heartbeat = HeartbeatWriter(sys.argv[1])
for number in range(int(sys.argv[2])):
    heartbeat.record_tick()
heartbeat.close(timeout_seconds=60)
assert heartbeat.stats().dropped == 0
"""
_CALL = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\((?P<rest>.*)$", re.MULTILINE)
# What Python does for its own memory, sometimes.
MEMORY = {"mmap", "munmap", "mremap", "madvise", "brk"}


def absent(monitored: Monitored) -> None:
    """No collector was ever there."""


def stopped(monitored: Monitored) -> None:
    monitored.collector().send_signal(signal.SIGSTOP)


def killed(monitored: Monitored) -> None:
    collector = monitored.collector()
    collector.kill()
    collector.wait()


@pytest.mark.fault("W1")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("befall", [absent, stopped, killed])
def test_a_tick_rings_a_bell_at_most_and_is_one_write_of_another_thread(
    monitored: Monitored, tmp_path: Path, befall: Callable[[Monitored], None]
) -> None:
    befall(monitored)
    trace = tmp_path / "trace"
    engine = monitored.start(
        "-c", ENGINE, str(monitored.home.heartbeat), str(TICKS),
        wrapper=("strace", "-f", "-qq", "-s", "64", "-o", str(trace)),
    )  # fmt: skip
    assert engine.wait(120) == 0, monitored.said()

    calls = [match.group("thread", "name", "rest") for match in _CALL.finditer(trace.read_text())]
    main = calls[0][0]
    of_main = [name for thread, name, _ in calls if thread == main]
    marks = [place for place, name in enumerate(of_main) if name == "getppid"]
    within = [
        set(of_main[first + 1 : last]) - MEMORY
        for first, last in zip(marks[::2], marks[1::2], strict=True)
    ]
    writes = [
        thread for thread, name, rest in calls if name == "write" and r"\"kind\":\"tick\"" in rest
    ]
    assert len(within) == TICKS
    assert set().union(*within) <= {"futex"}, "it touches no file, and waits for none"
    assert len(writes) == TICKS
    assert main not in writes


@pytest.mark.fault("W1")
def test_a_collector_that_was_stopped_finds_all_that_was_written_meanwhile(
    monitored: Monitored,
) -> None:
    collector = monitored.collector()
    collector.send_signal(signal.SIGSTOP)
    engine = monitored.start("-c", MANY, str(monitored.home.heartbeat), "20000")
    assert engine.wait(120) == 0, monitored.said()
    collector.send_signal(signal.SIGCONT)
    monitored.wait(lambda: monitored.counted() >= 20_000, "all ticks")
    newest = monitored.snapshots()[-1].collector
    assert (monitored.counted(), newest.ticks_lost, newest.ticks_duplicate) == (20_000, 0, 0)
