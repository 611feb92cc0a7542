"""A real collector whose disk is full, read-only or broken, or that dies while it writes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Collecting = Any
Lines = Any
DISK_MIB = 80
"""Ballast of 8 MiB is taken where 64 MiB are free."""
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def mount() -> Iterator[Callable[[Path, int], None]]:
    """Return what mounts a small disk of so many MiB on a folder."""
    mounted: list[Path] = []

    def mount(folder: Path, mib: int) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root may mount a small disk")
        folder.mkdir(parents=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        if done.returncode != 0:
            pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=60)


@pytest.mark.fault("C1")
@needs_strace
def test_killed_at_each_step_of_writing_a_snapshot_it_goes_on_with_every_tick_in_one(
    collecting: Collecting, lines: Lines
) -> None:
    ticks = 0
    # Before the file is synced, before it has its name, before the folder is synced.
    for call, nth in (("fsync", 1), ("rename", 1), ("fsync", 2)):
        collecting.append("main-w1.jsonl", lines.ticks(ticks + 1, ticks + 10))
        ticks += 10
        collecting.start(*collecting.strace(call, f"signal=KILL:when={nth}"))
        assert collecting.ended() == -signal.SIGKILL, collecting.said()
    collecting.start()
    collecting.ready()
    collecting.wait_for_ticks(ticks)
    assert collecting.stop() == 0
    collecting.check_each_counted_once(ticks)


@pytest.mark.fault("C7")
@needs_strace
def test_a_sync_that_fails_ends_the_process_and_a_restart_counts_every_tick_once(
    collecting: Collecting, lines: Lines
) -> None:
    collecting.append("main-w1.jsonl", lines.ticks(1, 10))
    for nth in (1, 2):  # of the file, of the folder
        collecting.start(*collecting.strace("fsync", f"error=EIO:when={nth}"))
        assert collecting.ended() == 1, collecting.said()
        assert collecting.said().count("the disk can't be trusted") == nth
    collecting.start()
    collecting.ready()
    collecting.wait_for_ticks(10)
    assert collecting.stop() == 0
    collecting.check_each_counted_once(10)


def test_a_read_only_snapshot_folder_is_told_and_what_was_read_is_written_when_it_can_be(
    collecting: Collecting, lines: Lines, mount: Callable[[Path, int], None]
) -> None:
    folder = collecting.home.snapshots
    mount(folder, 1)
    collecting.append("main-w1.jsonl", lines.ticks(1, 3))
    collecting.start()
    collecting.wait_for_ticks(3)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True, timeout=60)
    collecting.append("main-w1.jsonl", lines.ticks(4, 5))
    told = "snapshot not written: Read-only file system"
    collecting.wait(lambda: told in collecting.degraded())
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True, timeout=60)
    collecting.wait_for_ticks(5)
    collecting.wait(lambda: collecting.degraded() == "")
    assert collecting.newest().collector.write_errors > 0
    assert collecting.said().count(told) == 1  # not once per try
    assert collecting.stop() == 0
    collecting.check_each_counted_once(5)


@pytest.mark.fault("S2")
def test_on_a_full_disk_the_ballast_is_given_up_and_taken_again_when_there_is_room(
    collecting: Collecting, lines: Lines, mount: Callable[[Path, int], None]
) -> None:
    data = collecting.home.state.parent
    mount(data, DISK_MIB)
    collecting.append("main-w1.jsonl", lines.ticks(1, 3))
    collecting.start()
    collecting.wait_for_ticks(3)
    ballast = collecting.home.state / "collector.ballast"
    collecting.wait(ballast.exists)
    fill(data)
    collecting.wait(lambda: not ballast.exists())
    collecting.append("main-w1.jsonl", lines.ticks(4, 5))
    collecting.wait_for_ticks(5)
    assert "the disk is full: the ballast is given up" in collecting.said()
    collecting.wait(lambda: "no room for the reserve" in collecting.degraded())
    fill(data)
    told = "snapshot not written: No space left on device"
    collecting.wait(lambda: told in collecting.said())
    collecting.append("main-w1.jsonl", lines.ticks(6, 9))  # in a block that the file has already
    (data / "filler").unlink()
    collecting.wait_for_ticks(9)
    collecting.wait(ballast.exists)
    collecting.wait(lambda: collecting.degraded() == "")
    assert collecting.stop() == 0
    collecting.check_each_counted_once(9)


def fill(disk: Path) -> None:
    """Write until a disk has no block left."""
    with (disk / "filler").open("ab", buffering=0) as filler:
        while (space := os.statvfs(disk)).f_bavail:
            try:
                filler.write(bytes(min(space.f_bavail * space.f_frsize, 1024 * 1024)))
            except OSError:  # somebody else took the last block
                return


def empty(file: Path) -> None:
    file.write_bytes(b"")


def zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def put_version_99(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b'"version":1', b'"version":99', 1))


SPOILS = (empty, zero, cut, put_version_99)


@pytest.mark.fault("C3")
@pytest.mark.parametrize("spared", [True, False], ids=["to the last good one", "to the beginning"])
def test_broken_newest_snapshots_are_passed_over_and_their_ticks_counted_anew(
    collecting: Collecting, lines: Lines, spared: bool
) -> None:
    collecting.start(INTERVAL_SECONDS=0.25)
    for first in (1, 11, 21, 31, 41):
        collecting.append("main-w1.jsonl", lines.ticks(first, first + 9))
        collecting.wait_for_ticks(first + 9)
    collecting.signal(signal.SIGKILL)
    collecting.ended()
    files = sorted(collecting.home.snapshots.glob("metrics_*.json"))
    with_ticks = [file for file, one in zip(files, collecting.snapshots(), strict=True)
                  if one.window.ticks]  # fmt: skip
    for number, file in enumerate(files[files.index(with_ticks[1]) if spared else 0 :]):
        SPOILS[number % len(SPOILS)](file)
    collecting.start()
    collecting.ready()
    collecting.wait_for_ticks(50)
    assert collecting.stop() == 0
    collecting.check_each_counted_once(50)
    assert collecting.newest().collector.ticks_duplicate == 0
    for reason in ("empty", "truncated", "format 99, this version reads 1"):
        assert reason in collecting.said()
