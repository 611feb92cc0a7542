"""kill -9 of a real collector at every call of a turn that reads a tick and writes a snapshot."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from monitoring.snapshots import SnapshotStore

Monitored = Any
FOR_EVER_MS = 253_402_300_799_999
# So far apart that what is written is written at once, for the breaker's sake.
SELDOM = {"MONITOR_INTERVAL_SECONDS": "300"}


def attached(pid: int, *options: str) -> subprocess.Popen[str]:
    """Trace the main thread of a process alone: the others only wake it."""
    tracer = subprocess.Popen(
        ["strace", "-p", str(pid), *options], stderr=subprocess.PIPE, text=True
    )
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if "attached" not in said:
        tracer.wait(60)
        pytest.skip(f"strace may not trace here: {said.strip()}")
    return tracer


def put_away(tracer: subprocess.Popen[str]) -> None:
    tracer.terminate()
    tracer.wait(60)
    assert tracer.stderr is not None
    tracer.stderr.close()


class Ticking:
    """Appends ticks of which each one changes what is watched."""

    def __init__(self, monitored: Monitored) -> None:
        self._monitored = monitored
        self.seq = 0

    def tick(self) -> None:
        self.seq += 1
        word = b"true" if self.seq % 2 else b"false"
        line = b'{"kind":"tick","writer":"w1","seq":%d,"risk":{"circuit_breaker_active":%s}}\n'
        self._monitored.append("main-w1.jsonl", line % (self.seq, word))

    def counted(self) -> bool:
        return bool(self._monitored.counted() >= self.seq)


def calls_of_a_turn(monitored: Monitored, ticking: Ticking, trace: Path) -> list[tuple[str, int]]:
    """Return each call of a turn by its name, and the how-manieth of that name it is."""
    collector = monitored.collector(**SELDOM)
    tracer = attached(collector.pid, "-o", str(trace))
    ticking.tick()
    monitored.wait(ticking.counted, "a snapshot at once")
    put_away(tracer)
    collector.kill()
    collector.wait()
    names = re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE)
    last = len(names) - names[::-1].index("fsync")
    return [(name, names[: place + 1].count(name)) for place, name in enumerate(names[:last])]


@pytest.mark.fault("C1")
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_every_tick_is_in_one_snapshot_wherever_its_collector_was_killed(
    monitored: Monitored, tmp_path: Path
) -> None:
    ticking = Ticking(monitored)
    ticking.tick()
    killed = set()
    for name, nth in calls_of_a_turn(monitored, ticking, tmp_path / "trace"):
        collector = monitored.collector(**SELDOM)
        inject = f"inject={name}:signal=KILL:when={nth}"
        tracer = attached(collector.pid, "-o", "/dev/null", "-e", f"trace={name}", "-e", inject)
        ticking.tick()
        monitored.wait(
            lambda process=collector: process.poll() is not None or ticking.counted(),
            f"the end at {name} {nth}",
        )
        put_away(tracer)
        if collector.poll() is None:  # this turn made fewer calls
            collector.kill()
        else:
            killed.add(name)
        assert collector.wait(60) == -signal.SIGKILL
        store = SnapshotStore(monitored.home.snapshots)
        seen = sum(one.window.ticks for _, one in store.between(0, FOR_EVER_MS))
        assert store.skipped == [], "none is torn"
        assert seen in {ticking.seq - 1, ticking.seq}, (name, nth)
    monitored.collector(**SELDOM)
    monitored.wait(ticking.counted, "the last tick")
    newest = monitored.snapshots()[-1].collector
    assert {"pread64", "fsync", "rename"} <= killed, "reading, syncing and naming were hit"
    assert monitored.counted() == ticking.seq
    assert (newest.ticks_lost, newest.gaps, newest.ticks_duplicate) == (0, [], 0)
    assert not list(monitored.home.snapshots.glob(".*"))
