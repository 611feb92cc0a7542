"""An hour of ordinary life, forty times faster: what it costs engine, collector and scheduler.

Ticks, snapshots and evaluations are as many as in the hour; what goes by the clock (pulses, polls)
is less. So the rows of idle CPU, which are at the true pace, stand beside these.

python -m bench.hour FOLDER TICKS     the engine: ticks (FOLDER "": only turns), prints what it used
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.processes import cpu_seconds, monitors, peak_bytes, until
from bench.row import Row
from bench.tailer import TICK, counted
from monitoring.home import Home
from tickbeat import HeartbeatWriter

TICKS_PER_SECOND = 10
FASTER = 40
SETTINGS = f"""\
interval_seconds = {10 / FASTER}
evaluate_seconds = {10 / FASTER}

[calendar]
name = "always"
"""
HOUR_TICKS = 3600 * TICKS_PER_SECOND
QUICK_TICKS = HOUR_TICKS // 10
ENGINE_SECONDS = 3600 * 0.003
"""The promise: 0.3 % of a core."""

MONITOR_SECONDS = 3600 * 0.01
"""The promise for each process: 1 % of a core."""

MONITOR_MB = 60


class Used(msgspec.Struct):
    """What a process used."""

    cpu_seconds: float
    peak_mb: float


def run(*, quick: bool) -> list[Row]:
    """Return processor seconds and peak memory of the three processes."""
    ticks = QUICK_TICKS if quick else HOUR_TICKS
    with tempfile.TemporaryDirectory(prefix="tickbeat-hour-") as folder:
        home = Home(Path(folder))
        with monitors(home, SETTINGS) as pids:
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            began = time.monotonic()
            engines = [_engine(where, ticks) for where in (str(home.heartbeat), "")]
            engine, loop = (_end(process) for process in engines)
            until(lambda: counted(home) >= ticks, f"the last of {ticks} ticks", 60)
            passed = time.monotonic() - began
            monitor = {
                name: Used(cpu_seconds(pid) - before[name], peak_bytes(pid) / 1e6)
                for name, pid in pids.items()
            }
        snapshots = sum(1 for _ in home.snapshots.glob("metrics_*.json"))
    part = ticks / HOUR_TICKS
    life = f"{ticks:,} ticks, {snapshots} snapshots in {passed:.0f} s"
    hour = f"an hour of ordinary life{'' if part == 1 else f' (quick: {part:g} of it)'}"
    rows = [
        Row(
            what=f"{hour}: CPU of the engine's ticks",
            ours=f"{engine.cpu_seconds:.2f} s",
            yardstick=f"its loop without ticks {loop.cpu_seconds:.2f} s",
            figure=(engine.cpu_seconds - loop.cpu_seconds) / part,
            budget=ENGINE_SECONDS,
            unit="s/h",
        ),
        Row(
            what=f"{hour}: peak memory of the engine",
            ours=f"{engine.peak_mb:.1f} MB",
            yardstick=f"its loop without ticks {loop.peak_mb:.1f} MB",
            figure=engine.peak_mb - loop.peak_mb,
            budget=None,
            unit="MB more",
        ),
    ]
    for name, used in monitor.items():
        rows += [
            Row(
                what=f"{hour}: CPU of the {name}", ours=f"{used.cpu_seconds:.2f} s",
                yardstick=life, figure=used.cpu_seconds / part, budget=MONITOR_SECONDS, unit="s/h",
            ),
            Row(
                what=f"{hour}: peak memory of the {name}", ours=f"{used.peak_mb:.1f} MB",
                yardstick=life, figure=used.peak_mb, budget=MONITOR_MB, unit="MB",
            ),
        ]  # fmt: skip
    return rows


def _engine(folder: str, ticks: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.hour", folder, str(ticks)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _end(process: subprocess.Popen[bytes]) -> Used:
    said, _ = process.communicate()
    return msgspec.json.decode(said, type=Used)


def _live(folder: str, ticks: int) -> None:
    heartbeat = HeartbeatWriter(folder, interval_seconds=1 / TICKS_PER_SECOND) if folder else None
    began, used = time.monotonic(), time.process_time()
    for number in range(ticks):
        time.sleep(max(0.0, began + number / TICKS_PER_SECOND / FASTER - time.monotonic()))
        if heartbeat is not None:
            heartbeat.record_tick(TICK)
    if heartbeat is not None:
        heartbeat.close(timeout_seconds=10)
    spent = Used(time.process_time() - used, peak_bytes(os.getpid()) / 1e6)
    print(msgspec.json.encode(spent).decode())


if __name__ == "__main__":
    _live(sys.argv[1], int(sys.argv[2]))
