"""`monitor market`: the sessions as the rules see them, and the operator's word over them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import click

from monitoring.calendar import TradingCalendar, calendar_of
from monitoring.market_override import Action, MarketOverride, end_of_day_ms
from monitoring.schedule import ScheduleFault
from monitoring.session_days import clock_time
from scripts.cli.desk import Desk, desk
from scripts.cli.failure import Failure
from scripts.cli.look import overrides_of
from scripts.cli.market_request import ask
from scripts.cli.market_screen import market_screen, shown
from scripts.cli.moments import DurationType
from scripts.cli.tail import config_of
from scripts.cli.terminal import show, show_json, uncut

REFUSED = 1
_F = TypeVar("_F", bound=Callable[..., Any])


class ClockTime(click.ParamType[str]):
    """A time of day, HH:MM."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the time, or refuse the value in words."""
        try:
            return f"{clock_time(str(value)):%H:%M}"
        except ValueError:
            self.fail(f"{str(value)!r} is no time of day: write 15:45.", param, ctx)


class HoursType(click.ParamType[tuple[str, str]]):
    """Two times of day, HH:MM-HH:MM."""

    name = "hours"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return when it opens and closes, or refuse the value in words."""
        try:
            opens, closes = (f"{clock_time(one):%H:%M}" for one in str(value).split("-"))
        except ValueError:
            self.fail(f"{str(value)!r} are no hours: write 18:15-19:15.", param, ctx)
        if opens >= closes:
            self.fail(f"{closes} is not after {opens}.", param, ctx)
        return opens, closes


class DateType(click.ParamType[str]):
    """A date: ISO, today or tomorrow. The two words are understood when today is known."""

    name = "date"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the date, or refuse the value in words."""
        text = str(value).strip().lower()
        if text in {"today", "tomorrow"}:
            return text
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            self.fail(
                f"{str(value)!r} is no date: write 2026-10-21, today or tomorrow.", param, ctx
            )


def spoken(command: _F) -> _F:
    """Add the options of every command that changes something."""
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(
        command
    )
    command = click.option("--reason", metavar="TEXT", help="Why, for whoever reads the log.")(
        command
    )
    return click.option("--by", metavar="NAME", help="Who says so.  [$USER]")(command)


@click.group()
def market() -> None:
    """Today's sessions, and your word over them.

    A change is in force within one interval, is logged with who and why, survives a restart, and
    ends with its date. Times are the exchange's.
    """


