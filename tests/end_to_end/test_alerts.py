"""From a real engine's real fault to a line in the alert log, through all the processes."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from monitoring.alert_line import AlertLine

pytestmark = pytest.mark.timeout(300)
Told = dict[str, Future[dict[str, Any]]]

INTERVAL_SECONDS = 1.0
GONE_DEADLINE_SECONDS = 10.0
DEADLINE_SECONDS = 15.0
BUSY_SECONDS = 10.0
"""What a machine on which all scenarios run at once may add to any of it."""


def heartbeat_of(line: AlertLine) -> tuple[float, float]:
    """Return the age and the deadline that the line tells."""
    age, deadline = (line.context[f"heartbeat.{one}_seconds"] for one in ("age", "deadline"))
    assert isinstance(age, float)
    assert isinstance(deadline, float)
    return age, deadline


def test_an_engine_killed_while_holding_positions_is_critical_and_named_gone(told: Told) -> None:
    seconds, line = told["killed"].result()["lapsed"]

    assert line.severity == "CRITICAL"
    assert line.context["heartbeat.cause"] == "process_gone"
    age, deadline = heartbeat_of(line)
    assert age > deadline == GONE_DEADLINE_SECONDS
    assert seconds <= GONE_DEADLINE_SECONDS + INTERVAL_SECONDS + BUSY_SECONDS


@pytest.mark.fault("P4")
def test_a_dead_collector_is_told_by_the_scheduler(told: Told) -> None:
    seconds, line = told["killed"].result()["stale"]

    assert line.severity == "CRITICAL"
    assert seconds <= 3 * INTERVAL_SECONDS + 5 + BUSY_SECONDS


def test_a_stopped_process_is_named_frozen_at_its_deadline(told: Told) -> None:
    seconds, line = told["frozen"].result()["lapsed"]

    assert line.context["heartbeat.cause"] == "process_frozen"
    age, deadline = heartbeat_of(line)
    assert age > deadline == DEADLINE_SECONDS
    assert seconds <= DEADLINE_SECONDS + INTERVAL_SECONDS + BUSY_SECONDS


def test_a_loop_that_hangs_while_its_process_lives_is_named_hung(told: Told) -> None:
    seconds, line = told["hung"].result()["lapsed"]

    assert line.context["heartbeat.cause"] == "loop_hung"
    age, deadline = heartbeat_of(line)
    assert age > deadline == DEADLINE_SECONDS
    assert seconds <= DEADLINE_SECONDS + INTERVAL_SECONDS + BUSY_SECONDS


def test_an_engine_that_closed_its_heartbeat_alarms_nobody(told: Told) -> None:
    after = told["closed"].result()

    assert after["snapshot"].heartbeat["cause"] == "stopped_cleanly"
    assert not [line for line in after["alerts"] if line.rule == "heartbeat_lapsed"]
    assert not [
        line for line in after["alerts"] if (line.status, line.severity) == ("firing", "CRITICAL")
    ]


def test_a_breaker_on_for_one_tick_fires_though_later_snapshots_are_clear(told: Told) -> None:
    after = told["tripped"].result()

    assert after["breaker"][1].severity == "CRITICAL"
    assert after["breaker_at_the_end"] is False


def test_a_restarted_scheduler_says_nothing_false(told: Told) -> None:
    after = told["tripped"].result()["after_restart"]

    # Without a network a machine says so after some seconds, whoever was restarted.
    assert [line.rule for line in after if line.rule != "network_down"] == []
