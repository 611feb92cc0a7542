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

from bench.row import Row
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


def run(*, quick: bool) -> list[Row]:
    """Measure the rate of catching up, and the memory it takes for a small and a big backlog."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ticks = 50_000 if quick else 300_000
        file = home / "data" / "heartbeat" / "main-bench.jsonl"
        write_ticks(file, ticks)
        rates: dict[str, list[float]] = {"bare": [], "ours": []}
        for _ in range(3 if quick else 7):
            rates["bare"].append(_said([sys.executable, "-c", YARDSTICK, str(file)]))
            rates["ours"].append(_said([sys.executable, "-c", OURS, str(home), str(ticks)]))
        bare, ours = (statistics.median(rates[name]) for name in ("bare", "ours"))
        rows = [
            Row(
                what="collector catching up",
                ours=f"{ours:,.0f} ticks/s",
                yardstick=f"bare split + decode {bare:,.0f} lines/s",
                figure=bare / ours,
                budget=1 / 0.45,
                unit="× slower",
            )
        ]
    return rows + [_memory(ticks) for ticks in ((20_000,) if quick else (20_000, 2_000_000))]


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


def _memory(ticks: int) -> Row:
    """Return the peak memory of a real collector with this backlog."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        file = home / "data" / "heartbeat" / "main-bench.jsonl"
        write_ticks(file, ticks)
        peak = peak_bytes(home, ticks)
        return Row(
            what=f"collector's peak memory, backlog of {ticks:,} ticks",
            ours=f"{peak / 2**20:.0f} MiB",
            yardstick=f"the file {file.stat().st_size / 2**20:.0f} MiB",
            figure=peak / 1e6,
            budget=64,
            unit="MB",
        )


def peak_bytes(home: Path, ticks: int) -> int:
    """Run a real collector until it has read so many ticks; return its peak memory."""
    environ = {"MONITOR_HOME": str(home), "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [sys.executable, "-m", "collectors"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while counted(home) < ticks:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the collector read {counted(home)} of {ticks} ticks")
            time.sleep(0.2)
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    finally:
        process.terminate()
        process.wait(10)


class _Counted(msgspec.Struct):
    window: dict[str, object]


def counted(home: Path) -> int:
    """Return the sum of `window.ticks` over all snapshots of a home."""
    decode = msgspec.json.Decoder(_Counted).decode
    files = (home / "data" / "monitoring").glob("metrics_*.json")
    ticks = [decode(file.read_bytes()).window["ticks"] for file in files]
    return sum(number for number in ticks if isinstance(number, int))


def _said(command: list[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)
