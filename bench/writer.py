"""What `record_tick` costs an engine, beside a bare encode of the same dict.

The yardsticks run in the same process and in turns with ours, because a paced figure on a
virtual machine moves by half from one minute to the next.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable

import msgspec

from bench.row import Row
from bench.writer_disk import refusing_disks
from bench.writer_prometheus import gauge_setter
from tickbeat import HeartbeatWriter

TICK: dict[str, dict[str, object]] = {
    "positions": {"count": 3, "total_value": 150000.0, "without_stop": 1},
    "pnl": {"daily": 2500.5, "unrealized": 1200.0, "realized": 1300.5},
    "risk": {"circuit_breaker_active": False, "daily_loss_pct": -0.25, "max_position_value": 5e4},
    "orders": {"placed": 12, "rejected": 0, "open": 1},
    "sentiment": {"last_score": 0.65},
    "performance": {"tick_latency_ms": 4.2},
    "custom": {"spread_bps": 3.1},
}
"""A tick of 15 values."""

Call = Callable[[], object]


def run(*, quick: bool) -> list[Row]:
    """Measure everything that an engine pays, in about a minute (quick) or six."""
    with tempfile.TemporaryDirectory() as folder:
        heartbeat = HeartbeatWriter(folder, interval_seconds=0.01)
        encode = msgspec.json.Encoder().encode

        def ours() -> None:
            heartbeat.record_tick(TICK)

        def bare() -> None:
            encode(TICK)

        rows = _tight(ours, bare, heartbeat, rounds=5 if quick else 20)
        rows += _paced(ours, bare, blocks=6 if quick else 30)
        rows.append(_cpu(ours, blocks=2 if quick else 6))
        rows.append(_longest(ours, seconds=6 if quick else 60))
        heartbeat.close()
    return rows + refusing_disks(quick=quick)


def _tight(ours: Call, bare: Call, heartbeat: HeartbeatWriter, rounds: int) -> list[Row]:
    gauges = gauge_setter(TICK)
    took: dict[Call, list[int]] = {bare: [], ours: [], gauges: []}
    for _ in range(rounds):
        for call, times in took.items():
            _until_written(heartbeat)
            times.extend(_timed(call, 1_000 if call is gauges else 20_000, pause_seconds=0))
    _until_written(heartbeat)
    ours_ns, bare_ns, gauges_ns = (statistics.median(took[call]) for call in (ours, bare, gauges))
    dropped = heartbeat.stats().dropped
    return [
        Row(
            what="record_tick, tight loop, median",
            ours=f"{ours_ns / 1e3:.2f} µs",
            yardstick=f"bare msgspec encode {bare_ns / 1e3:.2f} µs",
            figure=ours_ns / bare_ns,
            budget=2,
            unit="×",
        ),
        Row(
            what="record_tick, tight loop, ticks dropped",
            ours=f"{dropped} of {len(took[ours])}",
            yardstick="none",
            figure=dropped,
            budget=0,
            unit="ticks",
        ),
        Row(
            what="record_tick beside 15 Prometheus gauges, tight loop, median",
            ours=f"{ours_ns / 1e3:.2f} µs",
            yardstick=f"prometheus_client, multiprocess {gauges_ns / 1e3:.2f} µs",
            figure=ours_ns / gauges_ns,
            budget=1 / 5,
            unit="×",
        ),
    ]


def _paced(ours: Call, bare: Call, blocks: int) -> list[Row]:
    took: dict[Call, list[int]] = {bare: [], ours: []}
    for _ in range(blocks):
        for call, times in took.items():
            times.extend(_timed(call, 50, pause_seconds=0.01))
    return [
        Row(
            what=f"record_tick, 100 ticks/s, {name}",
            ours=f"{at(took[ours]) / 1e3:.1f} µs",
            yardstick=f"bare encode, paced alike {at(took[bare]) / 1e3:.1f} µs",
            figure=at(took[ours]) / at(took[bare]),
            budget=2,
            unit="×",
        )
        for name, at in (("median", statistics.median), ("p99", _p99))
    ]


def _cpu(ours: Call, blocks: int) -> Row:
    used = {True: 0.0, False: 0.0}
    seconds = 5.0
    for _ in range(blocks):
        for ticking in used:
            started = time.process_time()
            for _ in range(int(seconds * 10)):
                time.sleep(0.1)
                if ticking:
                    ours()
            used[ticking] += time.process_time() - started
    wall = seconds * blocks
    return Row(
        what="engine CPU added at 10 ticks/s",
        ours=f"{used[True] / wall:.3%}",
        yardstick=f"the loop without ticks {used[False] / wall:.3%}",
        figure=(used[True] - used[False]) / wall * 100,
        budget=0.3,
        unit="% of a core",
    )


def _longest(ours: Call, seconds: int) -> Row:
    took: dict[Call, list[int]] = {_nothing: [], ours: []}
    for _ in range(seconds):
        for call, times in took.items():
            times.extend(_timed(call, 50, pause_seconds=0.01))
    slowest, still = (max(took[call]) / 1e6 for call in (ours, _nothing))
    return Row(
        what=f"record_tick, slowest of {len(took[ours])} paced calls",
        ours=f"{slowest:.3f} ms",
        yardstick=f"slowest no-op beside it {still:.3f} ms",
        figure=slowest,
        budget=max(1.0, still),
        unit="ms",
    )


def _timed(call: Call, times: int, pause_seconds: float) -> list[int]:
    """Return the nanoseconds of each call."""
    clock = time.perf_counter_ns
    took = []
    for _ in range(times):
        if pause_seconds:
            time.sleep(pause_seconds)
        started = clock()
        call()
        took.append(clock() - started)
    return took


def _nothing() -> None:
    """Be the yardstick of a call that does nothing."""


def _until_written(heartbeat: HeartbeatWriter) -> None:
    deadline = time.monotonic() + 10
    while heartbeat.stats().queued and time.monotonic() < deadline:
        time.sleep(0.01)


def _p99(took: list[int]) -> float:
    return statistics.quantiles(took, n=100)[98]
