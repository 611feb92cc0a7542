"""An alert has to be written, and its disk is full or takes nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Monitored = Any
Mount = Any
LOSS = b'{"kind":"tick","writer":"w1","seq":1,"risk":{"daily_loss_pct":-9.0}}\n'
BREAKER = b'{"kind":"tick","writer":"w1","seq":2,"risk":{"circuit_breaker_active":true}}\n'


def is_told(monitored: Monitored) -> bool:
    return "circuit_breaker_triggered" in monitored.said()


@pytest.fixture
def immutable() -> Iterator[Callable[[Path], None]]:
    if os.geteuid() != 0 or shutil.which("chattr") is None:
        pytest.skip("chattr +i needs root and e2fsprogs")
    made: list[Path] = []

    def make(path: Path) -> None:
        done = subprocess.run(["chattr", "+i", path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"chattr does not work here: {done.stderr.strip()}")
        made.append(path)

    yield make
    for path in made:
        subprocess.run(["chattr", "-i", path], check=False)


@pytest.mark.fault("A3")
def test_on_a_log_that_takes_nothing_the_operator_is_told_on_stderr_and_it_catches_up(
    monitored: Monitored, immutable: Callable[[Path], None]
) -> None:
    monitored.collector()
    monitored.scheduler()
    monitored.append("main-w1.jsonl", LOSS)
    monitored.wait(lambda: monitored.firing("daily_loss_exceeded"), "a log to begin with")
    (file,) = monitored.home.alerts.glob("*.jsonl")
    immutable(file)
    monitored.append("main-w1.jsonl", BREAKER)
    monitored.wait(lambda: is_told(monitored), "the alert on stderr")
    monitored.wait(lambda: "alert log" in monitored.degraded("scheduler"), "degraded")
    assert monitored.firing("circuit_breaker_triggered") is None
    assert monitored.monitor("health").returncode in {1, 2}
    subprocess.run(["chattr", "-i", file], check=True)
    monitored.wait(lambda: monitored.firing("circuit_breaker_triggered"), "the line in the log")
    assert monitored.stop()[:2] == [0, 0]


@pytest.mark.fault("A7")
def test_on_a_full_disk_the_ballast_carries_the_alert(
    monitored: Monitored, mount: Mount, tmp_path: Path
) -> None:
    disk = mount(tmp_path / "disk", "-t", "tmpfs", "-o", "size=96m", "tmpfs")
    full = type(monitored)(disk, outputs=tmp_path)
    # Nothing is low before the disk is full, and then it stays so: a ballast is 8 MiB.
    settings = full.home.settings.read_text().partition("[limits]")[0]
    limits = "[limits]\ndisk_warning_bytes = 16e6\ndisk_critical_bytes = 16e6\n"
    full.home.settings.write_text(settings + limits)
    # The engine's disk is another one: it can still say what happens.
    (tmp_path / "heartbeat").mkdir()
    full.home.heartbeat.parent.mkdir()
    full.home.heartbeat.symlink_to(tmp_path / "heartbeat")
    try:
        full.collector()
        full.scheduler()
        ballasts = [full.home.state / f"{one}.ballast" for one in ("collector", "scheduler")]
        full.wait(lambda: all(one.is_file() for one in ballasts), "both ballasts")
        assert full.firing("disk_low") is None
        filler = disk / "filler"
        with filler.open("ab", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(b"x" * 65_536)
        full.append("main-w1.jsonl", BREAKER)
        full.wait(lambda: full.firing("circuit_breaker_triggered"), "the alert in the log")
        full.wait(lambda: full.firing("disk_low"), "disk_low in the log")
        assert not all(one.is_file() for one in ballasts)
        filler.unlink()
        full.wait(lambda: all(one.is_file() for one in ballasts), "the ballasts again")
        assert full.stop()[:2] == [0, 0]
    finally:
        full.end()
