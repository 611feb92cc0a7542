"""A backlog that takes long is worked off by a process that is ready, and that says so."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitoring.snapshot import CollectorStatus, Snapshot, file_name

Monitored = Any
LINES = 4_000_000
SNAPSHOTS = 6_000
BEGIN_MS = 1_790_000_000_000


def heartbeats(monitored: Monitored) -> int:
    monitored.append("main.jsonl", b'{"pnl":{"daily":1}}\n' * LINES)
    return LINES


def snapshots(monitored: Monitored) -> int:
    monitored.home.snapshots.mkdir(parents=True)
    for number in range(SNAPSHOTS):
        at_ms = BEGIN_MS + number * 1_000
        snapshot = Snapshot(
            snapshot=number + 1, timestamp="2026-09-21T18:43:20Z", wall_ms=at_ms,
            boottime_ns=number * 10**9, boot_id="another", engine="main", reason="interval",
            positions={"count": 3}, collector=CollectorStatus(app_version="1"),
        )  # fmt: skip
        (monitored.home.snapshots / file_name(at_ms)).write_bytes(msgspec.json.encode(snapshot))
    return SNAPSHOTS


def counted(monitored: Monitored) -> int:
    return int(monitored.counted())


def evaluated(monitored: Monitored) -> int:
    state = monitored.state("scheduler")
    return 0 if state is None else state.snapshot_number or 0


@pytest.mark.fault("P6a")
@pytest.mark.parametrize(
    ("module", "leave", "done"),
    [("collectors", heartbeats, counted), ("scheduler", snapshots, evaluated)],
    ids=["collectors", "scheduler"],
)
def test_a_process_is_ready_and_lives_while_a_backlog_is_worked_off(
    monitored: Monitored,
    tmp_path: Path,
    module: str,
    leave: Callable[[Monitored], int],
    done: Callable[[Monitored], int],
) -> None:
    # systemd kills what is not ready in time (TimeoutStartSec), and the backlog would only grow.
    whole = leave(monitored)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(90)
        monitored.start(
            "-m", module, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="300000"
        )
        assert "READY=1" in systemd.recv(4096).decode()
        assert done(monitored) < whole
        while "WATCHDOG=1" not in systemd.recv(4096).decode():
            pass
