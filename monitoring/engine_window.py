"""The part of the day in which the engine is meant to run, for one that doesn't trade all of it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from monitoring.market_override import Span
from monitoring.session_days import clock_time


class EngineWindow:
    """`HH:MM-HH:MM` of every date in a timezone, [from, until); None: all of every session."""

    def __init__(self, text: str | None, zone: ZoneInfo) -> None:
        self._zone = zone
        self._times = None if text is None else tuple(map(clock_time, text.split("-")))

    def holds(self, wall_ms: int) -> bool:
        """Tell whether the engine is meant to run at a moment, if the market is open then."""
        span = self._span(wall_ms)
        return span is None or span[0] <= wall_ms < span[1]

    def due_ms(self, wall_ms: int, opened_ms: int) -> int | None:
        """Return since when the engine has been due in the session that opened at `opened_ms`;
        None: it isn't at `wall_ms`.
        """
        span = self._span(wall_ms)
        if span is None:
            return opened_ms
        return max(opened_ms, span[0]) if span[0] <= wall_ms < span[1] else None

    def _span(self, wall_ms: int) -> Span | None:
        if self._times is None:
            return None
        day = datetime.fromtimestamp(wall_ms / 1000, self._zone).date()
        begin, end = (
            round(datetime.combine(day, at, self._zone).timestamp() * 1000) for at in self._times
        )
        return begin, end
