"""A schedule, date by date: which sessions, why none, and how sure that is."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from monitoring.market_override import Span
from monitoring.schedule import Certainty, Hours, Schedule


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One date as the schedule has it. `spans` are its sessions, without any on a closed day.

    `name` is that of the special session or the holiday, "" on a usual day. `provisional`: look
    before you trust it. `known`: the date lies within the schedule; outside of it every weekday
    has the regular hours.
    """

    date: str
    spans: tuple[Span, ...]
    name: str = ""
    certainty: Certainty = "confirmed"
    provisional: bool = False
    known: bool = True
    note: str = ""


class SessionDays:
    """The dates of one segment. Raises KeyError for a segment that the schedule doesn't have."""

    def __init__(self, schedule: Schedule, segment: str) -> None:
        self.zone = ZoneInfo(schedule.timezone)
        self.begins, self.horizon = schedule.begins, schedule.horizon
        self._rules = schedule.segments[segment].regular
        self._since = [rule.since for rule in self._rules]
        self._holidays = {one.date: one for one in schedule.holidays}
        self._specials = {one.date: one for one in schedule.specials if segment in one.segments}

    def day(self, day: date) -> Day:
        """Return what is known of a date."""
        text = day.isoformat()
        special = self._specials.get(text)
        if special is not None:
            return Day(
                date=text,
                spans=self._spans(day, special.hours),
                name=special.name,
                certainty=special.certainty,
                provisional=special.provisional,
                note=special.note,
            )
        known = self.begins <= text <= self.horizon
        holiday = self._holidays.get(text)
        if holiday is not None:
            return Day(
                date=text,
                spans=(),
                name=holiday.name,
                certainty=holiday.certainty,
                provisional=holiday.provisional,
                note=holiday.note,
            )
        if day.weekday() > 4:
            return Day(date=text, spans=(), known=known)
        rule = self._rules[max(0, bisect_right(self._since, text) - 1)]
        return Day(
            date=text,
            spans=self._spans(day, rule.hours),
            certainty=rule.certainty if known else "assumed",
            provisional=rule.provisional,
            known=known,
            note=rule.note,
        )

    def doubtful(self) -> list[Day]:
        """Return the provisional days that the operator should look at: special sessions and
        holidays, and of regular hours the first day under them. After it they are seen daily.
        """
        dates = {one.date for one in self._specials.values() if one.provisional}
        dates |= {one.date for one in self._holidays.values() if one.provisional}
        found = {one: self.day(date.fromisoformat(one)) for one in dates}
        for rule in self._rules:
            if rule.provisional:
                first = date.fromisoformat(rule.since)
                while not self.day(first).spans:
                    first += timedelta(days=1)
                found[first.isoformat()] = self.day(first)
        return [found[one] for one in sorted(found)]

    def specials_after(self, day: str) -> list[Day]:
        """Return the special sessions after a date (ISO)."""
        dates = sorted(one for one in self._specials if one > day)
        return [self.day(date.fromisoformat(one)) for one in dates]

    def midnight_ms(self, day: date) -> int:
        """Return when a date begins."""
        return self._ms(day, time())

    def _spans(self, day: date, hours: tuple[Hours, ...]) -> tuple[Span, ...]:
        return tuple(
            (self._ms(day, clock_time(one.opens)), self._ms(day, clock_time(one.closes)))
            for one in hours
        )

    def _ms(self, day: date, at: time) -> int:
        return round(datetime.combine(day, at, self.zone).timestamp() * 1000)


def clock_time(text: str) -> time:
    """Return the time of day that HH:MM means. Raises ValueError."""
    hours, minutes = text.split(":")
    return time(int(hours), int(minutes))
