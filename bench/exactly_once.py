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
    counted, gaps, doubles = told
    yardstick = f"{ticks:,} written, {segments} segments, kill -9 × {kills}, {seconds:.0f} s"
    return [
        Row(what=what, ours=ours, yardstick=yardstick, figure=figure, budget=0, unit="ticks")
        for what, ours, figure in (
            ("ticks lost or counted twice", f"{counted:,} counted", abs(ticks - counted)),
            ("ticks in false gaps", f"{gaps:,}", gaps),
            ("ticks called duplicates", f"{doubles:,}", doubles),
        )
    ]


def play(
    home: Home, ticks: int, kills: int, segment_bytes: int, dice: random.Random
) -> tuple[int, int, int]:
    """Write so many ticks while the collector is killed and started again.

    Returns the sum of `window.ticks` over all snapshots, and of the last one how many ticks are
    in gaps and how many were duplicates. Raises TimeoutError when it does not get there.
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
            collector.wait()
            collector = _collector(home)
        if engine.wait(DEADLINE_SECONDS):
            raise RuntimeError(f"the writer failed: {engine.returncode}")
        while (told := _told(home))[0] < ticks:
            if time.monotonic() > until:
                raise TimeoutError(f"{told[0]:,} of {ticks:,} ticks counted")
            time.sleep(0.2)
        collector.send_signal(signal.SIGTERM)
        collector.wait(30)
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


def _told(home: Home) -> tuple[int, int, int]:
    store = SnapshotStore(home.snapshots)
    snapshots = [store.read(name) for name in store.names_after(None)]
    counted = sum(one.window.ticks for one in snapshots)
    if not snapshots:
        return counted, 0, 0
    newest = snapshots[-1].collector
    return counted, newest.ticks_lost, newest.ticks_duplicate
