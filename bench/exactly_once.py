"""A million ticks through rotations, the collector killed -9 twenty times: each counted once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.row import Row
from monitoring.home import Home
from monitoring.snapshots import SnapshotStore

SETTINGS = """\
interval_seconds = 1

[calendar]
name = "always"
"""
ENGINE = """
import sys, time
from tickbeat import HeartbeatWriter
heartbeat = HeartbeatWriter(sys.argv[1], interval_seconds=1, segment_bytes=int(sys.argv[3]))
for number in range(int(sys.argv[2])):
    heartbeat.record_tick({"pnl": {"daily": float(number)}, "orders": {"placed": number}})
    if number % 1000 == 0:
        while heartbeat.stats().queued > 2_000:  # a bare loop is faster than the disk, and drops
            time.sleep(0.001)
heartbeat.close(timeout_seconds=60)
assert heartbeat.stats().dropped == 0, heartbeat.stats()
"""
SEGMENT_BYTES = 4_000_000
QUICK_SEGMENT_BYTES = 1_000_000
DEADLINE_SECONDS = 600


class Told(NamedTuple):
    """What the snapshots say: sums over all of them, and the collector's own counts of the last.

    `numbers` is the sum of what the ticks hold: 0 + 1 + 2 + … when it is each of them, once. A tick
    that is lost and another that is counted twice would leave the count as it should be.
    """

    counted: int
    numbers: int
    gaps: int
    doubles: int


def run(*, quick: bool) -> list[Row]:
    """Return what was lost, counted twice, or held for a gap; all of it must be nothing."""
    ticks, kills = (100_000, 5) if quick else (1_000_000, 20)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tickbeat-once-") as folder:
        home = Home(Path(folder))
        size = QUICK_SEGMENT_BYTES if quick else SEGMENT_BYTES
        told = play(home, ticks, kills, size, random.Random(20251012))
        segments = len(list(home.heartbeat.glob("*.jsonl")))
    seconds = time.monotonic() - began
    wrong = abs(sum(range(ticks)) - told.numbers)
    yardstick = f"{ticks:,} written, {segments} segments, kill -9 × {kills}, {seconds:.0f} s"
    return [
        Row(what=what, ours=ours, yardstick=yardstick, figure=figure, budget=0, unit="ticks")
        for what, ours, figure in (
            ("ticks lost or counted twice", f"{told.counted:,} counted", abs(ticks - told.counted)),
            ("what their numbers add up to is wrong by", f"{told.numbers:,}", wrong),
            ("ticks in false gaps", f"{told.gaps:,}", told.gaps),
            ("ticks called duplicates", f"{told.doubles:,}", told.doubles),
        )
    ]


def play(home: Home, ticks: int, kills: int, segment_bytes: int, dice: random.Random) -> Told:
    """Write so many ticks while the collector is killed and started again.

    Raises TimeoutError when it does not get there, RuntimeError when a process ends by itself.
    """
    (home.root / "monitor.toml").write_text(SETTINGS)
    command = [sys.executable, "-c", ENGINE, str(home.heartbeat), str(ticks), str(segment_bytes)]
    engine = subprocess.Popen(command)
    collector = _collector(home)
    try:
        until = time.monotonic() + DEADLINE_SECONDS
        for _ in range(kills):
            time.sleep(dice.uniform(0.3, 1.2))
            collector.send_signal(signal.SIGKILL)
            _must_end(collector, -signal.SIGKILL)
            collector = _collector(home)
        _must_end(engine, 0)
        while (told := _told(home)).counted < ticks:
            if time.monotonic() > until:
                raise TimeoutError(f"{told.counted:,} of {ticks:,} ticks counted")
            time.sleep(0.2)
        collector.send_signal(signal.SIGTERM)
        _must_end(collector, 0, -signal.SIGTERM)  # it may only just have been started
        return _told(home)
    finally:
        for process in (engine, collector):
            process.kill()
            process.wait()


def _collector(home: Home) -> subprocess.Popen[bytes]:
    environ = {"MONITOR_HOME": str(home.root), "PATH": os.environ["PATH"]}
    return subprocess.Popen(
        [sys.executable, "-m", "collectors"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _must_end(process: subprocess.Popen[bytes], *statuses: int) -> None:
    if process.wait(DEADLINE_SECONDS) not in statuses:
        raise RuntimeError(f"{process.args!r} ended by itself: {process.returncode}")


def _told(home: Home) -> Told:
    store = SnapshotStore(home.snapshots)
    snapshots = [store.read(name) for name in store.names_after(None)]
    stats = [one.window.stats.get("pnl.daily") for one in snapshots]
    numbers = sum(one.mean * one.count for one in stats if one is not None and one.mean is not None)
    newest = snapshots[-1].collector if snapshots else None
    return Told(
        counted=sum(one.window.ticks for one in snapshots),
        numbers=round(numbers),
        gaps=newest.ticks_lost if newest is not None else 0,
        doubles=newest.ticks_duplicate if newest is not None else 0,
    )
