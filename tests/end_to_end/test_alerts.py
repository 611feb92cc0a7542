"""From a real engine's real fault to a line in the alert log, through all the processes."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(150)
Told = dict[str, Future[dict[str, Any]]]

INTERVAL_SECONDS = 1.0
DEADLINE_SECONDS = 15.0


def test_an_engine_killed_while_holding_positions_is_critical_and_named_gone(told: Told) -> None:
    seconds, line = told["killed"].result()["lapsed"]

    assert line.severity == "CRITICAL"
    assert line.context["heartbeat.cause"] == "process_gone"
    assert seconds <= 10 + INTERVAL_SECONDS + 1


def test_a_dead_collector_is_told_by_the_scheduler(told: Told) -> None:
    seconds, line = told["killed"].result()["stale"]

    assert line.severity == "CRITICAL"
    assert seconds <= 3 * INTERVAL_SECONDS + 5 + 2


def test_a_stopped_process_is_named_frozen_at_its_deadline(told: Told) -> None:
    seconds, line = told["frozen"].result()["lapsed"]

    assert line.context["heartbeat.cause"] == "process_frozen"
    assert DEADLINE_SECONDS - 1 <= seconds <= DEADLINE_SECONDS + INTERVAL_SECONDS + 1


def test_a_loop_that_hangs_while_its_process_lives_is_named_hung(told: Told) -> None:
    seconds, line = told["hung"].result()["lapsed"]

    assert line.context["heartbeat.cause"] == "loop_hung"
    assert DEADLINE_SECONDS - 1 <= seconds <= DEADLINE_SECONDS + INTERVAL_SECONDS + 1


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

    assert [line.rule for line in after] == []
