"""What real engines leave behind, and what a real collector makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

Monitored = Any
TICKS = """
import sys
from tickbeat import HeartbeatWriter
with HeartbeatWriter(sys.argv[1]) as heartbeat:
    for number in range(int(sys.argv[2])):
        heartbeat.record_tick({"custom": {"number": number}})
"""
# Its last write is cut short by the kernel: a line without its end.
TORN = """
import resource, sys, time
from tickbeat import HeartbeatWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
heartbeat = HeartbeatWriter(sys.argv[1])
while heartbeat.stats().write_errors == 0:
    heartbeat.record_tick({"custom": {"a": 1.0}})
    time.sleep(0.001)
sys.stdin.read()
"""


@pytest.mark.fault("W7")
def test_four_engines_of_one_name_are_counted_each_for_itself(monitored: Monitored) -> None:
    monitored.collector()
    folder = str(monitored.home.heartbeat)
    engines = [monitored.start("-c", TICKS, folder, "500") for _ in range(4)]
    assert [engine.wait(60) for engine in engines] == [0] * 4
    monitored.wait(lambda: monitored.counted() >= 2000, "all ticks")
    newest = monitored.snapshots()[-1].collector
    assert len(list(monitored.home.heartbeat.iterdir())) == 4
    assert (monitored.counted(), newest.ticks_lost, newest.ticks_duplicate) == (2000, 0, 0)
    assert [mark.next_seq for mark in newest.writers] == [501] * 4


def is_torn(folder: Path) -> bool:
    return any(
        file.stat().st_size == 1000 and not file.read_bytes().endswith(b"\n")
        for file in folder.glob("*.jsonl")
    )


@pytest.mark.fault("W9")
def test_a_line_that_a_kill_left_torn_costs_itself_alone(monitored: Monitored) -> None:
    folder = monitored.home.heartbeat
    engine = monitored.start("-c", TORN, str(folder))
    monitored.wait(lambda: is_torn(folder), "a write that was cut short")
    engine.kill()
    engine.wait()
    (file,) = folder.iterdir()
    whole = file.read_bytes().count(b"\n") - 1  # the first is the header
    next_one = monitored.start("-c", TICKS, str(folder), "5")
    assert next_one.wait(60) == 0
    monitored.collector()
    monitored.wait(lambda: monitored.counted() >= whole + 5, "the whole lines")
    newest = monitored.snapshots()[-1].collector
    assert whole > 0
    assert monitored.counted() == whole + 5
    assert (newest.lines_rejected, newest.ticks_lost, newest.gaps) == (0, 0, [])