@market.command("show", short_help="Sessions, holidays, what is in force.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_(as_json: bool) -> None:
    """Show today's and the next sessions, holidays, what is provisional, and what is overridden."""
    here = desk()
    config = config_of(here.home)
    overrides = overrides_of(here.home)
    try:
        found = shown(config, overrides, here.clock().wall_ms)
    except ScheduleFault as fault:
        raise Failure(f"{fault}.", "Install Tickbeat again.", code=3) from None
    if as_json:
        show_json(found)
    else:
        show(market_screen(found), uncut(here.terminal))


@market.command("open", short_help="A session of your own hours.")
@click.argument("hours", type=HoursType(), metavar="HH:MM-HH:MM")
@click.option("--on", "day", type=DateType(), metavar="DATE", help="On which date.  [today]")
@spoken
def open_(
    hours: tuple[str, str], day: str | None, by: str | None, reason: str | None, as_json: bool
) -> int:
    """Give a date one session, whatever the schedule says: Muhurat hours, a Saturday session.

    Exit codes as for close.
    """
    here, calendar, now_ms = _exchange()
    on = _date(day or "today", calendar, now_ms)
    begin_ms, until_ms = (_ms(calendar, on, text) for text in hours)
    override = MarketOverride(
        id="",
        action="open",
        date=on,
        ends_ms=end_of_day_ms(on, calendar.zone),
        from_ms=begin_ms,
        until_ms=until_ms,
    )
    return ask(here, override, "open", by, reason, as_json=as_json)


@market.command(short_help="No session for the rest of today.")
@click.option("--until", type=ClockTime(), metavar="HH:MM", help="Opens again.  [tomorrow]")
@spoken
def close(until: str | None, by: str | None, reason: str | None, as_json: bool) -> int:
    """Close the market for the rest of today, or until a time: the session rules sleep.

    Exit code: 0 done, 1 refused, 3 queued (done when the scheduler runs).
    """
    here, calendar, now_ms = _exchange()
    until_ms = None if until is None else _today_ms(calendar, now_ms, until)
    override = _today(calendar, "close", now_ms, until_ms=until_ms)
    return ask(here, override, "close", by, reason, as_json=as_json)


@market.command(short_help="Today's session ends later.")
@click.argument("until", type=ClockTime(), metavar="HH:MM")
@spoken
def extend(until: str, by: str | None, reason: str | None, as_json: bool) -> int:
    """Let today's last session end later, at HH:MM. Exit codes as for close."""
    here, calendar, now_ms = _exchange()
    until_ms = _today_ms(calendar, now_ms, until)
    override = _today(calendar, "extend", now_ms, until_ms=until_ms)
    return ask(here, override, "extend", by, reason, as_json=as_json)


@market.command(short_help="The session clock stands still.")
@click.option("--for", "for_ms", type=DurationType(), metavar="DURATION", help="So long: 45m.")
@click.option("--until", type=ClockTime(), metavar="HH:MM", help="Until then.  [until cleared]")
@spoken
def halt(
    for_ms: int | None, until: str | None, by: str | None, reason: str | None, as_json: bool
) -> int:
    """Halt the session clock: durations stand still until trading goes on.

    Without a time it lasts until `monitor market clear halt`, or to the end of the day. Exit codes
    as for close.
    """
    if for_ms is not None and until is not None:
        raise click.UsageError("Give --for or --until, not both.")
    here, calendar, now_ms = _exchange()
    until_ms = None if for_ms is None else now_ms + for_ms
    if until is not None:
        until_ms = _today_ms(calendar, now_ms, until)
    override = _today(calendar, "halt", now_ms, until_ms=until_ms)
    return ask(here, override, "halt", by, reason, as_json=as_json)


@market.command(short_help="No session on a date.")
@click.argument("day", type=DateType(), metavar="DATE")
@spoken
def skip(day: str, by: str | None, reason: str | None, as_json: bool) -> int:
    """Have no session on DATE (2026-10-21, today, tomorrow): a holiday declared late.

    Exit codes as for close.
    """
    here, calendar, now_ms = _exchange()
    day = _date(day, calendar, now_ms)
    override = MarketOverride(
        id="", action="skip", date=day, ends_ms=end_of_day_ms(day, calendar.zone)
    )
    return ask(here, override, "skip", by, reason, as_json=as_json)


@market.command(short_help="Take any of that back.")
@click.argument("target")
@spoken
def clear(target: str, by: str | None, reason: str | None, as_json: bool) -> int:
    """Take overrides back. TARGET is the beginning of an id that `show` prints, a date, a
    command (open, close, extend, halt, skip), or all.

    Exit codes as for close.
    """
    here, calendar, now_ms = _exchange()
    return ask(here, _today(calendar, "clear", now_ms), target, by, reason, as_json=as_json)


def _exchange() -> tuple[Desk, TradingCalendar, int]:
    """Return the desk, the calendar as it is now, and the time. Raises `Failure`."""
    here = desk()
    try:
        calendar = calendar_of(config_of(here.home), overrides_of(here.home))
    except ScheduleFault as fault:
        raise Failure(f"{fault}.", "Install Tickbeat again.", code=3) from None
    if not isinstance(calendar, TradingCalendar):
        raise Failure(
            "The calendar is `always`: it has no sessions to change.",
            'Set calendar.name = "XNSE" in monitor.toml, or silence what should be quiet.',
            code=REFUSED,
        )
    return here, calendar, here.clock().wall_ms


def _today(
    calendar: TradingCalendar, action: Action, now_ms: int, *, until_ms: int | None = None
) -> MarketOverride:
    day = calendar.trading_day(now_ms)
    return MarketOverride(
        id="",
        action=action,
        date=day,
        ends_ms=end_of_day_ms(day, calendar.zone),
        from_ms=now_ms,
        until_ms=until_ms,
    )


def _today_ms(calendar: TradingCalendar, now_ms: int, text: str) -> int:
    return _ms(calendar, calendar.trading_day(now_ms), text)


def _ms(calendar: TradingCalendar, day: str, text: str) -> int:
    moment = datetime.combine(date.fromisoformat(day), clock_time(text), calendar.zone)
    return round(moment.timestamp() * 1000)


def _date(day: str, calendar: TradingCalendar, now_ms: int) -> str:
    if day not in {"today", "tomorrow"}:
        return day
    today = date.fromisoformat(calendar.trading_day(now_ms))
    return (today + timedelta(days=day == "tomorrow")).isoformat()
