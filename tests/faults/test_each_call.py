"""kill -9 at every single system call of a snapshot's way to the disk."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitoring.snapshots import SnapshotStore

FOR_EVER_MS = 253_402_300_799_999
WRITER = """
import sys
from pathlib import Path
from monitoring.snapshot import CollectorStatus, Cursor, Snapshot, Window
from monitoring.snapshots import SnapshotStore

def write(number):
    store.write(Snapshot(
        snapshot=number, timestamp="", wall_ms=1_760_000_000_000 + number, boottime_ns=number,
        boot_id="b", engine="main", reason="interval", window=Window(ticks=number, seconds=1.0),
        collector=CollectorStatus(app_version="test", cursors=[
            Cursor(name="main-w1.jsonl", inode=1, offset=number, head="", tail="", writer="w1"),
        ]),
    ))

store = SnapshotStore(Path(sys.argv[1]))
write(1)
print("ready", flush=True)
sys.stdin.readline()
write(2)
"""


def traced(folder: Path, *options: str) -> int:
    """Let a writer write its second snapshot under strace; return how it ended."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if "COV" not in name},
    )  # fmt: skip
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    tracer = subprocess.Popen(
        ["strace", "-p", str(writer.pid), *options], stderr=subprocess.PIPE, text=True
    )
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if "attached" not in said:
        writer.kill()
        writer.wait()
        pytest.skip(f"strace may not trace here: {said.strip()}")
    with contextlib.suppress(BrokenPipeError):  # being attached is a call too
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    ended = writer.wait(60)
    writer.stdout.close()
    tracer.wait(60)
    tracer.stderr.close()
    return ended


def calls_of_a_write(folder: Path) -> list[tuple[str, int]]:
    """Return the system calls in order, each with how many of its name came up to it."""
    trace = folder / "trace"
    assert traced(folder / "whole", "-o", str(trace)) == 0
    names = re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE)
    numbered = [(name, names[: place + 1].count(name)) for place, name in enumerate(names)]
    return [one for one in numbered if one[0] != "read"]  # of our word, and when it was attached


@pytest.mark.fault("C1")
@pytest.mark.long
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_old_or_the_new_snapshot_is_there_and_never_a_torn_one(tmp_path: Path) -> None:
    left: list[int] = []
    for name, nth in calls_of_a_write(tmp_path):
        folder = tmp_path / f"{name}-{nth}"
        kill = f"inject={name}:signal=KILL:when={nth}"
        assert traced(folder, "-o", "/dev/null", "-e", kill) == -signal.SIGKILL, (name, nth)
        store = SnapshotStore(folder)
        found = [
            (one.snapshot, one.window.ticks, one.collector.cursors[0].offset)
            for _, one in store.between(0, FOR_EVER_MS)
        ]
        assert store.skipped == []
        assert found in ([(1, 1, 1)], [(1, 1, 1), (2, 2, 2)])
        left.append(len(found))
    assert set(left) == {1, 2}, "some kills came before it had its name, some after"
    assert left == sorted(left), "and once there it stays"
