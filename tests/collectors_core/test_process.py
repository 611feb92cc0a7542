"""`python -m collectors` as a process: one per home, ended by a signal, woken by its folder.

Kills at random moments are in `test_exactly_once`, wrong settings in `tests/monitoring`, an idle
process in `tests/cli`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

Collecting = Any
Lines = Any
SELDOM = {"INTERVAL_SECONDS": 200, "POLL_SECONDS": 60}
"""So far apart are looks and snapshots that whatever comes was told by a file event."""
ENDS_WITHIN_SECONDS = 5
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def handles_sigterm(pid: int) -> bool:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def watched_inodes(pid: int) -> set[int]:
    """Return what a process has inotify watches on (proc(5), fdinfo)."""
    found = set()
    for file in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            lines = file.read_text().splitlines()
        except OSError:  # closed since
            continue
        for line in lines:
            if line.startswith("inotify "):
                fields = dict(word.split(":", 1) for word in line.split()[1:])
                found.add(int(fields["ino"], 16))
    return found


@pytest.mark.fault("C6")
def test_a_second_collector_is_refused_and_told_the_pid_of_the_first(
    collecting: Collecting,
) -> None:
    collecting.start()
    collecting.ready()
    first = collecting.process
    environ = os.environ | {"MONITOR_HOME": str(collecting.home.root)}
    second = subprocess.run(
        [sys.executable, "-m", "collectors"],
        env=environ, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert second.returncode == 2
    assert f"already runs on this home (pid {first.pid})" in second.stderr
    assert first.poll() is None
    assert collecting.stop() == 0


@pytest.mark.fault("P2")
def test_sigterm_at_any_moment_ends_with_0_and_nothing_half_written_or_counted_twice(
    collecting: Collecting, lines: Lines
) -> None:
    ticks = 0
    for delay_seconds in (0.0, 0.2, 0.4):
        collecting.append("main-w1.jsonl", lines.ticks(ticks + 1, ticks + 10_000))
        ticks += 10_000
        collecting.start(INTERVAL_SECONDS=0.25)
        pid = collecting.process.pid
        # Before its handler is there the signal is the interpreter's own business.
        collecting.wait(lambda pid=pid: handles_sigterm(pid))
        time.sleep(delay_seconds)
        began = time.monotonic()
        assert collecting.stop() == 0, collecting.said()
        assert time.monotonic() - began < ENDS_WITHIN_SECONDS
        assert not list(collecting.home.snapshots.glob(".*"))
    collecting.start()
    collecting.ready()
    collecting.wait_for_ticks(ticks)
    assert collecting.stop() == 0
    collecting.check_each_counted_once(ticks)
    assert collecting.newest().collector.ticks_duplicate == 0


@pytest.mark.fault("R6")
def test_the_age_of_a_heartbeat_counts_from_its_receipt_whatever_its_date(
    collecting: Collecting, lines: Lines
) -> None:
    collecting.start(INTERVAL_SECONDS=0.25)
    collecting.ready()
    for seq, dated in enumerate(("1999-12-31T23:59:59+05:30", "2099-01-01T00:00:00Z"), 1):
        beat = {"last_tick": dated}
        collecting.append("main-w1.jsonl", lines.tick(seq, timestamp=dated, heartbeat=beat))
        collecting.wait_for_ticks(seq)
        ages = [one.heartbeat["age_seconds"] for one in collecting.snapshots() if one.window.ticks]
        assert 0.0 <= ages[-1] < 15.0, "neither decades old nor younger than now"
        collecting.wait(lambda age=ages[-1]: collecting.newest().heartbeat["age_seconds"] > age + 1)
    assert collecting.stop() == 0


def test_a_heartbeat_folder_that_was_not_there_is_made_and_read(
    collecting: Collecting, lines: Lines
) -> None:
    collecting.start(**SELDOM)
    collecting.ready()
    collecting.append("main-w1.jsonl", lines.tick(1, risk={"circuit_breaker_active": True}))
    collecting.wait_for_ticks(1)


@pytest.mark.fault("T9")
def test_a_heartbeat_folder_removed_and_made_again_is_read_and_watched_again(
    collecting: Collecting, lines: Lines
) -> None:
    collecting.append("main-w1.jsonl", lines.ticks(1, 3))
    collecting.start()
    collecting.wait_for_ticks(3)
    shutil.rmtree(collecting.home.heartbeat)
    collecting.append("main-w2.jsonl", lines.ticks(1, 4, "w2"))
    collecting.wait_for_ticks(7)
    inode = collecting.home.heartbeat.stat().st_ino
    collecting.wait(lambda: watched_inodes(collecting.process.pid) == {inode})
    assert collecting.degraded() == ""


@pytest.mark.fault("T10")
def test_without_inotify_instances_the_folder_is_polled_and_that_is_told(
    collecting: Collecting, lines: Lines
) -> None:
    # A limit of the process's own user namespace: nobody else's is touched (namespaces(7)).
    alone = ["unshare", "--user", "--map-root-user"]
    limit = "echo 0 > /proc/sys/user/max_inotify_instances"
    if subprocess.run([*alone, "sh", "-c", limit], capture_output=True, check=False).returncode:
        pytest.skip("no user namespace can be made here")
    collecting.start(*alone, "sh", "-c", f'{limit}; exec "$@"', "sh", **SELDOM)
    collecting.wait(lambda: "inotify instance limit reached" in collecting.degraded())
    collecting.append("main-w1.jsonl", lines.tick(1, risk={"circuit_breaker_active": True}))
    collecting.wait_for_ticks(1)  # though the next look by `poll_seconds` is a minute away
    assert collecting.stop() == 0


@pytest.mark.fault("T10")
@needs_strace
def test_a_watch_whose_thread_died_is_replaced_and_no_tick_is_missed(
    collecting: Collecting, lines: Lines
) -> None:
    broken = collecting.strace("read", "error=EIO:when=1")
    collecting.start(*broken, "-P", "anon_inode:inotify")
    collecting.wait(collecting.snapshots)
    collecting.append("main-w1.jsonl", lines.ticks(1, 3))  # its event is what can't be read
    collecting.wait_for_ticks(3)
    collecting.wait(lambda: "Input/output error" in collecting.said())
    inode = collecting.home.heartbeat.stat().st_ino
    collecting.append("main-w1.jsonl", lines.ticks(4, 5))
    collecting.wait_for_ticks(5)
    collecting.wait(lambda: inode in watched_inodes(collecting.process.pid))
    assert collecting.stop() == 0


@pytest.mark.parametrize(
    ("group", "field", "bad"),
    [("risk", "circuit_breaker_active", True), ("connectivity", "breeze_authenticated", False)],
)
def test_a_watched_value_that_changes_is_in_a_snapshot_at_once(
    collecting: Collecting, lines: Lines, group: str, field: str, bad: bool
) -> None:
    collecting.append("main-w1.jsonl", lines.tick(1, **{group: {field: not bad}}))
    collecting.start(**SELDOM)
    collecting.wait_for_ticks(1)
    collecting.append("main-w1.jsonl", lines.tick(2, **{group: {field: bad}}))
    collecting.wait_for_ticks(2)
    newest = collecting.newest()
    assert newest.reason == f"{group}.{field}"
    assert getattr(newest, group)[field] is bad


def test_a_foreign_engine_s_bare_file_is_counted_and_goes_on_where_it_was_after_a_restart(
    collecting: Collecting,
) -> None:
    bare = b'{"timestamp": "2025-10-12T07:00:00Z", "pnl": {"daily": 5}}\n'
    collecting.append("main.jsonl", bare * 3)
    collecting.start()
    collecting.wait_for_ticks(3)
    collecting.append("main.jsonl", bare * 2)
    assert collecting.stop() == 0
    collecting.append("main.jsonl", bare * 4)
    collecting.start()
    collecting.wait_for_ticks(9)
    assert collecting.newest().pnl["daily"] == 5
