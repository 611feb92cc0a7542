"""`record_tick` while the disk refuses every byte, and while it is frozen (as root on Linux).

python -m bench.writer_disk FOLDER CALLS     the engine: says "ready", measures, prints both
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.row import Row
from tickbeat import HeartbeatWriter

_TICK = {"pnl": {"daily": 2500.5}, "positions": {"count": 3, "symbols": ["TCS", "INFY"]}}


class Slowest(msgspec.Struct):
    """The longest call of each kind, in milliseconds, and why nothing could be written."""

    tick_ms: float
    nothing_ms: float
    dropped: int
    fault: str | None


def refusing_disks(*, quick: bool) -> list[Row]:
    """Return a row for a full disk, and one for a frozen disk where it can be made."""
    calls = 80_000 if quick else 200_000  # more than the queue holds
    with tempfile.TemporaryDirectory() as folder:
        rows = [_row("disk full", _engine(Path(folder), calls, "full"))]
    if os.geteuid() != 0 or not all(map(shutil.which, ("mkfs.ext4", "fsfreeze", "mount"))):
        print("the frozen disk needs root, mkfs.ext4 and fsfreeze: left out", file=sys.stderr)
        return rows
    with _small_disk() as folder_path:
        return [*rows, _row("disk frozen", _engine(folder_path, calls, "frozen"))]


def _row(what: str, slowest: Slowest) -> Row:
    return Row(
        what=f"record_tick, {what}, slowest call",
        ours=f"{slowest.tick_ms:.3f} ms ({slowest.dropped} dropped, {slowest.fault})",
        yardstick=f"slowest no-op beside it {slowest.nothing_ms:.3f} ms",
        figure=slowest.tick_ms,
        budget=max(1.0, slowest.nothing_ms),
        unit="ms",
    )


@contextlib.contextmanager
def _small_disk() -> Iterator[Path]:
    """Give a 16 MB ext4 of our own, so that freezing it stops nobody else."""
    with tempfile.TemporaryDirectory() as folder:
        image, disk = Path(folder, "image"), Path(folder, "disk")
        with image.open("wb") as file:
            file.truncate(16_000_000)
        subprocess.run(["mkfs.ext4", "-q", image], check=True)
        disk.mkdir()
        subprocess.run(["mount", "-o", "loop", image, disk], check=True)
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)


def _engine(folder: Path, calls: int, fault: str) -> Slowest:
    command = [sys.executable, "-m", "bench.writer_disk", str(folder), str(calls), fault]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as engine,
        contextlib.ExitStack() as thawing,
    ):
        assert engine.stdin is not None
        assert engine.stdout is not None
        engine.stdout.readline()
        if fault == "frozen":
            thawing.enter_context(_frozen(folder))
        engine.stdin.write("go\n")
        engine.stdin.flush()
        # Thawed before the engine is waited for: a thread in a frozen write can't even be killed.
        line = engine.stdout.readline()
        thawing.close()
    return msgspec.json.decode(line, type=Slowest)


@contextlib.contextmanager
def _frozen(folder: Path) -> Iterator[None]:
    # The thaw is under way before the freeze: no error of ours may leave the disk frozen.
    safety = subprocess.Popen(["sh", "-c", 'sleep 20; fsfreeze -u "$0"', folder])
    try:
        subprocess.run(["fsfreeze", "-f", folder], check=True)
        yield
    finally:
        subprocess.run(["fsfreeze", "-u", folder], check=True)
        safety.kill()
        safety.wait()


def _measure(folder: str, calls: int, fault: str) -> None:
    heartbeat = HeartbeatWriter(folder)
    heartbeat.record_tick(_TICK)
    while heartbeat.stats().queued:
        time.sleep(0.01)
    if fault == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    print("ready", flush=True)
    sys.stdin.readline()
    tick_ns = nothing_ns = 0
    clock = time.perf_counter_ns
    for number in range(calls):
        if number % 100 == 0:
            time.sleep(0.001)
        started = clock()
        heartbeat.record_tick(_TICK)
        between = clock()
        _nothing()
        ended = clock()
        tick_ns = max(tick_ns, between - started)
        nothing_ns = max(nothing_ns, ended - between)
    stats = heartbeat.stats()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    slowest = Slowest(tick_ns / 1e6, nothing_ns / 1e6, stats.dropped, stats.fault)
    print(msgspec.json.encode(slowest).decode(), flush=True)
    heartbeat.close(timeout_seconds=0)


def _nothing() -> None:
    """Be the yardstick of a call that does nothing."""


if __name__ == "__main__":
    _measure(sys.argv[1], int(sys.argv[2]), sys.argv[3])
