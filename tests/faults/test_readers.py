"""Somebody reads the snapshots while they are written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

SNAPSHOTS = 400
WRITER = """
import sys
from pathlib import Path
from monitoring.snapshot import CollectorStatus, Snapshot, Window
from monitoring.snapshots import SnapshotStore
store = SnapshotStore(Path(sys.argv[1]))
for number in range(1, int(sys.argv[2]) + 1):
    store.write(Snapshot(
        snapshot=number, timestamp="", wall_ms=1_760_000_000_000 + number, boottime_ns=number,
        boot_id="b", engine="main", reason="interval", window=Window(ticks=0, seconds=1.0),
        custom={f"figure_{one}": float(one) for one in range(500)},
        collector=CollectorStatus(app_version="test"),
    ))
"""


@pytest.mark.fault("S1")
def test_a_reader_sees_whole_snapshots_or_none(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(SNAPSHOTS)])
    looks, newest = 0, 0
    while newest < SNAPSHOTS:
        ended = writer.poll() is not None
        files = sorted(tmp_path.glob("metrics_*.json"))
        if files:
            # The newest one, which may have appeared this very moment.
            found = msgspec.json.decode(files[-1].read_bytes())
            assert len(found["custom"]) == 500
            assert found["snapshot"] >= newest, "and never an older one than before"
            newest = found["snapshot"]
        looks += 1
        assert not ended or newest == SNAPSHOTS
    assert writer.wait(60) == 0
    assert looks > 20
