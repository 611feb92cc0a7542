"""What `monitor market show` says: records for `--json`, and their lines."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from monitoring.calendar import Outlook, TradingCalendar, calendar_of
from monitoring.config import Config
from monitoring.market_override import MarketOverride, Overrides, in_force
from monitoring.market_override import Span as OpenSpan
from monitoring.market_words import said
from monitoring.session_days import Day
from scripts.cli import words
from scripts.cli.market_state import market_state
from scripts.cli.terminal import Line, Span

NEXT_SESSIONS = 5
SHORT_ID = 8


class DayShown(msgspec.Struct, frozen=True, kw_only=True):
    """One date: its sessions as HH:MM-HH:MM after overrides, and why they are as they are."""

    date: str
    sessions: list[str]
    name: str = ""
    certainty: str = "confirmed"
    provisional: bool = False
    known: bool = True
    note: str = ""


class OverrideShown(msgspec.Struct, frozen=True, kw_only=True):
    """One override in force; `id` is what `market clear` takes back."""

    id: str
    action: str
    said: str


class MarketShown(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `market show` knows. Without a schedule (`always`) there are no days."""

    calendar: str
    segment: str | None
    state: str
    engine_window: str | None
    horizon: str | None = None
    horizon_days: float | None = None
    days: list[DayShown] = []
    later: list[DayShown] = []
    overrides: list[OverrideShown] = []


def shown(config: Config, overrides: Overrides, now_ms: int) -> MarketShown:
    """Return what is to be shown. Raises ScheduleFault."""
    settings = config.calendar
    state = market_state(config, overrides, now_ms)
    calendar = calendar_of(config, overrides)
    if not isinstance(calendar, TradingCalendar):
        return MarketShown(
            calendar=settings.name, segment=None, state=state, engine_window=settings.engine_window
        )
    days = _days(calendar, now_ms)
    outlook: Outlook = calendar.outlook(now_ms)
    return MarketShown(
        calendar=settings.name,
        segment=settings.segment,
        state=state,
        engine_window=settings.engine_window,
        horizon=calendar.horizon,
        horizon_days=outlook.horizon_days,
        days=days,
        later=[_shown(calendar, day) for day in calendar.specials_after(days[-1].date)],
        overrides=[_override(one, calendar.zone) for one in in_force(overrides.values(), now_ms)],
    )


def market_screen(found: MarketShown) -> list[Line]:
    """Return the lines of the screen."""
    where = f"calendar {found.calendar}" + (f" {found.segment}" if found.segment else "")
    window = f", engine {found.engine_window}" if found.engine_window else ""
    lines: list[Line] = [[Span(found.state, "strong"), Span(f"   {where}{window}", "dim")]]
    if found.horizon is None:
        return lines
    labels = ["today", "next", *[""] * len(found.days)]
    lines += [_line(label, day) for label, day in zip(labels, found.days, strict=False)]
    lines += [_line("later" if index == 0 else "", day) for index, day in enumerate(found.later)]
    left = found.horizon_days or 0
    end = f"The schedule is known to {found.horizon}"
    if left < 0:
        over = ", which is over: weekdays go on with the regular hours, holidays are not known"
        lines.append([Span(f"{end}{over}", "bad")])
    else:
        said_ = words.count(round(left), "day")
        lines.append([Span(f"{end} ({said_} left)", "warn" if left < 30 else "")])
    lines += _notes([*found.days, *found.later])
    if found.overrides:
        lines.append([Span("In force (`monitor market clear ID` takes one back):", "strong")])
        lines += [
            [Span(f"  {one.id[:SHORT_ID]}  "), Span(one.said, "warn")] for one in found.overrides
        ]
    return lines


def _line(label: str, day: DayShown) -> Line:
    then = date.fromisoformat(day.date)
    hours = ", ".join(day.sessions) or "closed"
    line = [
        Span(f"{label:<6}", "dim"),
        Span(f"{then:%a %d %b %Y}  "),
        Span(f"{hours:<13}", "" if day.sessions else "dim"),
    ]
    if day.name:
        line.append(Span(f"  {day.name}"))
    if not day.known:
        line.append(Span("  past the schedule: a guess", "warn"))
    elif day.provisional:
        line.append(Span(f"  provisional ({day.certainty})", "warn"))
    return line


def _notes(days: list[DayShown]) -> list[Line]:
    """Return what is not certain about these days, each thing once."""
    notes = dict.fromkeys(day.note for day in days if day.provisional and day.note)
    if not notes:
        return []
    heading = "Provisional: compare with the exchange's circular. What is known:"
    return [[Span(heading, "warn")], *([Span(f"  {note}")] for note in notes)]


def _days(calendar: TradingCalendar, now_ms: int) -> list[DayShown]:
    """Return today and what comes until so many sessions are in it, without plain weekends."""
    at = words.local(now_ms, calendar.zone)
    found = [_shown(calendar, calendar.day(now_ms))]
    sessions = 0
    while sessions < NEXT_SESSIONS:
        at = datetime.combine(at.date() + timedelta(days=1), at.time(), calendar.zone)
        day = calendar.day(round(at.timestamp() * 1000))
        one = _shown(calendar, day)
        if one.sessions or one.name:
            found.append(one)
        sessions += bool(one.sessions)
    return found


def _shown(calendar: TradingCalendar, day: Day) -> DayShown:
    sessions = calendar.sessions_on(day.date)
    skipped = bool(day.spans) and not sessions
    opened = calendar.opened_by_word(day.date)
    return DayShown(
        date=day.date,
        sessions=[_hours(one, calendar.zone) for one in sessions],
        name="no session, by your word" if skipped else "by your word" if opened else day.name,
        certainty=day.certainty,
        provisional=day.provisional and not (skipped or opened),
        known=day.known,
        note=day.note,
    )


def _hours(span: OpenSpan, zone: ZoneInfo) -> str:
    begin, end = (words.local(ms, zone) for ms in span)
    return f"{begin:%H:%M}–{end:%H:%M}"


def _override(one: MarketOverride, zone: ZoneInfo) -> OverrideShown:
    return OverrideShown(id=one.id, action=one.action, said=said(one, zone))
