"""A collector or scheduler that is there and does nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import Any

import pytest

Monitored = Any


def is_over(monitored: Monitored) -> bool:
    return any(
        (line.rule, line.status) == ("collector_stale", "resolved") for line in monitored.alerts()
    )


@pytest.mark.fault("P4")
def test_a_collector_that_hangs_is_told_and_over_when_it_goes_on(monitored: Monitored) -> None:
    collector = monitored.collector()
    monitored.scheduler()
    collector.send_signal(signal.SIGSTOP)
    line = monitored.wait(lambda: monitored.firing("collector_stale"), "the alert")
    assert line.severity == "CRITICAL"
    collector.send_signal(signal.SIGCONT)
    monitored.wait(lambda: is_over(monitored), "its end")


@pytest.mark.fault("P4")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_collector_that_falls_behind_is_told_and_over_when_it_has_caught_up(
    monitored: Monitored,
) -> None:
    # Once it is up every sync takes nine seconds: its snapshots come, and come too late.
    collector = monitored.collector()
    monitored.scheduler()
    monitored.wait(lambda: monitored.state("scheduler").snapshot_number, "an evaluation")
    slow = subprocess.Popen(
        [
            "strace", "-f", "-qq", "-o", "/dev/null", "-p", str(collector.pid),
            "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=9000000",
        ]
    )  # fmt: skip
    try:
        line = monitored.wait(lambda: monitored.firing("collector_stale"), "the alert")
        assert line.severity == "CRITICAL"
        assert collector.poll() is None
    finally:
        slow.terminate()
        slow.wait(60)
    monitored.wait(lambda: is_over(monitored), "its end")


@pytest.mark.fault("P5")
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=["hangs", "is dead"])
def test_health_is_critical_while_the_scheduler_hangs_or_is_dead(
    monitored: Monitored, number: signal.Signals
) -> None:
    monitored.collector()
    scheduler = monitored.scheduler()
    well = monitored.monitor("health").stdout.splitlines()
    assert any(line.startswith("OK") and "scheduler" in line for line in well), well
    scheduler.send_signal(number)

    def said() -> list[str]:
        done = monitored.monitor("health")
        lines = done.stdout.splitlines() if done.returncode == 2 else []
        return [line for line in lines if line.startswith("CRIT") and "scheduler" in line]

    monitored.wait(said, "a critical line on the scheduler")
