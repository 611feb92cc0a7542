"""Trading sessions: the clock that rules are judged on.

`always` never closes. XNSE is the checked-in schedule with the operator's word over it; where it
ends, weekdays go on with the regular hours, and `Outlook.horizon_days` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from evaluator.instant import Sessions
from monitoring.config import Config
from monitoring.engine_window import EngineWindow
from monitoring.market_override import (
    MarketOverride,
    Span,
    closed,
    cut_of,
    halted,
    scheduled,
)
from monitoring.schedule import load_schedule
from monitoring.session_days import Day, SessionDays
from monitoring.spans import Spans

PREOPEN_MS = 90 * 60_000
"""The preopen clock begins so long before a session."""
DAY_MS = 86_400_000
NO_END_DAYS = 36_500.0
"""A schedule that never ends, and no provisional session in it: a hundred years."""
FIRST_YEAR, LAST_YEAR = 1970, 2199


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What a calendar says of itself at a moment, in days to come, and of the engine's window.

    `engine_due_ms`: since when the engine has been due (POSIX ms), None: it isn't now.
    """

    horizon_days: float = NO_END_DAYS
    provisional_within_days: float = NO_END_DAYS
    engine_window: bool = True
    engine_due_ms: int | None = None


class Calendar(Sessions, Protocol):
    """Sessions that also know how far they can be trusted."""

    def outlook(self, wall_ms: int) -> Outlook:
        """Return what is to be known at the POSIX time `wall_ms`."""


class AlwaysOpen:
    """A market that never closes: every clock runs all the time; days change at local midnight."""

    def __init__(self, timezone: str, engine_window: str | None = None) -> None:
        self._zone = ZoneInfo(timezone)
        self._window = EngineWindow(engine_window, self._zone)

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:  # noqa: ARG002 -- of Sessions
        """Return the open milliseconds in [start, end]: all of them."""
        return max(0, end_ms - start_ms)

    def is_open(self, wall_ms: int, clock: str) -> bool:  # noqa: ARG002 -- of Sessions
        """Tell whether the clock runs: always."""
        return True

    def opened_at_ms(self, wall_ms: int) -> int | None:  # noqa: ARG002 -- of Sessions
        """Return when it opened: at the beginning of time."""
        return 0

    def next_open_ms(self, wall_ms: int) -> int | None:  # noqa: ARG002 -- of Sessions
        """Return when it opens next: it is open."""
        return None

    def closes_at_ms(self, wall_ms: int) -> int | None:  # noqa: ARG002 -- of Sessions
        """Return when it closes: never."""
        return None

    def trading_day(self, wall_ms: int) -> str:
        """Return the local date (ISO)."""
        return datetime.fromtimestamp(wall_ms / 1000, self._zone).date().isoformat()

    def outlook(self, wall_ms: int) -> Outlook:
        """Return that it never ends, and what the engine's window says."""
        return Outlook(
            engine_window=self._window.holds(wall_ms),
            engine_due_ms=self._window.due_ms(wall_ms, 0),
        )


