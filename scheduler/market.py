"""The operator's word on the market: each request taken or refused, and the calendar under it."""

from __future__ import annotations

from datetime import date

import msgspec

from evaluator.instant import Instant
from monitoring.alert_entry import Notice
from monitoring.calendar import TradingCalendar, calendar_of
from monitoring.config import Config
from monitoring.market_override import MarketOverride, Overrides, in_force, take
from monitoring.market_words import said
from monitoring.spool import Request

FARTHEST_DAYS = 400
"""A date to be skipped lies at most so far ahead; a later one is a typing error."""


class Market:
    """Holds the overrides in force and the calendar that they make. Raises ScheduleFault."""

    def __init__(self, config: Config, overrides: Overrides) -> None:
        self._config = config
        self._overrides = dict(overrides)
        self.calendar = calendar_of(config, self._overrides)

    def take(self, override: MarketOverride) -> None:
        """Let an override, whose line is written, be in force."""
        take(self._overrides, override)
        self.calendar = calendar_of(self._config, self._overrides)

    def decide(self, request: Request, at: Instant) -> Notice:
        """Return the line that answers a request: an override to take, or why it can't be."""
        wanted = request.market
        if wanted is None:
            return _refused("it doesn't say what to do with the market")
        calendar = self.calendar
        if not isinstance(calendar, TradingCalendar):
            return _refused("the calendar is `always`: it has no sessions to change")
        override = msgspec.structs.replace(
            wanted,
            id=request.id,
            by=request.by,
            reason=request.reason,
            at_ms=at.wall_ms,
            clears=self._cleared(request.target, at.wall_ms) if wanted.action == "clear" else (),
        )
        why_not = self._why_not(override, calendar, request.target, at.wall_ms)
        if why_not is not None:
            return _refused(why_not)
        return Notice(kind="market", reason=said(override, calendar.zone), market=override)

    def _cleared(self, target: str, now_ms: int) -> tuple[str, ...]:
        return tuple(
            one.id
            for one in in_force(self._overrides.values(), now_ms)
            if target in ("all", one.action, one.date) or (target and one.id.startswith(target))
        )

    def _why_not(
        self, override: MarketOverride, calendar: TradingCalendar, target: str, now_ms: int
    ) -> str | None:
        action, until = override.action, override.until_ms
        if action == "clear":
            nothing = f"no override in force is called {target!r}: see `monitor market show`"
            return None if override.clears else nothing
        try:
            ahead = date.fromisoformat(override.date) - date.fromisoformat(
                calendar.trading_day(now_ms)
            )
        except ValueError:
            return f"{override.date!r} is no date"
        if action == "skip":
            if ahead.days < 0:
                return f"{override.date} is past"
            if ahead.days > FARTHEST_DAYS:
                return f"{override.date} is more than {FARTHEST_DAYS} days ahead"
            sessions = calendar.sessions_on(override.date)
            return None if sessions else f"there is no session on {override.date}"
        if ahead.days != 0:
            return f"{override.date} is not today"
        sessions = calendar.sessions_of(now_ms)
        if not sessions:
            return "there is no session today"
        if action == "extend":
            if until is None or until >= override.ends_ms:
                return "it must say until when, on the same day"
            if until <= now_ms or until <= sessions[-1][1]:
                return "the session already ends then or later, or that time is over"
            return None
        if now_ms >= sessions[-1][1]:
            return "today's session is over"
        if until is not None and until <= now_ms:
            return "the time that it should last until is over"
        return None


def _refused(words: str) -> Notice:
    return Notice(kind="request", reason=words, rule="market")
