"""R7: figures of the day at midnight, where clocks change and where they don't."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from evaluator.incident import Transition
from evaluator.instant import Instant
from evaluator.rules import load
from evaluator.stats import Stats
from monitoring.ambient import OwnHealth
from monitoring.calendar import calendar_of
from monitoring.config import Calendar, Config
from monitoring.course import Course
from monitoring.snapshot import CollectorStatus, Snapshot, Window

LOSS = Stats(count=1, first=-3.0, last=-3.0, min=-3.0, max=-3.0, mean=-3.0, delta=0.0)


def told(config: Config, begin: datetime, hours: float) -> list[tuple[str, str, str]]:
    """Return when what became of daily_loss_exceeded, with the loss there all the time."""
    course = Course(load(None), config, calendar_of(config))
    found = []
    for step in range(round(hours * 12) + 1):
        wall_ms = round((begin.timestamp() + step * 300) * 1000)
        at = Instant(wall_ms, step * 300 * 10**9, "boot")
        course.take(
            Snapshot(
                snapshot=step,
                timestamp="",
                wall_ms=at.wall_ms,
                boottime_ns=at.boottime_ns,
                boot_id=at.boot_id,
                engine="main",
                reason="interval",
                heartbeat={"age_seconds": 0.1, "deadline_seconds": 15.0, "expected": True},
                risk={"daily_loss_pct": -3.0},
                window=Window(ticks=1, seconds=10.0, stats={"risk.daily_loss_pct": LOSS}),
                collector=CollectorStatus(app_version="test", network_up=True),
            )
        )
        for entry in course.judge(at, 0.0, OwnHealth()):
            if isinstance(entry, Transition) and entry.incident.rule == "daily_loss_exceeded":
                if entry.notify == "repeat":
                    continue
                local = datetime.fromtimestamp(at.wall_ms / 1000, ZoneInfo(config.timezone))
                if entry.notify != "repeat":
                    found.append((f"{local:%d %H:%M}", entry.incident.status, entry.notify))
    return found


@pytest.mark.fault("R7")
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/London", "2026-03-28T22:00"),  # the night of 23 hours follows
        ("Europe/London", "2026-10-24T22:00"),  # the night of 25 hours follows
        ("Asia/Kolkata", "2026-03-28T22:00"),
    ],
)
def test_a_daily_figure_is_void_once_at_each_local_midnight(zone: str, day: str) -> None:
    config = Config(timezone=zone, calendar=Calendar(name="always"))
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    second = f"{begin + timedelta(days=1):%d}"
    third = f"{begin + timedelta(days=2):%d}"
    assert told(config, begin, 28) == [
        (f"{begin:%d} 22:00", "firing", "new"),
        (f"{second} 00:00", "resolved", "new_day"),
        (f"{second} 00:05", "firing", "new"),
        (f"{third} 00:00", "resolved", "new_day"),
        (f"{third} 00:05", "firing", "new"),
    ]


def test_on_an_exchange_the_new_day_s_figure_counts_from_its_open() -> None:
    begin = datetime(2025, 10, 20, 15, 0, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert told(Config(), begin, 24) == [
        ("20 15:00", "firing", "new"),
        ("21 00:00", "resolved", "new_day"),
        ("21 13:45", "firing", "new"),
    ]
