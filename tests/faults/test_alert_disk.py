"""An alert has to be written, and its disk is full or takes nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from monitoring.alert_fold import fold, read
from monitoring.clock import SystemClock

Monitored = Any
Mount = Any
WORDS = "the alert log in"
LOSS = b'{"kind":"tick","writer":"w1","seq":1,"risk":{"daily_loss_pct":-9.0}}\n'
BREAKER = b'{"kind":"tick","writer":"w1","seq":2,"risk":{"circuit_breaker_active":true}}\n'


LIMITS = f"[limits]\ndisk_warning_bytes = {32 << 20}\ndisk_critical_bytes = {16 << 20}\n"
"""Below what is free on the small disk before it is filled, so `disk_low` is of the filling."""
Seal = Callable[[], Callable[[], None]]


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        pytest.skip(f"{command[0]} does not work here: {done.stderr.strip()}")


@pytest.fixture(params=["chattr +i", "remount ro"])
def seal(request: pytest.FixtureRequest, monitored: Monitored, mount: Mount) -> Iterator[Seal]:
    """Return what lets nobody write to the log of alerts, and returns what undoes that."""
    if os.geteuid() != 0 or shutil.which("chattr") is None:
        pytest.skip("chattr +i needs root and e2fsprogs")
    undo: list[Callable[[], None]] = []
    folder = monitored.home.alerts

    def make_immutable() -> Callable[[], None]:
        (file,) = folder.glob("*.jsonl")
        run("chattr", "+i", file)
        undo.append(partial(run, "chattr", "-i", file))
        return undo[0]

    def remount() -> Callable[[], None]:
        # As after a boot that found a fault: a disk with a file open for writing stays writable.
        scheduler = monitored.running[-1]
        scheduler.terminate()
        assert scheduler.wait(60) == 0
        run("mount", "-o", "remount,ro", folder)
        monitored.scheduler()
        return partial(run, "mount", "-o", "remount,rw", folder)

    if request.param == "remount ro":
        mount(folder, "-t", "tmpfs", "tmpfs")
        yield remount
    else:
        yield make_immutable
    for one in undo:
        one()


@pytest.mark.fault("A3")
def test_on_a_log_that_takes_nothing_the_operator_is_told_on_stderr_and_it_catches_up(
    monitored: Monitored, seal: Seal
) -> None:
    monitored.collector()
    monitored.scheduler()
    monitored.append("main-w1.jsonl", LOSS)
    monitored.wait(lambda: monitored.firing("daily_loss_exceeded"), "a log to begin with")
    unseal = seal()
    lines = list(read(monitored.home.alerts))
    monitored.append("main-w1.jsonl", BREAKER)
    own_log = monitored.home.logs / "monitoring_scheduler.jsonl"
    for where in (monitored.said, own_log.read_text):
        monitored.wait(lambda: "circuit_breaker_triggered firing" in where(), "the alert in words")  # noqa: B023 -- waited for at once
    monitored.wait(lambda: WORDS in monitored.degraded("scheduler"), "degraded")
    health = monitored.monitor("health").stdout.splitlines()
    assert any(WORDS in line and not line.startswith("OK") for line in health), health
    assert list(read(monitored.home.alerts)) == lines

    before = SystemClock().now()
    unseal()
    line = monitored.wait(lambda: monitored.firing("circuit_breaker_triggered"), "the line")
    assert line.boottime_ns < before.boottime_ns, "it stands there with its own time"
    monitored.wait(lambda: WORDS not in monitored.degraded("scheduler"), "the end of degraded")
    assert set(monitored.stop()) == {0}
    seqs = [line.seq for line in read(monitored.home.alerts)]
    assert seqs == list(range(1, len(seqs) + 1)), "nothing is missing, nothing stands there twice"


def fill(disk: Path) -> None:
    with (disk / "filler").open("ab", buffering=0) as out:
        for block in (65_536, 4_096):
            with contextlib.suppress(OSError):
                while True:
                    out.write(b"x" * block)


@pytest.mark.fault("A7", "S2")
def test_on_a_full_disk_the_ballast_carries_the_alert_and_what_is_in_memory_is_judged(
    monitored: Monitored, mount: Mount, tmp_path: Path
) -> None:
    disk = mount(tmp_path / "disk", "-t", "tmpfs", "-o", "size=96m,mode=755", "tmpfs")
    full = type(monitored)(disk, outputs=tmp_path)
    others = full.home.settings.read_text().partition("[limits]")[0]
    full.home.settings.write_text(others + LIMITS)
    # The engine's disk is another one: it can still say what happens.
    (tmp_path / "heartbeat").mkdir()
    full.home.heartbeat.parent.mkdir()
    full.home.heartbeat.symlink_to(tmp_path / "heartbeat")
    try:
        full.collector()
        full.scheduler()
        collectors, schedulers = (
            full.home.state / f"{one}.ballast" for one in ("collector", "scheduler")
        )
        full.wait(lambda: collectors.is_file() and schedulers.is_file(), "both ballasts")
        full.wait(lambda: full.state("scheduler").snapshot_number, "an evaluation")
        assert full.firing("disk_low") is None
        fill(disk)
        full.append("main-w1.jsonl", BREAKER)
        full.wait(lambda: full.firing("circuit_breaker_triggered"), "the alert in the log")
        full.wait(lambda: full.firing("disk_low"), "disk_low in the log")
        assert not collectors.exists()
        assert "the disk is full: the ballast is given up" in full.said()
        full.wait(lambda: "the disk is nearly full" in full.degraded("collector"), "degraded")

        # Now no snapshot can be written any more, and that has to be told as well.
        full.wait(lambda: fill(disk) or full.firing("collector_stale"), "another alert in the log")
        assert "snapshot not written: No space left on device" in full.said()
        (disk / "filler").unlink()
        full.wait(lambda: collectors.is_file() and schedulers.is_file(), "the ballasts again")
        full.wait(lambda: not full.degraded("collector"), "the end of degraded")
        assert full.stop()[:2] == [0, 0]
        assert fold(full.home.alerts).faults == []
    finally:
        full.end()
