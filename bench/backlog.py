"""A backlog of 2 GB, in one file and in the writer's segments, read by a collector like any other.

Snapshots are written meanwhile. The yardstick reads the same files, before and after: split and
untyped decode, in pieces of a segment's size. Rates are by CPU seconds, those of all its
threads from the first snapshot on: by the wall they depend on who else is at work.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.row import Row
from bench.tailer import TICK
from monitoring.home import Home
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore
from tickbeat.record import Header

BYTES = 2_000_000_000
QUICK_BYTES = 200_000_000
SEGMENT_BYTES = 64 * 1024 * 1024
WRITER = "backlog1"
PEAK_MB = 64.0
SHARE = 0.45
DEADLINE_SECONDS = 600
LAST_MS = 253_402_300_799_999

YARDSTICK = """
import sys, time, msgspec
decode = msgspec.json.Decoder().decode
started = time.process_time()
count = 0
for path in sys.argv[2:]:
    rest = b""
    with open(path, "rb") as file:
        while data := file.read(int(sys.argv[1])):
            *lines, rest = (rest + data).split(b"\\n")
            for line in lines:
                decode(line)
            count += len(lines)
print(count / (time.process_time() - started))
"""


def run(*, quick: bool) -> list[Row]:
    """Catch up with both kinds of backlog. Raises OSError when the disk has no room for one."""
    size = QUICK_BYTES if quick else BYTES
    rows = []
    for segment_bytes in (size, SEGMENT_BYTES):
        with tempfile.TemporaryDirectory(prefix="tickbeat-backlog-") as folder:
            if shutil.disk_usage(folder).free < 2 * size:
                raise OSError(f"{folder} has no room for {2 * size:,} bytes")
            home = Home(Path(folder))
            ticks = write(home.heartbeat, size, segment_bytes)
            rows += _catch_up(home, ticks, size)
    return rows


def write(folder: Path, size: int, segment_bytes: int) -> int:
    """Write about `size` bytes as one writer does, in segments; return how many ticks they hold."""
    folder.mkdir(parents=True)
    body = msgspec.json.encode(TICK)[1:]
    seq, segment, left = 0, 0, size
    while left > 0:
        segment += 1
        last = left <= segment_bytes
        path = folder / (f"main-{WRITER}.jsonl" if last else f"main-{WRITER}.{segment}.jsonl")
        with path.open("wb") as out:
            out.write(_header(segment, seq + 1))
            while out.tell() < min(segment_bytes, left):
                out.write(b"".join(_line(body, seq + number) for number in range(1, 1_001)))
                seq += 1_000
            left -= out.tell()
    return seq


def _line(body: bytes, seq: int) -> bytes:
    return b'{"kind":"tick","writer":"%b","seq":%d,"timestamp":"2025-10-12T07:04:56.120Z",%b\n' % (
        WRITER.encode(),
        seq,
        body.replace(b"2500.5", b"%d.5" % (seq % 9999), 1),
    )


def _header(segment: int, first_seq: int) -> bytes:
    header = Header(
        format=1, sdk="bench", engine="main", writer=WRITER, segment=segment, boot_id=None,
        pid=os.getpid(), pid_started=None, first_seq=first_seq, interval_seconds=1.0,
        timestamp="2025-10-12T07:04:56.120Z",
    )  # fmt: skip
    return msgspec.json.encode(header) + b"\n"


def _catch_up(home: Home, ticks: int, size: int) -> list[Row]:
    """Return how much memory a collector took at most, and how fast it was."""
    files = sorted(map(str, home.heartbeat.iterdir()))
    kind = f"a backlog of {size / 1e9:.1f} GB in {len(files)} files"
    bare = [_bare(files)]
    environ = {"MONITOR_HOME": str(home.root), "PATH": os.environ["PATH"]}
    with (home.root / "collector.out").open("w") as out:
        began = time.monotonic()
        collector = subprocess.Popen(
            [sys.executable, "-m", "collectors"], env=environ, stdout=out, stderr=out
        )
        try:
            started_cpu_seconds = _started(home, collector)
            snapshots = _all_counted(home, ticks, collector)
            seconds = time.monotonic() - began
            cpu_seconds = _cpu_seconds(collector.pid) - started_cpu_seconds
            status = Path(f"/proc/{collector.pid}/status").read_text()
        finally:
            collector.terminate()
            collector.wait(30)
    bare.append(_bare(files))
    peak_mb = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    counted = sum(one.window.ticks for one in snapshots)
    rate, bare_rate = (ticks - snapshots[0].window.ticks) / cpu_seconds, statistics.median(bare)
    return [
        Row(
            what=f"collector's peak memory, {kind}", ours=f"{peak_mb:.1f} MB",
            yardstick=f"{len(snapshots)} snapshots meanwhile", unit="MB",
            figure=peak_mb, budget=PEAK_MB,
        ),
        Row(
            what=f"catching up, {kind}", ours=f"{rate:,.0f} ticks a CPU second ({seconds:.0f} s)",
            yardstick=f"bare split + decode {bare_rate:,.0f}", unit="× slower",
            figure=bare_rate / rate, budget=1 / SHARE,
        ),
        Row(
            what=f"ticks not counted exactly once, {kind}", ours=f"{counted:,} counted",
            yardstick=f"{ticks:,} written", unit="ticks",
            figure=abs(ticks - counted), budget=0,
        ),
    ]  # fmt: skip


def _started(home: Home, collector: subprocess.Popen[bytes]) -> float:
    """Wait for the first snapshot; return the CPU seconds taken until then."""
    store = SnapshotStore(home.snapshots)
    while not store.names_after(None):
        if collector.poll() is not None:
            raise RuntimeError((home.root / "collector.out").read_text()[-2_000:])
        time.sleep(0.01)
    return _cpu_seconds(collector.pid)


def _all_counted(home: Home, ticks: int, collector: subprocess.Popen[bytes]) -> list[Snapshot]:
    store = SnapshotStore(home.snapshots)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        snapshots = [one for _, one in store.between(0, LAST_MS)]
        if sum(one.window.ticks for one in snapshots) >= ticks:
            return snapshots
        if collector.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((home.root / "collector.out").read_text()[-2_000:])
        time.sleep(1)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _bare(files: list[str]) -> float:
    command = [sys.executable, "-c", YARDSTICK, str(SEGMENT_BYTES), *files]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
