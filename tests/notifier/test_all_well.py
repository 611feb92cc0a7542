"""The line a minute after the open, by the real process on what the scheduler says of itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from evaluator.incident import Countdown, Incident, Scalar, Severity
from evaluator.instant import Instant
from monitoring.config import Channel, Config
from monitoring.process_life import ProcTable
from monitoring.state import ProcessState, read_state, write_state
from notifier.all_well import AllWell, well
from notifier.records import Sent

Desk = Any
Serve = Callable[..., Any]
GOOD: dict[str, Scalar | None] = {
    "session.open": True, "session.seconds_since_open": 75.0, "heartbeat.age_seconds": 0.4,
    "heartbeat.deadline_seconds": 20.0, "positions.count": 3.0, "pnl.daily": -18_400.0,
    "positions.total_value": 1_460_000.0,
}  # fmt: skip
AT = Instant(0, 0, "boot")
STATE = ProcessState(
    process="scheduler", pid=1, version="0", started=AT, updated=AT, home="/h", config=Config()
)


def scheduler_says(desk: Desk, **facts: Scalar | None) -> None:
    state = read_state(desk.home.state, "scheduler")
    assert state is not None
    given = GOOD | {name.replace("__", "."): value for name, value in facts.items()}
    write_state(desk.home.state, msgspec.structs.replace(state, facts=given))


def test_a_minute_after_the_open_it_says_once_that_all_is_well(desk: Desk, serve: Serve) -> None:
    server = serve()
    desk.environ["MONITOR_ALL_WELL"] = "true"
    desk.channel("hook", kind="webhook", url=server.url)
    desk.channel("pager", kind="webhook", url=f"{server.url}/pager", severity="CRITICAL")
    scheduler_says(desk, session__seconds_since_open=30.0)
    desk.start()
    desk.fire("before", "WARNING")
    desk.wait(lambda: desk.records(Sent), "the alert")
    scheduler_says(desk)
    desk.wait(lambda: len(server.requests) == 2, "the line")
    body = server.requests[1].body
    assert (body["title"], body["why"]) == ("All is well (main)", "all_well")
    assert body["text"].splitlines()[:3] == [
        "the engine ticks, the last 0.4 s ago; collector and scheduler run",
        "fires: before",
        "open 3, worth ₹14.6L, P&L −₹18,400",
    ]
    desk.fire("after", "WARNING")
    desk.wait(lambda: len(desk.records(Sent)) == 3, "the next message")
    assert [one.body["rule"] for one in server.requests] == ["before", "all_well", "after"]
    assert desk.deliveries().told.keys().isdisjoint({body["incident"]})


@pytest.mark.parametrize(
    ("facts", "enabled", "severity"),
    [
        ({"session__seconds_since_open": 59.9}, True, "WARNING"),
        ({"session__seconds_since_open": 120.0}, True, "WARNING"),
        ({"session__seconds_since_open": None}, True, "WARNING"),
        ({"session__open": False}, True, "WARNING"),
        ({"heartbeat__age_seconds": 20.1}, True, "WARNING"),
        ({}, False, "WARNING"),
        ({}, True, "CRITICAL"),
    ],
)
def test_nothing_is_said_at_other_times_and_when_all_is_not_well(
    desk: Desk, facts: dict[str, Scalar | None], enabled: bool, severity: Severity
) -> None:
    channels = {"trial": Channel(kind="file", path="told.txt", severity=severity)}
    config = Config(all_well=enabled, channels=channels)
    scheduler_says(desk, **facts)
    assert AllWell(desk.home, config, ProcTable()).look(desk.clock()) is None
    if enabled and severity == "WARNING":
        scheduler_says(desk)
        said = AllWell(desk.home, config, ProcTable())
        assert said.look(desk.clock()) is not None
        assert said.look(desk.clock()) is None


def test_a_dead_collector_is_not_well(desk: Desk) -> None:
    config = Config(all_well=True, channels={"trial": Channel(kind="file", path="told.txt")})
    scheduler_says(desk)
    collector = read_state(desk.home.state, "collector")
    assert collector is not None
    write_state(desk.home.state, msgspec.structs.replace(collector, pid=os.getpid() + 10**6))
    assert AllWell(desk.home, config, ProcTable()).look(desk.clock()) is None


@pytest.mark.parametrize(
    ("severity", "status", "said"),
    [("CRITICAL", "firing", None), ("CRITICAL", "pending", "nothing"), ("WARNING", "firing", "a")],
)
def test_what_is_critical_and_fires_is_not_well(
    severity: Severity, status: Any, said: str | None
) -> None:
    incident = Incident(
        id="1", rule="a", status=status, severity=severity, message="", reason="", context={},
        day="2026-01-01", active_at=AT, fired_at=AT, held=Countdown(), told=None,
    )  # fmt: skip
    words = well(msgspec.structs.replace(STATE, facts=GOOD), [incident])
    assert (words is None) if said is None else (words or "").endswith(f"\nfires: {said}")
