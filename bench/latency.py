"""From `record_tick` to the synced alert line, through a real collector and a real scheduler."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.row import Row
from bench.tailer import TICK
from tickbeat import HeartbeatWriter

SETTINGS = """\
interval_seconds = 10
evaluate_seconds = 5

[calendar]
name = "always"
"""
RULES = """\
[[rule]]
name = "bench_breaker"
severity = "CRITICAL"
when = ["window.risk.circuit_breaker_active.last == 1.0"]
for = "0s"
keep_firing_for = "0s"
message = "breaker"
"""
LOOK_SECONDS = 0.000_1
FIRING = b'"rule":"bench_breaker","status":"firing"'
RESOLVED = b'"rule":"bench_breaker","status":"resolved"'
TICKS_PER_SECOND = 10


def run(*, quick: bool) -> list[Row]:
    """Measure the latency of one alert, many times, and what both processes cost when idle."""
    with (
        tempfile.TemporaryDirectory(prefix="tickbeat-latency-") as folder,
        _monitor(folder) as pids,
    ):
        home = Path(folder)
        writer = HeartbeatWriter(home / "data" / "heartbeat", engine="main", interval_seconds=0.1)
        try:
            alert_seconds, syncs_seconds = _alerts(home, writer, 40 if quick else 300)
            cost = _idle_cost(writer, pids, 10 if quick else 60)
        finally:
            writer.close()
    ordered = sorted(alert_seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    sync_ms = statistics.median(syncs_seconds) * 1e3
    rows = [
        Row(
            what=f"critical tick → alert line synced, {name}",
            ours=f"{seconds * 1e3:.2f} ms over {len(ordered)}",
            yardstick=f"write + fdatasync alone {sync_ms:.2f} ms",
            figure=seconds * 1e3,
            budget=budget,
            unit="ms",
        )
        for name, seconds, budget in (
            ("median", statistics.median(ordered), 8.0),
            ("p99", p99, 25.0),
        )
    ]
    for name, (cpu_pct, rss_mb) in cost.items():
        yardstick = f"at {TICKS_PER_SECOND} ticks/s"
        rows += [
            Row(
                what=f"idle CPU of the {name}", ours=f"{cpu_pct:.2f} % of a core",
                yardstick=yardstick, figure=cpu_pct, budget=1.0, unit="%",
            ),
            Row(
                what=f"memory of the {name}", ours=f"{rss_mb:.1f} MB",
                yardstick=yardstick, figure=rss_mb, budget=60.0, unit="MB",
            ),
        ]  # fmt: skip
    return rows


@contextmanager
def _monitor(folder: str) -> Iterator[dict[str, int]]:
    """Run a collector and a scheduler on the folder; yields their pids."""
    home = Path(folder)
    (home / "monitor.toml").write_text(SETTINGS)
    (home / "rules.toml").write_text(RULES)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MONITOR_")}
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", name + "s" * (name == "collector")],
            env=environ | {"MONITOR_HOME": folder},
            stdout=subprocess.DEVNULL,
            stderr=(home / f"{name}.stderr").open("w"),
        )
        for name in ("collector", "scheduler")
    }
    try:
        for name in processes:
            _until((home / "data" / "state" / f"{name}.json").exists, f"the {name}")
        yield {name: process.pid for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        for process in processes.values():
            process.wait(10)


def _alerts(home: Path, writer: HeartbeatWriter, times: int) -> tuple[list[float], list[float]]:
    """Return seconds from each tripping tick to its line, and of a bare write and sync."""
    calm = {"risk": {"circuit_breaker_active": False, "daily_loss_pct": 0.1}}
    tripped = {"risk": {"circuit_breaker_active": True, "daily_loss_pct": 0.1}}
    writer.record_tick(calm)
    _until(lambda: any((home / "data" / "monitoring").glob("metrics_*.json")), "a snapshot")
    taken: list[float] = []
    syncs: list[float] = []
    with (home / "yardstick").open("wb", buffering=0) as yardstick:
        log = _Log(home / "logs" / "alerts")
        for number in range(times):
            time.sleep(0.3 + number % 7 * 0.013)  # past what the collector lets through at once
            began = time.perf_counter()
            writer.record_tick(tripped)
            taken.append(log.wait_for(FIRING) - began)
            time.sleep(0.3)
            writer.record_tick(calm)
            log.wait_for(RESOLVED)
            began = time.perf_counter()
            yardstick.write(b"x" * 700)
            os.fdatasync(yardstick.fileno())
            syncs.append(time.perf_counter() - began)
    return taken, syncs


class _Log:
    """Looks at the alert log often enough to say when a line came.

    A line is seen when it is written, a moment before it is synced: so a sync of our own, which
    the kernel finishes no earlier than the one under way, is waited for as well.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._seen = 0

    def wait_for(self, text: bytes) -> float:
        deadline = time.perf_counter() + 10
        while time.perf_counter() < deadline:
            newest = max(self._folder.glob("*.jsonl"), default=None)
            if newest is not None:
                if newest != self._path:
                    self._path, self._seen = newest, 0
                with newest.open("rb") as file:
                    file.seek(self._seen)
                    found = file.read()
                    if text in found and found.endswith(b"\n"):
                        os.fdatasync(file.fileno())
                        self._seen += len(found)
                        return time.perf_counter()
            time.sleep(LOOK_SECONDS)
        raise TimeoutError(f"no {text.decode()} within 10 s")


def _idle_cost(
    writer: HeartbeatWriter, pids: dict[str, int], seconds: int
) -> dict[str, tuple[float, float]]:
    """Return per process its CPU (% of a core) and resident memory (MB) under calm ticks."""
    before = {name: _cpu_seconds(pid) for name, pid in pids.items()}
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        writer.record_tick(TICK)
        time.sleep(1 / TICKS_PER_SECOND)
    passed = time.perf_counter() - began
    return {
        name: ((_cpu_seconds(pid) - before[name]) / passed * 100, _rss_mb(pid))
        for name, pid in pids.items()
    }


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise ProcessLookupError(pid)


def _until(happened, what: str) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within 20 s")
        time.sleep(0.01)
