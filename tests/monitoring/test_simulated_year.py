"""R10: the year 2026 on the real rules, the real course and NSE's calendar, at 5-second steps.

Covered: every session of 2026, special ones too, from 15 seconds before its open to 70 after it
(every fifth time with an engine that doesn't start), an injected lapse at a random moment of it,
its close with an engine that dies just before; every day without a session, holiday or weekend, at
midnight, 09:15, noon, 15:30, 19:00 and 23:59. The hours between are jumped over: nothing changes
in them but the time. Derivatives are lived through from the week before their hours change.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

import msgspec
import pytest

from evaluator.builtin import BUILTIN_RULES
from evaluator.incident import Transition
from evaluator.instant import Instant
from evaluator.rules import load
from monitoring.ambient import OwnHealth
from monitoring.calendar import TradingCalendar, calendar_of
from monitoring.config import Calendar, Config
from monitoring.course import Course
from monitoring.schedule import load_schedule
from monitoring.session_days import Day, SessionDays
from monitoring.snapshot import CollectorStatus, Snapshot, Window

pytestmark = pytest.mark.timeout(240)  # some five seconds of work, on a machine that is busy
STEP_MS = 5_000
DEADLINE_MS = 20_000
CLOCKS = {rule.name: rule.clock for rule in BUILTIN_RULES}
FROM = {"CM": "2026-01-01", "FO": "2026-07-27"}
DAYS = {"CM": (247, 118), "FO": (109, 49)}
"""Days with a session and without."""
Told = tuple[int, str, str, bool]
"""When (POSIX ms), which rule, which status, whether it fired just then."""


class Year:
    """An engine on a market, seen by the course at the moments that `look` is called with."""

    def __init__(self, config: Config, *, positions: float = 3.0) -> None:
        calendar = calendar_of(config)
        assert isinstance(calendar, TradingCalendar)
        self.calendar = calendar
        self.told: list[Told] = []
        self.looks = 0
        self.positions = positions
        self._course = Course(load(None), config, calendar)
        self._last_tick_ms = 0
        self._blank = Snapshot(
            snapshot=0,
            timestamp="",
            wall_ms=0,
            boottime_ns=0,
            boot_id="boot",
            engine="main",
            reason="interval",
            positions={"count": positions},
            last={"positions": {"count": positions}},
            window=Window(ticks=1, seconds=10.0),
            collector=CollectorStatus(
                app_version="test", network_up=True, disk_free_bytes=9e9, inodes_free_pct=90.0
            ),
        )

    def look(self, at_ms: int, *, ticks: bool) -> None:
        """Write a snapshot and judge it; `ticks`: the engine is alive at that moment."""
        if ticks:
            self._last_tick_ms = at_ms - 700
        alive = at_ms - self._last_tick_ms < DEADLINE_MS
        snapshot = msgspec.structs.replace(
            self._blank,
            snapshot=self.looks,
            wall_ms=at_ms,
            boottime_ns=at_ms * 1_000_000,
            heartbeat={
                "age_seconds": (at_ms - self._last_tick_ms) / 1000,
                "deadline_seconds": DEADLINE_MS / 1000,
                "expected": True,
                "cause": "ticking" if alive else "loop_hung",
            },
            market_data={"update_age_seconds": (at_ms - self._last_tick_ms) / 1000},
        )
        self.looks += 1
        self._course.take(snapshot)
        at = Instant(at_ms, at_ms * 1_000_000, "boot")
        for entry in self._course.judge(at, 0.0, OwnHealth()):
            assert isinstance(entry, Transition), entry
            one = entry.incident
            now = one.status == "firing" and one.fired_at == at
            self.told.append((at_ms, one.rule, one.status, now))

    def fired(self, rule: str) -> list[int]:
        return [at for at, name, _, fired in self.told if fired and name == rule]


def days_of_2026(segment: str) -> Iterator[Day]:
    days = SessionDays(load_schedule("XNSE"), segment)
    first = date(2026, 1, 1)
    return (days.day(first + timedelta(days=n)) for n in range(365))


def grid(begin_ms: int, end_ms: int) -> range:
    return range(begin_ms - begin_ms % STEP_MS, end_ms + 1, STEP_MS)


class Lived(msgspec.Struct, kw_only=True):
    """A year that was lived, and what had to fire in it, to the step."""

    year: Year
    lapses: list[int] = []
    not_started: list[int] = []
    sessions: int = 0
    days_off: int = 0


@cache
def lived(segment: str) -> Lived:
    year = Year(Config(calendar=Calendar(segment=segment)))
    found = Lived(year=year)
    chance = random.Random(2026)
    for day in days_of_2026(segment):
        if day.date < FROM[segment]:
            continue
        if not day.spans:
            found.days_off += 1
            live_day_off(year, day)
            continue
        opens, closes = day.spans[0][0], day.spans[-1][1]
        found.sessions += 1
        starts = found.sessions % 5 != 0
        for at in grid(opens - 15_000, opens + 70_000):
            year.look(at, ticks=starts)
        if not starts:
            found.lapses.append(opens + DEADLINE_MS + STEP_MS)
            found.not_started.append(opens + 60_000)
            year.look(opens + 75_000, ticks=True)  # then it does: the alarms are over
        last_tick = chance.randrange(opens + 200_000, closes - 300_000, STEP_MS)
        for at in grid(last_tick - 5_000, last_tick + 25_000):
            year.look(at, ticks=at <= last_tick)
        found.lapses.append(last_tick + DEADLINE_MS)  # its last tick was 0.7 s before the look
        year.look(last_tick + 30_000, ticks=True)
        year.look(closes - 15_000, ticks=True)
        for at in grid(closes - 10_000, closes + 15_000):  # it dies just before the close
            year.look(at, ticks=False)
    return found


def live_day_off(year: Year, day: Day) -> None:
    usual = SessionDays(load_schedule("XNSE"), "CM")
    midnight = usual.midnight_ms(date.fromisoformat(day.date))
    for minutes in (0, 555, 720, 930, 1140, 1439):  # midnight, 09:15, noon, 15:30, 19:00, 23:59
        for at in grid(midnight + minutes * 60_000, midnight + minutes * 60_000 + 5_000):
            year.look(at, ticks=False)


@pytest.mark.fault("R10")
@pytest.mark.parametrize("segment", ["CM", "FO"])
def test_no_session_rule_fires_outside_of_a_session(segment: str) -> None:
    year = lived(segment).year
    assert year.looks > 4_000
    stray = [
        (at, rule)
        for at, rule, status, _ in year.told
        if CLOCKS[rule] == "session" and not year.calendar.is_open(at, "session")
    ]
    assert stray == []


@pytest.mark.fault("R10")
@pytest.mark.parametrize("segment", ["CM", "FO"])
def test_every_lapse_fires_at_the_first_step_past_its_deadline(segment: str) -> None:
    found = lived(segment)
    assert (found.sessions, found.days_off) == DAYS[segment]
    assert found.year.fired("heartbeat_lapsed") == sorted(found.lapses)


@pytest.mark.parametrize("segment", ["CM", "FO"])
def test_an_engine_that_is_not_started_is_told_a_minute_after_the_open(segment: str) -> None:
    found = lived(segment)
    assert found.year.fired("engine_not_started") == found.not_started


def test_nothing_else_ever_fires_but_what_the_calendar_itself_doubts() -> None:
    year = lived("CM").year
    fired = {rule for _, rule, status, _ in year.told if status == "firing"}
    assert fired == {
        "heartbeat_lapsed", "engine_not_started", "market_data_stale", "calendar_doubtful",
        "preflight_no_go",  # on the days whose engine is late
    }  # fmt: skip


def test_prices_of_the_day_before_are_not_stale_at_the_open() -> None:
    found = lived("CM")
    for at in found.year.fired("market_data_stale"):
        opened_ms = found.year.calendar.opened_at_ms(at)
        assert opened_ms is not None
        assert at > opened_ms + 30_000


@pytest.mark.parametrize(("positions", "lapses"), [(0.0, 0), (3.0, 62)])
def test_an_engine_that_stops_at_1520_is_no_lapse_unless_it_holds_something(
    positions: float, lapses: int
) -> None:
    config = Config(calendar=Calendar(engine_window="09:20-15:20"))
    year = Year(config, positions=positions)
    for day in [day for day in days_of_2026("CM") if day.spans][::4]:
        stops = day.spans[0][1] - 600_000
        for at in grid(stops - 10_000, stops + 40_000):
            year.look(at, ticks=at < stops)
        year.look(day.spans[0][1] - 5_000, ticks=False)
    fired = year.fired("heartbeat_lapsed")
    assert len(fired) == lapses
    assert not [at for at in fired if year.calendar.outlook(at).engine_window]
