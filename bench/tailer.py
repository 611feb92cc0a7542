"""How fast the collector catches up, and in how much memory, beside a bare split and decode.

Both read the same file in the same run, in turns, in processes of their own: memory is what the
kernel says each of them used at its peak.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.panel import Curve, Line, Panel
from bench.processes import peak_bytes
from bench.row import Row, spread
from monitoring.home import Home
from tickbeat.record import Header

TICK = {
    "positions": {"count": 3, "total_value": 150000.0, "without_stop": 1},
    "pnl": {"daily": 2500.5, "unrealized": 1200.0, "realized": 1300.5},
    "risk": {"circuit_breaker_active": False, "daily_loss_pct": -0.25, "max_position_value": 5e4},
    "orders": {"placed": 12, "rejected": 0, "open": 1},
    "sentiment": {"last_score": 0.65},
    "performance": {"tick_latency_ms": 4.2},
    "custom": {"spread_bps": 3.1},
}
"""A tick of 15 values."""

SIZES = (20_000, 100_000, 500_000, 2_000_000)
"""Ticks in a backlog."""

MEMORY_MB = 64

YARDSTICK = """
import sys, time, msgspec
decode = msgspec.json.Decoder().decode
data = open(sys.argv[1], "rb").read()
started = time.perf_counter()
count = 0
for line in data.split(b"\\n"):
    if line:
        decode(line)
        count += 1
print(count / (time.perf_counter() - started))
"""

OURS = """
import sys, time
from pathlib import Path
from collectors.book import Book
from monitoring.clock import SystemClock
from monitoring.home import Home
clock = SystemClock().now
book = Book(Home(Path(sys.argv[1])), "main", None)
started = time.perf_counter()
for part in book.tail.read(clock()):
    book.take(part, clock())
print(book.lines_read / (time.perf_counter() - started))
assert book.fold.ticks == int(sys.argv[2]), book.fold.ticks
"""


def run(*, quick: bool) -> list[Row | Panel]:
    """Measure the rate of catching up and the memory it takes, and how both grow."""
    with tempfile.TemporaryDirectory() as folder:
        backlog = _backlog(Home(Path(folder)), 50_000 if quick else 300_000)
        bare: list[float] = []
        ours: list[float] = []
        for _ in range(3 if quick else 7):
            bare.append(_said([sys.executable, "-c", YARDSTICK, str(backlog.file)]))
            ours.append(_rate(backlog))
    slower = statistics.median(bare) / statistics.median(ours)
    rate = Row(
        what="collector catching up",
        ours=f"{statistics.median(ours):,.0f} ticks/s",
        spread=spread(ours, "ticks/s"),
        yardstick=f"bare split + decode {statistics.median(bare):,.0f} lines/s",
        figure=slower,
        budget=1 / 0.45,
        unit="× slower",
    )
    return [rate, *_growth(SIZES[:2] if quick else SIZES)]


def _growth(sizes: tuple[int, ...]) -> list[Row | Panel]:
    """Return the peak memory of a real collector for each backlog, and the rate of its reading."""
    rows: list[Row | Panel] = []
    rates: list[tuple[float, float]] = []
    memory: list[tuple[float, float]] = []
    for ticks in sizes:
        with tempfile.TemporaryDirectory() as folder:
            backlog = _backlog(Home(Path(folder)), ticks)
            rates.append((ticks, statistics.median(_rate(backlog) for _ in range(3)) / 1000))
            peak = catch_up(backlog.home, ticks)
            memory.append((ticks, peak / 1e6))
            file_bytes = backlog.file.stat().st_size
        rows.append(
            Row(
                what=f"collector's peak memory, backlog of {ticks:,} ticks",
                ours=f"{peak / 1e6:.1f} MB",
                yardstick=f"the file {file_bytes / 1e6:,.0f} MB",
                figure=peak / 1e6,
                budget=MEMORY_MB,
                unit="MB",
            )
        )
    return [
        *rows,
        Curve(
            title="A backlog: how fast it is caught up",
            x="ticks in the backlog",
            unit="thousand ticks/s",
            lines=(Line("", tuple(rates)),),
        ),
        Curve(
            title="A backlog: peak memory of the collector",
            x="ticks in the backlog",
            unit="MB",
            lines=(Line("", tuple(memory)),),
            budget=MEMORY_MB,
        ),
    ]


class Backlog(msgspec.Struct, frozen=True):
    """A home with one heartbeat file that nobody has read."""

    home: Home
    file: Path
    ticks: int


def _backlog(home: Home, ticks: int) -> Backlog:
    file = home.heartbeat / "main-bench.jsonl"
    write_ticks(file, ticks)
    return Backlog(home, file, ticks)


def _rate(backlog: Backlog) -> float:
    command = [sys.executable, "-c", OURS, str(backlog.home.root), str(backlog.ticks)]
    return _said(command)


def write_ticks(file: Path, ticks: int, writer: str = "bench") -> None:
    """Write a heartbeat file as the SDK writes it, of so many ticks with changing values."""
    file.parent.mkdir(parents=True, exist_ok=True)
    header = Header(
        format=1,
        sdk="bench",
        engine="main",
        writer=writer,
        segment=1,
        boot_id=None,
        pid=os.getpid(),
        pid_started=None,
        first_seq=1,
        interval_seconds=1.0,
        timestamp="2025-10-12T07:04:56.120Z",
    )
    body = msgspec.json.encode(TICK)[1:]
    with file.open("wb") as out:
        out.write(msgspec.json.encode(header) + b"\n")
        for seq in range(1, ticks + 1):
            changing = body.replace(b"2500.5", b"%d.5" % (seq % 9999)).replace(
                b"4.2", b"%d.25" % (seq % 50)
            )
            out.write(
                b'{"kind":"tick","writer":"%b","seq":%d,"timestamp":"2025-10-12T07:04:56.120Z",%b\n'
                % (writer.encode(), seq, changing)
            )


def catch_up(home: Home, ticks: int) -> int:
    """Run a real collector until it has read so many ticks; return its peak memory in bytes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "collectors"],
        env={"MONITOR_HOME": str(home.root), "PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 600
        while counted(home) < ticks:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the collector read {counted(home)} of {ticks} ticks")
            time.sleep(0.2)
        return peak_bytes(process.pid)
    finally:
        process.terminate()
        process.wait(10)


class _Counted(msgspec.Struct):
    window: dict[str, object]


def counted(home: Home) -> int:
    """Return the sum of `window.ticks` over all snapshots of a home."""
    decode = msgspec.json.Decoder(_Counted).decode
    files = home.snapshots.glob("metrics_*.json")
    ticks = [decode(file.read_bytes()).window["ticks"] for file in files]
    return sum(number for number in ticks if isinstance(number, int))


def _said(command: list[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)
