"""What of the operator's word on the market makes no sense, and why, in words."""

from __future__ import annotations

from datetime import date

from monitoring.calendar import TradingCalendar
from monitoring.market_override import MarketOverride

FARTHEST_DAYS = 400
"""A date to be opened or skipped lies at most so far ahead; a later one is a typing error."""

_DATED = ("open", "skip")
"""The others are about today."""


def why_not(override: MarketOverride, calendar: TradingCalendar, now_ms: int) -> str | None:
    """Return why an override can't be taken, None when it can. `ends_ms` is the end of its date."""
    today = date.fromisoformat(calendar.trading_day(now_ms))
    days_ahead = (date.fromisoformat(override.date) - today).days
    if override.action not in _DATED and days_ahead != 0:
        return f"{override.date} is not today"
    if days_ahead < 0:
        return f"{override.date} is past"
    if days_ahead > FARTHEST_DAYS:
        return f"{override.date} is more than {FARTHEST_DAYS} days ahead"
    if override.action == "open":
        return _not_to_open(override, calendar)
    sessions = calendar.sessions_on(override.date)
    if not sessions:
        return f"there is no session on {override.date}"
    if override.action == "extend":
        return _not_to_extend(override, max(now_ms, sessions[-1][1]))
    if override.action in ("close", "halt"):
        return _not_to_cut(override, calendar, now_ms, sessions[-1][1])
    return None


def _not_to_open(override: MarketOverride, calendar: TradingCalendar) -> str | None:
    begin_ms, until_ms = override.from_ms, override.until_ms
    if until_ms is None or not begin_ms < until_ms <= override.ends_ms:
        return "it must open before it closes, on one date"
    return _not_of_its_date(override, calendar)


def _not_to_extend(override: MarketOverride, least_ms: int) -> str | None:
    if override.until_ms is None or override.until_ms >= override.ends_ms:
        return "it must say until when, on the same day"
    if override.until_ms <= least_ms:
        return "the session already ends then or later, or that time is over"
    return None


def _not_to_cut(
    override: MarketOverride, calendar: TradingCalendar, now_ms: int, last_close_ms: int
) -> str | None:
    if now_ms >= last_close_ms:
        return "today's session is over"
    until_ms = override.until_ms
    if until_ms is not None and until_ms > override.ends_ms:
        return "it must end on the same day"
    if until_ms is not None and until_ms <= max(now_ms, override.from_ms):
        return "the time that it should last until is over"
    return _not_of_its_date(override, calendar)


def _not_of_its_date(override: MarketOverride, calendar: TradingCalendar) -> str | None:
    if calendar.trading_day(override.from_ms) != override.date:
        return "its hours are not of its date"
    return None
