"""From `record_tick` to the synced alert line, through a real collector and a real scheduler."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from bench.panel import Curve, Line, Panel
from bench.processes import cpu_seconds, monitors, resident_bytes, until
from bench.recording import LOOSE, live_two_days
from bench.row import Row, spread
from bench.tailer import TICK
from monitoring.clock import SystemClock
from monitoring.home import Home
from monitoring.state import read_state
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


def run(*, quick: bool) -> list[Row | Panel]:
    """Measure the latency of one alert, many times, and what both processes cost when idle."""
    with tempfile.TemporaryDirectory(prefix="tickbeat-latency-") as folder:
        home = Home(Path(folder))
        past = live_two_days(home, SystemClock().now())
        with monitors(home, SETTINGS, RULES) as pids:
            until(lambda: _evaluated(home) > past, "a snapshot", 60)
            writer = HeartbeatWriter(home.heartbeat, engine="main", interval_seconds=0.1)
            try:
                alert_seconds, syncs_seconds = _alerts(home, writer, 40 if quick else 300)
                cost = _idle_cost(writer, pids, 10 if quick else 60)
            finally:
                writer.close()
    ordered = sorted(alert_seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    sync_ms = statistics.median(syncs_seconds) * 1e3
    rows: list[Row | Panel] = [
        Row(
            what=f"critical tick → alert line synced, {LOOSE:,} snapshots in the folder, {name}",
            ours=f"{seconds * 1e3:.2f} ms over {len(ordered)}",
            spread=spread([one * 1e3 for one in ordered], "ms"),
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
    shares = ((one * 1e3, (n + 1) / len(ordered) * 100) for n, one in enumerate(ordered))
    return [
        *rows,
        Curve(
            title="Critical tick → alert line synced: within what time",
            x="ms",
            unit="% of alerts",
            lines=(Line("", tuple(shares)),),
        ),
    ]


def _alerts(home: Home, writer: HeartbeatWriter, times: int) -> tuple[list[float], list[float]]:
    """Return seconds from each tripping tick to its line, and of a bare write and sync."""
    well = {"risk": {"circuit_breaker_active": False, "daily_loss_pct": 0.1}}
    tripped = {"risk": {"circuit_breaker_active": True, "daily_loss_pct": 0.1}}
    began = _evaluated(home)
    writer.record_tick(well)
    until(lambda: _evaluated(home) > began, "a snapshot", 20)
    taken: list[float] = []
    syncs: list[float] = []
    with (home.root / "yardstick").open("wb", buffering=0) as yardstick:
        log = _Log(home.alerts)
        for number in range(times):
            time.sleep(0.3 + number % 7 * 0.013)  # past what the collector lets through at once
            began = time.perf_counter()
            writer.record_tick(tripped)
            taken.append(log.wait_for(FIRING) - began)
            time.sleep(0.3)
            writer.record_tick(well)
            log.wait_for(RESOLVED)
            began = time.perf_counter()
            yardstick.write(b"x" * 700)
            os.fdatasync(yardstick.fileno())
            syncs.append(time.perf_counter() - began)
    return taken, syncs


def _evaluated(home: Home) -> int:
    """Return the number of the last snapshot that the scheduler evaluated."""
    state = read_state(home.state, "scheduler")
    return (state and state.snapshot_number) or 0


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
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        writer.record_tick(TICK)
        time.sleep(1 / TICKS_PER_SECOND)
    passed = time.perf_counter() - began
    return {
        name: ((cpu_seconds(pid) - before[name]) / passed * 100, resident_bytes(pid) / 1e6)
        for name, pid in pids.items()
    }
