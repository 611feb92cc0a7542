"""The operator's word on the market: each request taken or refused, and the calendar under it."""

from __future__ import annotations

from evaluator.instant import Instant
from monitoring.alert_entry import Notice
from monitoring.calendar import TradingCalendar, calendar_of
from monitoring.config import Config
from monitoring.market_override import MarketOverride, Overrides, end_of_day_ms, in_force, take
from monitoring.market_words import said
from monitoring.spool import Request
from scheduler.market_checks import why_not
from scheduler.requests import SHORTEST_PREFIX

_FROM = ("open", "close", "halt")
_UNTIL = ("open", "close", "halt", "extend")


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
        """Return the line that answers a request: an override to take, or why it can't be.

        A request is a file that anybody may have left there: nothing in it is taken unchecked.
        """
        wanted = request.market
        if wanted is None:
            return _refused("it doesn't say what to do with the market")
        calendar = self.calendar
        if not isinstance(calendar, TradingCalendar):
            return _refused("the calendar is `always`: it has no sessions to change")
        try:
            ends_ms = end_of_day_ms(wanted.date, calendar.zone)
        except (ValueError, OverflowError):
            return _refused(f"{wanted.date[:40]!r} is no date")
        action = wanted.action
        override = MarketOverride(
            id=request.id,
            action=action,
            date=wanted.date,
            ends_ms=ends_ms,
            from_ms=wanted.from_ms if action in _FROM else 0,
            until_ms=wanted.until_ms if action in _UNTIL else None,
            clears=self._cleared(request.target, at.wall_ms) if action == "clear" else (),
            by=request.by,
            reason=request.reason,
            at_ms=at.wall_ms,
        )
        if action == "clear":
            nothing = (
                f"no override in force is called {request.target!r}: see `monitor market show`"
            )
            why = None if override.clears else nothing
        else:
            why = why_not(override, calendar, at.wall_ms)
        if why is not None:
            return _refused(why)
        return Notice(kind="market", reason=said(override, calendar.zone), market=override)

    def _cleared(self, target: str, now_ms: int) -> tuple[str, ...]:
        long_enough = len(target) >= SHORTEST_PREFIX
        return tuple(
            one.id
            for one in in_force(self._overrides.values(), now_ms)
            if target in ("all", one.action, one.date)
            or (long_enough and one.id.startswith(target))
        )


def _refused(words: str) -> Notice:
    return Notice(kind="request", reason=words, rule="market")
