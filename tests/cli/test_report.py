"""`monitor report`: the day as snapshots and alert log have it."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from evaluator.incident import Ack, Countdown, Incident, Transition
from evaluator.stats import Stats
from monitoring.snapshot import BreezeStatus, Window
from tests.cli.conftest import House, before

MINUTE = 60.0


def incident(house: House, **fields: Any) -> Incident:
    fired = before(house.at, 20 * MINUTE)
    blank = Incident(
        id="0199d6a0-0000-7000-8000-000000000001",
        rule="heartbeat_lapsed",
        status="firing",
        severity="CRITICAL",
        message="No tick for 21 s: process_frozen",
        reason="condition held",
        context={},
        day="2025-10-12",
        active_at=fired,
        fired_at=fired,
        held=Countdown(),
    )
    return msgspec.structs.replace(blank, **fields)


def a_day_with_a_lapse(house: House) -> None:
    """21 minutes of snapshots every 10 s: a lapse in the first, a slow tick, Breeze away."""
    house.process("scheduler")
    for number in range(126):
        ago = 21 * MINUTE - 10 * number
        lapsed = 5 <= number < 8
        heartbeat = {
            "age_seconds": 10.0 * (number - 3) if lapsed else 0.2,
            "deadline_seconds": 15.0,
            "expected": True,
            "cause": "process_frozen" if lapsed else "ticking",
        }
        stats = {
            "performance.tick_latency_ms": level(48.0 if number == 60 else 4.2),
            "risk.daily_loss_pct": level(-1.1 if number == 90 else -0.92),
            "positions.total_value": level(1_460_000.0),
        }
        house.snapshot(
            seconds_ago=ago,
            heartbeat=heartbeat,
            breeze=BreezeStatus(status="unreachable" if number < 21 else "authenticated"),
            window=Window(ticks=0 if lapsed else 2, seconds=10.0, stats=stats),
        )
    fired = incident(house)
    acked = msgspec.structs.replace(
        fired, ack=Ack("asha", before(house.at, 19.5 * MINUTE).wall_ms, "on it")
    )
    over = msgspec.structs.replace(
        acked, status="resolved", resolved_at=before(house.at, 19 * MINUTE), message="Over"
    )
    house.log([Transition(fired, before(house.at, 20 * MINUTE), "new")])
    house.log([Transition(acked, before(house.at, 19.5 * MINUTE), "acknowledged")])
    house.log([Transition(over, before(house.at, 19 * MINUTE), "resolved")])
    house.alert(
        "stale_student_model", "31h old *and* <b>old</b>", seconds_ago=30 * MINUTE, number=2
    )


def level(value: float) -> Stats:
    return Stats(count=1, first=value, last=value, min=value, max=value, mean=value, delta=0.0)


def test_a_day_is_one_page(house: House, monitor, golden) -> None:
    a_day_with_a_lapse(house)
    done = monitor("report", "--session", "2025-10-12")
    assert (done.returncode, done.stderr) == (0, "")
    golden("report.txt", done.stdout.replace(str(house.home.root), "/srv/monitor"))


def test_the_page_as_markdown_escapes_what_an_engine_said(house: House, monitor, golden) -> None:
    a_day_with_a_lapse(house)
    done = monitor("report", "--session", "2025-10-12", "--markdown")
    assert (done.returncode, done.stderr) == (0, "")
    golden("report.md", done.stdout)


def test_the_figures_are_those_of_the_files(house: House, monitor) -> None:
    a_day_with_a_lapse(house)
    told = json.loads(monitor("report", "--session", "2025-10-12", "--json").stdout)
    day, (model, lapse) = told["day"], told["incidents"]
    assert (day["snapshots"], day["ticks"]) == (126, 246)
    assert day["breeze_seconds"] == {"unreachable": 210.0, "authenticated": 1040.0}
    assert [(one["why"], one["open_seconds"]) for one in day["heartbeat_gaps"]] == [
        ("process_frozen", 49.8)
    ]
    assert day["worst_latency_ms"]["value"] == 48.0
    assert day["worst_return_pct"]["value"] == -1.1
    assert (lapse["rule"], lapse["end"]) == ("heartbeat_lapsed", "resolved")
    assert lapse["ended_ms"] - lapse["fired_ms"] == 60_000
    assert lapse["at_firing"] == {
        "positions": 3.0, "value": 1_460_000.0, "pnl": -18_400.0, "return_pct": -0.92,
    }  # fmt: skip
    assert [(one["by"], one["reason"]) for one in lapse["taken"]] == [("asha", "on it")]
    assert (model["end"], model["at_end"]) == ("open", None)


def test_an_incident_of_the_day_before_that_still_fires_is_on_the_page(
    house: House, monitor
) -> None:
    house.process("scheduler")
    house.snapshot()
    yesterday = before(house.at, 24 * 60 * MINUTE)
    old = incident(house, active_at=yesterday, fired_at=yesterday)
    house.log([Transition(old, yesterday, "new")])
    house.alert("disk_low", "disk", number=2)
    told = json.loads(monitor("report", "--session", "2025-10-12", "--json").stdout)
    assert [one["rule"] for one in told["incidents"]] == ["heartbeat_lapsed", "disk_low"]
    assert told["incidents"][0]["at_firing"] is None


def test_time_without_snapshots_is_called_unwatched(house: House, monitor) -> None:
    house.process("scheduler")
    for ago in (600.0, 590.0, 20.0, 10.0):
        house.snapshot(seconds_ago=ago)
    told = json.loads(monitor("report", "--session", "2025-10-12", "--json").stdout)
    assert [one["open_seconds"] for one in told["day"]["unwatched"]] == [570.0]
    assert told["day"]["watched_seconds"] == 20.0
    assert "unwatched: 1 stretch, 9m30s in all" in monitor("report").stdout


def test_without_a_date_the_last_recorded_day_is_shown(house: House, monitor) -> None:
    house.process("scheduler")
    house.snapshot()
    assert json.loads(monitor("report", "--json").stdout)["session"] == "2025-10-12"


def test_a_day_of_which_nothing_is_recorded_is_said_to_be_so(house: House, monitor) -> None:
    house.process("scheduler")
    house.snapshot()
    done = monitor("report", "--session", "2025-09-01")
    assert done.returncode == 3
    assert "Nothing is recorded of 2025-09-01." in done.stderr
    assert "kept for 30 days" in done.stderr


def test_before_anything_ran_it_says_what_to_do(monitor) -> None:
    done = monitor("report")
    assert done.returncode == 3
    assert "monitor init" in done.stderr


def test_a_word_that_is_no_day_is_refused(house: House, monitor) -> None:
    house.snapshot()
    done = monitor("report", "--session", "tuesday")
    assert done.returncode == 2
    assert "no day" in done.stderr
