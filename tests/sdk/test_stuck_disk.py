"""Disks that are full or frozen: real ones, which only root can make."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tickbeat import HeartbeatWriter

Read = Callable[..., list[dict[str, Any]]]
Until = Callable[[Callable[[], object]], None]

pytestmark = [
    pytest.mark.skipif(
        os.geteuid() != 0, reason="mounting needs root: sudo .venv/bin/python -m pytest tests/sdk"
    ),
    pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount command"),
]
TICK = {"custom": {"filler": "x" * 200}}


@contextlib.contextmanager
def mounted(folder: Path, *options: str | Path) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"can't mount here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.fault("W3")
def test_a_full_disk_costs_at_most_the_torn_line_and_writing_resumes(
    tmp_path: Path, until: Until
) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=64k", "tmpfs") as disk:
        filler = disk / "filler"
        filler.write_bytes(b"x" * 32_768)
        heartbeat = HeartbeatWriter(disk / "heartbeat", queue_ticks=100)

        def no_room() -> bool:
            heartbeat.record_tick(TICK)
            return heartbeat.stats().dropped > 100

        until(no_room)
        filler.unlink()
        until(lambda: heartbeat.stats().fault is None)
        heartbeat.close()
        stats = heartbeat.stats()
        lines, torn = [], 0
        for text in Path(stats.path).read_bytes().splitlines():
            try:
                lines.append(msgspec.json.decode(text))
            except msgspec.DecodeError:
                torn += 1
    seqs = [line["seq"] for line in lines if line["kind"] == "tick"]
    assert torn <= 1
    assert seqs == sorted(set(seqs))
    assert len(seqs) == stats.last_seq - stats.dropped
    assert lines[-1]["kind"] == "close"
    assert lines[-1]["dropped"] == stats.dropped


@pytest.mark.fault("W2")
@pytest.mark.skipif(
    not (shutil.which("fsfreeze") and shutil.which("mkfs.ext4")),
    reason="needs fsfreeze and mkfs.ext4",
)
def test_a_frozen_disk_delays_no_tick_and_what_was_dropped_is_told_after_the_thaw(
    tmp_path: Path, until: Until, read: Read
) -> None:
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(8_000_000)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with mounted(tmp_path / "disk", "-o", "loop", image) as disk:
        heartbeat = HeartbeatWriter(disk / "heartbeat", queue_ticks=200)
        heartbeat.record_tick()
        until(lambda: len(read(disk / "heartbeat", "tick")) == 1)
        # Under way before the freeze: no failure of this test may leave the disk frozen.
        thaw = subprocess.Popen(
            ["sh", "-c", 'sleep 40; fsfreeze -u "$0" 2>&-', disk], start_new_session=True
        )
        subprocess.run(["fsfreeze", "-f", disk], check=True)
        try:
            slowest = 0.0
            for number in range(2000):
                started = time.monotonic()
                heartbeat.record_tick(TICK)
                slowest = max(slowest, time.monotonic() - started)
                if number % 10 == 0:
                    time.sleep(0.001)  # the writer's turn
            frozen = heartbeat.stats()
            closing = time.monotonic()
            bystander = HeartbeatWriter(disk / "other")
            bystander.record_tick()
            bystander.close(timeout_seconds=0.1)
            closed_in = time.monotonic() - closing
        finally:
            subprocess.run(["fsfreeze", "-u", disk], check=True)
            os.killpg(thaw.pid, signal.SIGKILL)  # its sleep too
            thaw.wait()
        until(lambda: heartbeat.stats().queued == 0)
        until(lambda: read(disk / "heartbeat", "pulse"))
        heartbeat.close()
        ticks = read(disk / "heartbeat", "tick")
        pulse = read(disk / "heartbeat", "pulse")[-1]
        until(lambda: not list((disk / "other").glob("*")) or read(disk / "other", "tick"))
    assert slowest < 5
    assert closed_in < 10
    assert frozen.dropped > 1000
    assert frozen.queued <= 500
    assert pulse["dropped"] == frozen.dropped
    assert len(ticks) == 2001 - frozen.dropped
