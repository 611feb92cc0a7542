"""A collector or scheduler that is there and does nothing."""

from __future__ import annotations

import signal
from typing import Any

import pytest

Monitored = Any


@pytest.mark.fault("P4")
def test_a_collector_that_hangs_is_told_and_over_when_it_goes_on(monitored: Monitored) -> None:
    collector = monitored.collector()
    monitored.scheduler()
    collector.send_signal(signal.SIGSTOP)
    line = monitored.wait(lambda: monitored.firing("collector_stale"), "the alert")
    assert line.severity == "CRITICAL"
    collector.send_signal(signal.SIGCONT)
    monitored.wait(
        lambda: any(
            (line.rule, line.status) == ("collector_stale", "resolved")
            for line in monitored.alerts()
        ),
        "its end",
    )


@pytest.mark.fault("P5")
def test_health_is_critical_while_the_scheduler_hangs(monitored: Monitored) -> None:
    monitored.collector()
    scheduler = monitored.scheduler()
    well = monitored.monitor("health").stdout.splitlines()
    assert any(line.startswith("OK") and "scheduler" in line for line in well), well
    scheduler.send_signal(signal.SIGSTOP)

    def said() -> str | None:
        done = monitored.monitor("health")
        return done.stdout if done.returncode == 2 else None

    lines = monitored.wait(said, "exit code 2").splitlines()
    assert any(line.startswith("CRIT") and "scheduler" in line for line in lines), lines
