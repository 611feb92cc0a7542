"""The trading clock of a scenario: one of the settings', or the hours that the file writes out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import msgspec

from monitoring.calendar import Calendar, Outlook, TradingCalendar, calendar_of
from monitoring.config import Calendar as Settings
from monitoring.market_override import Action, MarketOverride, end_of_day_ms, take
from scripts.scenario.model import Event, Hours, Scenario

PREOPEN = timedelta(minutes=90)
_FARTHEST_DAYS = 31
Span = tuple[int, int]


class Market:
    """The calendar of a scenario, as the operator changes it. Raises ScheduleFault."""

    def __init__(self, scenario: Scenario) -> None:
        self._config = msgspec.structs.replace(
            scenario.config, calendar=Settings(name=_name_of(scenario.calendar))
        )
        self._overrides: dict[str, MarketOverride] = {}
        self.calendar: Calendar = (
            HoursCalendar(scenario.calendar, scenario.config.timezone)
            if isinstance(scenario.calendar, Hours)
            else calendar_of(self._config)
        )

    def close(self, event: Event, wall_ms: int) -> None:
        """Have no session from now on: for a while, or for the rest of the day."""
        end_ms = None if event.for_ms is None else wall_ms + event.for_ms
        if isinstance(self.calendar, HoursCalendar):
            self.calendar.close(wall_ms, end_ms)
        else:
            self._override(event, wall_ms, end_ms)

    def extend(self, event: Event, wall_ms: int) -> None:
        """Have the day's last session close so much later."""
        for_ms = event.for_ms or 0
        if isinstance(self.calendar, HoursCalendar):
            self.calendar.extend(wall_ms, for_ms)
        elif isinstance(self.calendar, TradingCalendar):
            spans = self.calendar.sessions_of(wall_ms)
            if spans:
                self._override(event, wall_ms, spans[-1][1] + for_ms)

    def _override(self, event: Event, wall_ms: int, until_ms: int | None) -> None:
        day = self.calendar.trading_day(wall_ms)
        override = MarketOverride(
            id=f"{event.line}",
            action=cast("Action", event.do),
            date=day,
            ends_ms=end_of_day_ms(day, ZoneInfo(self._config.timezone)),
            from_ms=wall_ms,
            until_ms=until_ms,
            by=event.by,
            at_ms=wall_ms,
        )
        take(self._overrides, override)
        self.calendar = calendar_of(self._config, self._overrides)


def _name_of(calendar: Hours | str) -> str:
    return "always" if isinstance(calendar, Hours) else calendar


class HoursCalendar:
    """Sessions at written hours of some days of the week."""

    def __init__(self, hours: Hours, timezone: str) -> None:
        self._hours = hours
        self._zone = ZoneInfo(timezone)
        self._shut: list[Span] = []
        self._later_ms: dict[date, int] = {}
        self._known: dict[tuple[date, str], list[Span]] = {}

    def close(self, start_ms: int, end_ms: int | None) -> None:
        """Have no session from `start_ms` to `end_ms` (None: to the end of the day)."""
        day = self._date(start_ms)
        self._shut.append((start_ms, self._ms(day, 24 * 60) if end_ms is None else end_ms))
        self._known.clear()

    def extend(self, wall_ms: int, for_ms: int) -> None:
        """Have the day's last session close so much later."""
        day = self._date(wall_ms)
        self._later_ms[day] = self._later_ms.get(day, 0) + for_ms
        self._known.clear()

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:
        """Return the open milliseconds of a clock in [start, end]."""
        if clock == "wall":
            return max(0, end_ms - start_ms)
        total = 0
        for begin, end in self._from(start_ms, clock):
            if begin >= end_ms:
                break
            total += max(0, min(end, end_ms) - max(begin, start_ms))
        return total

    def is_open(self, wall_ms: int, clock: str) -> bool:
        """Tell whether a clock runs."""
        return clock == "wall" or self._around(wall_ms, clock) is not None

    def opened_at_ms(self, wall_ms: int) -> int | None:
        """Return when the session opened, None when it is closed."""
        span = self._around(wall_ms, "session")
        return None if span is None else span[0]

    def next_open_ms(self, wall_ms: int) -> int | None:
        """Return when the next session opens, None when there is none for a month."""
        later = (begin for begin, _ in self._from(wall_ms, "session") if begin > wall_ms)
        return next(later, None)

    def closes_at_ms(self, wall_ms: int) -> int | None:
        """Return when the session closes, None when it is closed."""
        span = self._around(wall_ms, "session")
        return None if span is None else span[1]

    def trading_day(self, wall_ms: int) -> str:
        """Return the local date (ISO)."""
        return self._date(wall_ms).isoformat()

    def outlook(self, wall_ms: int) -> Outlook:
        """Return that written hours never end, and that the engine is due while they last."""
        return Outlook(engine_due_ms=self.opened_at_ms(wall_ms))

    def _around(self, wall_ms: int, clock: str) -> Span | None:
        for begin, end in self._spans(self._date(wall_ms), clock):
            if begin <= wall_ms < end:
                return begin, end
        return None

    def _from(self, start_ms: int, clock: str) -> Iterator[Span]:
        day = self._date(start_ms)
        for days in range(_FARTHEST_DAYS):
            yield from self._spans(day + timedelta(days=days), clock)

    def _spans(self, day: date, clock: str) -> list[Span]:
        known = self._known.get((day, clock))
        if known is None:
            known = self._known[day, clock] = _without(self._planned(day, clock), self._shut)
        return known

    def _planned(self, day: date, clock: str) -> list[Span]:
        if day.weekday() not in self._hours.days or day.isoformat() in self._hours.holidays:
            return []
        planned = [(self._ms(day, a), self._ms(day, b)) for a, b in self._hours.intervals]
        begin, end = planned[-1]
        planned[-1] = begin, end + self._later_ms.get(day, 0)
        if clock == "preopen":
            early_ms = PREOPEN // timedelta(milliseconds=1)
            planned = _joined([(begin - early_ms, end) for begin, end in planned])
        return planned

    def _date(self, wall_ms: int) -> date:
        return datetime.fromtimestamp(wall_ms / 1000, self._zone).date()

    def _ms(self, day: date, minutes: int) -> int:
        midnight = datetime.combine(day + timedelta(days=minutes // 1440), time(), self._zone)
        moment = midnight.replace(hour=minutes % 1440 // 60, minute=minutes % 60)
        return round(moment.timestamp() * 1000)


def _joined(spans: list[Span]) -> list[Span]:
    joined = spans[:1]
    for begin, end in spans[1:]:
        if begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined


def _without(spans: list[Span], shut: list[Span]) -> list[Span]:
    for start, stop in shut:
        left = [
            piece
            for begin, end in spans
            for piece in ((begin, min(end, start)), (max(begin, stop), end))
            if piece[0] < piece[1]
        ]
        spans = left
    return spans
