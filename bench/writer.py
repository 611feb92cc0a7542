"""What `record_tick` costs an engine, beside a bare encode of the same dict.

The yardsticks run in the same process and in turns with ours, because a paced figure on a
virtual machine moves by half from one minute to the next.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.panel import Bars, Panel
from bench.row import Row, spread
from bench.writer_disk import refusing_disks
from bench.writer_yardsticks import (
    Call,
    Tick,
    bare_encode,
    file_per_tick,
    loguru_json,
    no_op,
    opentelemetry_gauges,
    prometheus_gauges,
)
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

YARDSTICKS: dict[str, tuple[Callable[[Tick, Path], Call], int, float | None]] = {
    "bare msgspec encode": (bare_encode, 20_000, 2),
    "prometheus_client, multiprocess": (prometheus_gauges, 1_000, 1 / 5),
    "OpenTelemetry gauges": (opentelemetry_gauges, 1_000, None),
    "loguru, JSON sink": (loguru_json, 500, None),
    "one JSON file per tick": (file_per_tick, 200, None),
    "a call that does nothing": (no_op, 20_000, None),
}
"""Of each: how it is made, calls per round, and what ours may be of it."""

OURS_PER_ROUND = 20_000


def run(*, quick: bool) -> list[Row | Panel]:
    """Measure everything that an engine pays, in about a minute (quick) or four."""
    with tempfile.TemporaryDirectory() as folder:
        heartbeat = HeartbeatWriter(Path(folder) / "ours", interval_seconds=0.01)
        bare = bare_encode(TICK, Path(folder))

        def ours() -> None:
            heartbeat.record_tick(TICK)

        found = _tight(ours, heartbeat, Path(folder), rounds=5 if quick else 20)
        found += _paced(ours, bare, blocks=6 if quick else 30)
        found.append(_cpu(ours, blocks=2 if quick else 6))
        found.append(_longest(ours, seconds=6 if quick else 60))
        heartbeat.close()
    return [*found, *refusing_disks(quick=quick)]


def _tight(ours: Call, heartbeat: HeartbeatWriter, folder: Path, rounds: int) -> list[Row | Panel]:
    calls = {"record_tick": (ours, OURS_PER_ROUND)}
    for name, (make, times, _) in YARDSTICKS.items():
        own = folder / make.__name__
        own.mkdir()
        calls[name] = make(TICK, own), times
    took: dict[str, list[int]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (call, times) in calls.items():
            _until_written(heartbeat)
            took[name].extend(_timed(call, times, pause_seconds=0))
    _until_written(heartbeat)
    micros = {name: statistics.median(one) / 1e3 for name, one in took.items()}
    our = micros.pop("record_tick")
    dropped = heartbeat.stats().dropped
    rows: list[Row | Panel] = [
        Row(
            what=f"record_tick beside {name}, tight loop",
            ours=f"{our:.2f} µs",
            spread=spread([one / 1e3 for one in took["record_tick"]], "µs"),
            yardstick=f"{micros[name]:.2f} µs",
            figure=our / micros[name],
            budget=budget,
            unit="×",
        )
        for name, (_, _, budget) in YARDSTICKS.items()
    ]
    lost = Row(
        what="record_tick, tight loop, ticks dropped",
        ours=f"{dropped} of {len(took['record_tick'])}",
        yardstick="none",
        figure=dropped,
        budget=0,
        unit="ticks",
    )
    bars = (("record_tick", our), *micros.items())
    title = "What a tick of 15 values costs its engine, median"
    return [*rows, lost, Bars(title=title, unit="µs", bars=bars, ours="record_tick")]


def _paced(ours: Call, bare: Call, blocks: int) -> list[Row | Panel]:
    took: dict[Call, list[int]] = {bare: [], ours: []}
    for _ in range(blocks):
        for call, times in took.items():
            times.extend(_timed(call, 50, pause_seconds=0.01))
    return [
        Row(
            what=f"record_tick, 100 ticks/s, {name}",
            ours=f"{at(took[ours]) / 1e3:.1f} µs",
            spread=spread([one / 1e3 for one in took[ours]], "µs"),
            yardstick=f"bare encode, paced alike {at(took[bare]) / 1e3:.1f} µs",
            figure=at(took[ours]) / at(took[bare]),
            budget=2,
            unit="×",
        )
        for name, at in (("median", statistics.median), ("p99", _p99))
    ]


def _cpu(ours: Call, blocks: int) -> Row:
    used: dict[bool, list[float]] = {True: [], False: []}
    seconds = 5.0
    for _ in range(blocks):
        for ticking, shares in used.items():
            started = time.process_time()
            for _ in range(int(seconds * 10)):
                time.sleep(0.1)
                if ticking:
                    ours()
            shares.append((time.process_time() - started) / seconds)
    added = [with_ticks - without for with_ticks, without in zip(*used.values(), strict=True)]
    return Row(
        what="engine CPU added at 10 ticks/s",
        ours=f"{statistics.mean(used[True]):.3%}",
        spread=spread([one * 100 for one in added], "% of a core"),
        yardstick=f"the loop without ticks {statistics.mean(used[False]):.3%}",
        figure=statistics.mean(added) * 100,
        budget=0.3,
        unit="% of a core",
    )


def _longest(ours: Call, seconds: int) -> Row:
    nothing = no_op(TICK, Path())
    took: dict[Call, list[int]] = {nothing: [], ours: []}
    for _ in range(seconds):
        for call, times in took.items():
            times.extend(_timed(call, 50, pause_seconds=0.01))
    slowest, still = (max(took[call]) / 1e6 for call in (ours, nothing))
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


def _until_written(heartbeat: HeartbeatWriter) -> None:
    deadline = time.monotonic() + 10
    while heartbeat.stats().queued and time.monotonic() < deadline:
        time.sleep(0.01)


def _p99(took: list[int]) -> float:
    return statistics.quantiles(took, n=100)[98]