class TradingCalendar:
    """The sessions of one segment. Pure: the same questions have the same answers.

    `session` runs in the sessions, [open, close); `preopen` from 90 minutes before each; `wall`
    always. A halt stops `session` alone.
    """

    def __init__(
        self,
        days: SessionDays,
        overrides: Iterable[MarketOverride] = (),
        engine_window: str | None = None,
    ) -> None:
        self.zone, self.horizon = days.zone, days.horizon
        self._days = days
        self._overrides: dict[str, list[MarketOverride]] = {}
        for one in overrides:
            self._overrides.setdefault(one.date, []).append(one)
        self._window = EngineWindow(engine_window, days.zone)
        end = date.fromisoformat(days.horizon) + timedelta(days=1)
        self._horizon_ms = days.midnight_ms(end)
        settled = {
            one.date
            for of_day in self._overrides.values()
            for one in of_day
            if one.action in ("open", "skip")
        }
        self._doubtful = [self._bounds(one) for one in days.doubtful() if one.date not in settled]
        self._years = (date.fromisoformat(days.begins).year, end.year)
        self._today = (0, 0, "")
        self._lay_out()

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:
        """Return the open milliseconds of a clock in [start, end]."""
        if clock == "wall":
            return max(0, end_ms - start_ms)
        return self._clock(clock, start_ms, end_ms).total_ms(start_ms, end_ms)

    def is_open(self, wall_ms: int, clock: str) -> bool:
        """Tell whether a clock runs."""
        return clock == "wall" or self._clock(clock, wall_ms, wall_ms).at(wall_ms) is not None

    def opened_at_ms(self, wall_ms: int) -> int | None:
        """Return when the session opened, or went on after a halt; None: it isn't open."""
        span = self._clock("session", wall_ms, wall_ms).at(wall_ms)
        return None if span is None else span[0]

    def closes_at_ms(self, wall_ms: int) -> int | None:
        """Return when the session closes; None: it isn't open."""
        span = self._clock("session", wall_ms, wall_ms).at(wall_ms)
        return None if span is None else span[1]

    def next_open_ms(self, wall_ms: int) -> int | None:
        """Return when the session opens next, or goes on after a halt; None: not in a year."""
        return self._clock("session", wall_ms, wall_ms + 366 * DAY_MS).next_start(wall_ms)

    def trading_day(self, wall_ms: int) -> str:
        """Return the exchange's date (ISO)."""
        begin, end, text = self._today
        if not begin <= wall_ms < end:
            day = self._date(wall_ms)
            begin, text = self._days.midnight_ms(day), day.isoformat()
            self._today = begin, self._days.midnight_ms(day + timedelta(days=1)), text
        return text

    def outlook(self, wall_ms: int) -> Outlook:
        """Return how far the schedule can be trusted, and what the engine's window says."""
        to_come = [begin for begin, end in self._doubtful if wall_ms < end]
        opened_ms = self.opened_at_ms(wall_ms)
        return Outlook(
            horizon_days=float((self._horizon_ms - wall_ms) // DAY_MS),
            provisional_within_days=(
                max(0.0, (to_come[0] - wall_ms) / DAY_MS) if to_come else NO_END_DAYS
            ),
            engine_window=self._window.holds(wall_ms),
            engine_due_ms=None if opened_ms is None else self._window.due_ms(wall_ms, opened_ms),
        )

    def day(self, wall_ms: int) -> Day:
        """Return what the schedule has for the exchange's date, before the operator's word."""
        return self._days.day(self._date(wall_ms))

    def sessions_of(self, wall_ms: int) -> list[Span]:
        """Return the sessions of the exchange's date, with all but halts taken into account."""
        return self._sessions(self.day(wall_ms))

    def sessions_on(self, day: str) -> list[Span]:
        """Return the same for any date (ISO). Raises ValueError when it is none."""
        return self._sessions(self._days.day(date.fromisoformat(day)))

    def specials_after(self, day: str) -> list[Day]:
        """Return the special sessions after a date (ISO), as the schedule has them."""
        return self._days.specials_after(day)

    def opened_by_word(self, day: str) -> bool:
        """Tell whether the operator gave a date (ISO) its session."""
        return any(one.action == "open" for one in self._overrides.get(day, []))

    def halt_at(self, wall_ms: int) -> MarketOverride | None:
        """Return the halt that stops a session now."""
        if not any(begin <= wall_ms < end for begin, end in self.sessions_of(wall_ms)):
            return None
        for one in self._overrides.get(self.trading_day(wall_ms), []):
            begin, end = cut_of(one)
            if one.action == "halt" and begin <= wall_ms < end:
                return one
        return None

    def _sessions(self, day: Day) -> list[Span]:
        overrides = self._overrides.get(day.date, [])
        return closed(scheduled(day.spans, overrides), overrides) if overrides else [*day.spans]

    def _clock(self, clock: str, start_ms: int, end_ms: int) -> Spans:
        if start_ms < self._from_ms or end_ms >= self._until_ms:
            self._reach(start_ms, end_ms)
        return self._preopen if clock == "preopen" else self._session

    def _reach(self, start_ms: int, end_ms: int) -> None:
        """Lay out the years that a question is about: a clock may be years off."""
        first, last = self._years
        years = (
            max(FIRST_YEAR, min(first, self._date(start_ms).year)),
            min(LAST_YEAR, max(last, self._date(end_ms).year)),
        )
        if years != self._years:
            self._years = years
            self._lay_out()

    def _lay_out(self) -> None:
        first, last = date(self._years[0], 1, 1), date(self._years[1] + 1, 1, 1)
        self._from_ms, self._until_ms = self._days.midnight_ms(first), self._days.midnight_ms(last)
        session: list[Span] = []
        preopen: list[Span] = []
        for number in range(first.toordinal(), last.toordinal()):
            day = self._days.day(date.fromordinal(number))
            overrides = self._overrides.get(day.date)
            if not day.spans and not overrides:
                continue
            spans = self._sessions(day)
            preopen += [(begin - PREOPEN_MS, end) for begin, end in spans]
            session += halted(spans, overrides) if overrides else spans
        self._session, self._preopen = Spans(session), Spans(preopen)

    def _date(self, wall_ms: int) -> date:
        try:
            return datetime.fromtimestamp(wall_ms / 1000, self.zone).date()
        except (OverflowError, ValueError, OSError):
            edge = FIRST_YEAR if wall_ms < 0 else LAST_YEAR
            return datetime(edge, 1, 1, tzinfo=UTC).date()

    def _bounds(self, day: Day) -> Span:
        """Return when a day that is in doubt begins and ends to matter."""
        if day.spans:
            return day.spans[0][0], day.spans[-1][1]
        begin = self._days.midnight_ms(date.fromisoformat(day.date))
        return begin, begin + DAY_MS


def calendar_of(config: Config, overrides: Mapping[str, MarketOverride] | None = None) -> Calendar:
    """Return the calendar that the settings name, with the operator's overrides over it.

    Raises ScheduleFault when its file can't be read.
    """
    settings = config.calendar
    if settings.name == "always":
        return AlwaysOpen(config.timezone, settings.engine_window)
    days = SessionDays(load_schedule(settings.name), settings.segment)
    return TradingCalendar(days, (overrides or {}).values(), settings.engine_window)
