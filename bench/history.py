"""`monitor metrics` over a month of snapshots: a cold process, and the query inside it."""

from __future__ import annotations

import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from bench.panel import Curve, Line, Panel
from bench.recording import EVERY_MS, LOOSE, PER_DAY
from bench.row import Row, spread
from evaluator.stats import Stats
from monitoring.history import BUCKET_MS, History, query
from monitoring.home import Home
from monitoring.snapshot import CollectorStatus, Snapshot, Window, file_name

MONTH_DAYS = 30
BUDGET_MS = 400
WEEK_MS = 7 * 86_400_000
FIELDS = ("pnl.daily", "risk.daily_loss_pct", "positions.total_value", "heartbeat.age_seconds")


def run(*, quick: bool) -> list[Row | Panel]:
    """Return the command beside a bare interpreter, the query beside a bare SELECT, and growth."""
    rounds = 5 if quick else 15
    days = (1, 2, 4) if quick else (1, 7, MONTH_DAYS)
    week: list[tuple[float, float]] = []
    everything: list[tuple[float, float]] = []
    for span in days:
        with tempfile.TemporaryDirectory() as folder:
            home = Home(Path(folder))
            now_ms = time.time_ns() // 1_000_000
            count = span * PER_DAY
            _fill(home, count, now_ms)
            cold = [_process_ms(_metrics("7d"), home) for _ in range(rounds)]
            week.append((span, statistics.median(cold)))
            whole = [_process_ms(_metrics(f"{span}d"), home) for _ in range(rounds)]
            everything.append((span, statistics.median(whole)))
            rows = _rows(home, count, cold, now_ms)
    return [
        *rows,
        Curve(
            title="Days of history: a cold monitor metrics --every 5m",
            x="days in the history",
            unit="ms",
            lines=(
                Line("--since 7d", tuple(week)),
                Line("all of it", tuple(everything)),
            ),
        ),
    ]


def _rows(home: Home, count: int, cold: list[float], now_ms: int) -> list[Row]:
    """Measure the rest on the home where the command took so long."""
    rounds = len(cold)
    bare = [_process_ms([sys.executable, "-c", "pass"], home) for _ in range(rounds)]
    week = (now_ms - WEEK_MS, now_ms)
    asked = [_call_ms(lambda: query(home.history, FIELDS, *week, BUCKET_MS)) for _ in range(rounds)]
    selected = [_call_ms(lambda: _select(home.history, *week)) for _ in range(rounds)]
    cold_ms, asked_ms = statistics.median(cold), statistics.median(asked)
    return [
        Row(
            what=f"monitor metrics --since 7d --every 5m over {count:,} snapshots, cold process",
            ours=f"{cold_ms:.0f} ms",
            spread=spread(cold, "ms"),
            yardstick=f"python -c pass {statistics.median(bare):.0f} ms",
            figure=cold_ms,
            budget=BUDGET_MS,
            unit="ms",
        ),
        Row(
            what=f"its query of {len(FIELDS)} fields, 7 days by 5 minutes",
            ours=f"{asked_ms:.1f} ms",
            spread=spread(asked, "ms"),
            yardstick=f"bare SELECT of those rows {statistics.median(selected):.1f} ms",
            figure=asked_ms,
            budget=150,
            unit="ms",
        ),
    ]


def _metrics(since: str) -> list[str]:
    monitor = str(Path(sys.executable).with_name("monitor"))
    return [monitor, "metrics", *FIELDS, "--since", since, "--every", "5m"]


def _fill(home: Home, count: int, now_ms: int) -> None:
    """Index `count` snapshots that end now; the last ones also lie in the folder as files."""
    template = _template()
    encode = msgspec.json.Encoder().encode
    home.snapshots.mkdir(parents=True)

    def rows() -> Iterator[tuple[str, Snapshot]]:
        for number in range(count):
            wall_ms = now_ms - (count - number) * EVERY_MS
            snapshot = _snapshot(template, number, wall_ms)
            name = file_name(wall_ms)
            if number >= count - LOOSE:
                (home.snapshots / name).write_bytes(encode(snapshot))
            yield name, snapshot

    history = History(home.history)
    history.open()
    history.add(rows())
    history.close()


def _template() -> Snapshot:
    return Snapshot(
        snapshot=0,
        timestamp="",
        wall_ms=0,
        boottime_ns=0,
        boot_id="bench",
        engine="main",
        reason="interval",
        heartbeat={"age_seconds": 0.4, "pulse_age_seconds": 2.0, "expected": True, "writers": 1.0},
        positions={"count": 3.0, "total_value": 1.5e6, "without_stop": 1.0},
        sentiment={"last_score": 0.65, "provider_errors_1h": 0.0, "cache_hit_rate": 0.85},
        connectivity={"breeze_authenticated": True, "api_calls_today": 812.0},
        orders={"placed": 12.0, "rejected": 0.0, "exit_rejected": 0.0, "open": 1.0},
        market_data={"symbols_stale": 0.0, "halted": False},
        artifacts={"teacher_model_age_hours": 5.2, "student_model_age_hours": 31.0},
        collector=CollectorStatus(
            app_version="bench", network_up=True, disk_free_bytes=4e10, inodes_free_pct=87.0
        ),
    )


def _snapshot(template: Snapshot, number: int, wall_ms: int) -> Snapshot:
    noise = random.random()
    daily, loss, latency = 1e4 * (noise - 0.5), noise - 0.5, 4 + noise
    return msgspec.structs.replace(
        template,
        snapshot=number,
        wall_ms=wall_ms,
        heartbeat=template.heartbeat | {"age_seconds": noise, "uptime_seconds": number * 10.0},
        pnl={"daily": daily, "unrealized": daily / 3, "realized": daily / 2},
        risk={"circuit_breaker_active": False, "daily_loss_pct": loss, "max_position_value": 5e5},
        performance={"tick_latency_ms": latency},
        window=Window(
            ticks=100,
            seconds=10.0,
            stats={
                "pnl.daily": _stats(daily),
                "pnl.unrealized": _stats(daily / 3),
                "risk.daily_loss_pct": _stats(loss),
                "risk.circuit_breaker_active": Stats(count=100, last=0.0, any=False, all=False),
                "performance.tick_latency_ms": _stats(latency),
            },
        ),
    )


def _stats(value: float) -> Stats:
    return Stats(
        count=100, first=value, last=value, min=value - 1.5, max=value + 1.5, mean=value, delta=3.0
    )


def _process_ms(command: list[str], home: Home) -> float:
    environ = {"MONITOR_HOME": str(home.root), "PATH": os.environ["PATH"], "PYTHONUTF8": "1"}

    def start() -> None:
        done = subprocess.run(command, env=environ, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr.decode()}")

    return _call_ms(start)


def _select(path: Path, since_ms: int, until_ms: int) -> list[tuple[int, bytes]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as base:
        return base.execute(
            "SELECT at_ms, doc FROM bucket WHERE at_ms >= ? AND at_ms < ?", (since_ms, until_ms)
        ).fetchall()


def _call_ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3
