"""The market at one moment, in the words of the status screen."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitoring.calendar import TradingCalendar, calendar_of
from monitoring.config import Config
from monitoring.market_override import Overrides
from monitoring.schedule import ScheduleFault
from scripts.cli import words

FAR_DAYS = 6
"""A weekday's name alone is clear for so long."""


def market_state(config: Config, overrides: Overrides, now_ms: int) -> str:
    """Return OPEN, closes 15:30 (4h48m) · CLOSED, opens Mon 09:15 (Holi) · HALTED until 11:15."""
    try:
        calendar = calendar_of(config, overrides)
    except (ScheduleFault, KeyError) as fault:
        return f"UNKNOWN ({fault})"
    if isinstance(calendar, TradingCalendar):
        return _of(calendar, now_ms)
    return f"OPEN (calendar: {config.calendar.name})"


def _of(calendar: TradingCalendar, now_ms: int) -> str:
    closes_ms = calendar.closes_at_ms(now_ms)
    if closes_ms is not None:
        left = words.age((closes_ms - now_ms) / 1000)
        return f"OPEN, closes {words.local(closes_ms, calendar.zone):%H:%M} ({left})"
    next_ms = calendar.next_open_ms(now_ms)
    halt = calendar.halt_at(now_ms)
    if halt is not None:
        until = None if halt.until_ms is None else words.local(halt.until_ms, calendar.zone)
        why = f' "{halt.reason}"' if halt.reason else ""
        return f"HALTED{'' if until is None else f' until {until:%H:%M}'}{why}"
    if next_ms is None:
        return "CLOSED"
    opens = opening(next_ms, now_ms, calendar)
    because = why_closed(calendar, now_ms, next_ms)
    return f"CLOSED, opens {opens}{f' ({because})' if because else ''}"


def opening(next_ms: int, now_ms: int, calendar: TradingCalendar) -> str:
    """Return when it opens: 09:15 today, Mon 09:15, or 12 Oct 09:15 when that is far off."""
    then, today = words.local(next_ms, calendar.zone), words.local(now_ms, calendar.zone).date()
    if then.date() == today:
        return f"{then:%H:%M}"
    if then.date() - today <= timedelta(days=FAR_DAYS):
        return f"{then:%a %H:%M}"
    return f"{then.day} {then:%b %H:%M}"


def why_closed(calendar: TradingCalendar, now_ms: int, next_ms: int) -> str:
    """Return the holidays between now and the next open, "" when there are none."""
    names: list[str] = []
    at = words.local(now_ms, calendar.zone)
    last = words.local(next_ms, calendar.zone).date()
    while at.date() < last:
        day = calendar.day(round(at.timestamp() * 1000))
        if day.name and not day.spans and day.name not in names:
            names.append(day.name)
        at = datetime.combine(at.date() + timedelta(days=1), at.time(), calendar.zone)
    return ", ".join(names)
